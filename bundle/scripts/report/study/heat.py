"""Tables of numbers as colours: two factors, and tuned on against scored on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..page.score import is_less_better, name_of
from ..theme import Theme
from .drawing import WIDTH, Drawing, Entries, Panel, dress, name_ticks
from .finding import changes_of, level_text, signed
from .levels import ordered_levels
from .record import Study
from .summary import estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = 1.75  # inches left of the cells
CELL = 0.62
LEVELS, CHANGES = "cividis", "PuOr_r"
"""Maps of colours that are told apart with every common kind of colour blindness."""

Cells = Mapping[tuple[str, str], tuple[float, str]]  # row and column; a number and what stands in the cell


def grid_drawing(study: Study) -> Drawing | None:
    """Return the metric by two factors; None where fewer vary or nothing is scored."""
    if len(study.factors) < 2:
        return None
    down, across = study.factors[:2]
    cells = {}
    for one in ordered_levels(study.trials, down):
        for other in ordered_levels(study.trials, across):
            alike = [
                trial for trial in study.done if (trial.params.get(down), trial.params.get(across)) == (one, other)
            ]
            if found := estimate(alike, study.metric, study.kind_of):
                spread = "" if found.deviation is None else f"\n± {found.deviation:.3f}"
                cells[level_text(one), level_text(other)] = found.mean, f"{found.mean:.3f}{spread}"
    if not cells:
        return None
    words = (
        f"The mean {name_of(study.metric)} on what was held out, over volumes and seeds, ± its standard deviation "
        "over seeds. An empty cell is not scored yet."
    )
    rows, columns = ([level_text(level) for level in ordered_levels(study.trials, each)] for each in (down, across))
    title = f"{name_of(study.metric)} by {down} and {across}".replace("_", " ")
    ends = min(value for value, _ in cells.values()), max(value for value, _ in cells.values())
    names = across.replace("_", " "), down.replace("_", " ")
    panel = Panel(_table(rows, columns, cells, LEVELS, ends, title, names), 0.3 + CELL * len(rows), NAMES)
    return Drawing("grid", "Both factors against each other", words, [panel])


def matrix_drawing(study: Study) -> Drawing | None:
    """Return how tuning on each volume changes each; None where nothing is known."""
    metric = study.metric
    sign = -1 if is_less_better(metric) else 1
    found = {(where, volume): change for where, volume, change in changes_of(study, metric)}
    if not found:
        return None
    cells = {
        place: (each.mean, f"{signed(sign * each.mean)}{'*' * each.clear_among(len(found))}")
        for place, each in found.items()
    }
    rows, columns = (list(dict.fromkeys(place[n] for place in found)) for n in (0, 1))
    columns = [name for name in rows if name in columns] + [name for name in columns if name not in rows]
    most = max(abs(value) for value, _ in cells.values()) or 1.0
    words = (
        f"By how much {name_of(metric)} changes when the shipped weights are tuned on a block of one volume (row) and "
        "scored on another (column), seed by seed. On the diagonal it is the rest of the same volume, outside the "
        "block. An asterisk: by more than the seeds differ, the "
        "number of cells allowed for. Orange is better than without tuning, purple is worse."
    )
    title = f"Change in {name_of(metric)} by tuning"
    table = _table(rows, columns, cells, CHANGES, (-most, most), title, ("scored on", "tuned on"))
    return Drawing("matrix", "What tuning on one volume does to all", words,
                   [Panel(table, 0.3 + CELL * len(rows), NAMES)])  # fmt: skip


def _table(
    rows: Sequence[str], columns: Sequence[str], cells: Cells, colours: str, ends: tuple[float, float], title: str,
    names: tuple[str, str],
) -> Callable[[Axes, Theme], Entries]:  # fmt: skip
    """Return what draws cells as colours with their numbers.

    Args:
        rows: their names, from above.
        columns: their names.
        cells: numbers and words.
        colours: the map of colours.
        ends: numbers of its first and last colour.
        title: of the panel.
        names: of what runs across, and of what runs down.
    """

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        from matplotlib import colormaps
        from matplotlib.patches import Rectangle

        dress(axes, title, names[0], names[1], theme)
        low, high = ends
        for (down, across), (value, words) in cells.items():
            share = 0.5 if high == low else (value - low) / (high - low)
            colour = colormaps[colours](share)
            x, y = columns.index(across), rows.index(down)
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=theme.ground, linewidth=1.5))
            light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 0.5
            size = 10 if len(columns) <= 5 else 8
            axes.text(x, y, words, ha="center", va="center", color="black" if light else "white", fontsize=size)
        axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        axes.grid(visible=False)
        axes.tick_params(length=0)
        room = int(WIDTH / len(columns) * 72 / 6)  # letters of a name that fit below a column
        name_ticks(axes, "x", range(len(columns)), columns, theme)
        for text in axes.get_xticklabels() if max(map(len, columns)) > room else []:
            text.set(rotation=25, ha="right", rotation_mode="anchor")
        name_ticks(axes, "y", range(len(rows)), rows, theme)
        return []

    return draw
