"""What a search found: scores by level of each hyperparameter, and which matters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..theme import Theme
from .drawing import Drawing, Entries, Panel, dress, name_ticks
from .finding import level_text, levels_of, validation_name
from .record import PRUNED, Study, Trial
from .summary import best_by_validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = 1.75  # inches left of the bars
BAR = 0.45
MAX_LEVELS = 12  # by name along an axis; more are numbers along a scale
SPREAD = 0.3  # of the distance between levels, over which trials of one level lie side by side


def search_drawing(study: Study) -> Drawing | None:
    """Return a panel for each hyperparameter; None where no trial has a score on validation."""
    trials = [trial for trial in study.trials if trial.validation is not None]
    if not trials:
        return None
    words = (
        f"Each dot is one trial: its {validation_name(study)} on validation, above the level that it had. Hollow dots "
        "were stopped early. The ring is the best trial. A hyperparameter matters if its levels stand at different "
        "heights, whatever the others were."
    )
    panels = [Panel(_panel(study, trials, name)) for name in levels_of(study, trials[0])]
    return Drawing("search", "Trials by level", words, panels, columns=3)


def ordered_levels(trials: Sequence[Trial], name: str) -> list[object]:
    """Return the levels of a hyperparameter in order, of numbers or of words."""
    levels = list(dict.fromkeys(trial.params.get(name) for trial in trials))
    if all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        return sorted(levels)  # type: ignore[type-var]
    return sorted(levels, key=str)


def _panel(study: Study, trials: Sequence[Trial], name: str) -> Callable[[Axes, Theme], Entries]:
    """Return what draws the trials by level of one hyperparameter."""
    levels, best = ordered_levels(trials, name), best_by_validation(trials, study.selects_by)
    scale = len(levels) > MAX_LEVELS and not isinstance(levels[0], str)

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        for n, level in enumerate(levels):
            alike = [trial for trial in trials if trial.params.get(name) == level]
            for place, trial in enumerate(alike):
                away = SPREAD * (place / (len(alike) - 1) - 0.5) if len(alike) > 1 and not scale else 0.0
                x = float(level) if scale else n + away  # type: ignore[arg-type]
                face = "none" if trial.state == PRUNED else theme.lines[0]
                axes.plot([x], [trial.validation], "o", color=theme.lines[0], markerfacecolor=face, markersize=6.5)
                if trial is best:
                    axes.plot([x], [trial.validation], "o", color=theme.lines[1], markerfacecolor="none", markersize=13,
                              markeredgewidth=2)  # fmt: skip
        words = name.replace("_", " ")
        dress(axes, words.capitalize(), words, f"{validation_name(study)} on validation", theme)
        if scale:
            axes.set_xscale("log" if min(levels) > 0 and max(levels) / min(levels) > 50 else "linear")  # type: ignore
        else:
            axes.set_xlim(-0.5, len(levels) - 0.5)
            names = [level_text(level).replace(" ", "\n", 1) for level in levels]
            name_ticks(axes, "x", range(len(levels)), names, theme)
        dot = {"color": theme.lines[0], "linestyle": "", "marker": "o"}
        ring = {"color": theme.lines[1], "linestyle": "", "marker": "o", "markerfacecolor": "none", "markersize": 9}
        entries: Entries = [(dot, "trial"), (ring, "the best on validation")]
        stopped = any(trial.state == PRUNED for trial in trials)
        return entries + ([({**dot, "markerfacecolor": "none"}, "stopped early")] if stopped else [])

    return draw


def importance_drawing(study: Study) -> Drawing | None:
    """Return the importance of each hyperparameter as bars; None where it is not known."""
    if not study.importances:
        return None
    words = (
        "Of how much the score on validation differs between trials, the share that each hyperparameter explains. From "
        "few trials it is a rough estimate, and holds for these levels only."
    )
    shares = dict(sorted(study.importances.items(), key=lambda each: -each[1]))
    panel = Panel(_bars(shares), 0.5 + BAR * len(shares), NAMES)
    return Drawing("importance", "Which hyperparameter matters", words, [panel])


def _bars(shares: Mapping[str, float]) -> Callable[[Axes, Theme], Entries]:
    """Return what draws shares as bars."""

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        places = range(len(shares))
        axes.barh(places, list(shares.values()), height=0.6, color=theme.lines[0])
        dress(axes, "Importance", "share of what levels explain", "", theme)
        for place, share in zip(places, shares.values(), strict=True):
            axes.text(share, place, f" {share:.2f}", va="center", color=theme.text, fontsize=9.5)
        axes.set(ylim=(len(shares) - 0.4, -0.6), xlim=(0, 1.12 * max(1e-9, *shares.values())))
        axes.grid(axis="y", visible=False)
        name_ticks(axes, "y", places, [name.replace("_", " ") for name in shares], theme)
        return []

    return draw
