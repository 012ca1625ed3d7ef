"""ROC and precision-recall curves: of an evaluation, and of several over one another.

Figures are drawn on their own Agg canvas, as in `figure.py`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import check_regular, read_json, refuse, write_text
from scripts.metrics import AREAS, KINDS, MIN_RECALL, RATES, mean_curves

from .calibration import is_defined, write_calibration
from .panel import MAX_COLOURED, Entries, finish, line_style, save, square_panels
from .theme import Theme, shortened, theme_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)

ENTRY_WIDTH = 210  # pixels of a name in a legend


def write_curves(
    output_dir: str | Path, cases: Mapping[str, Mapping[str, Any]], threshold: float, theme: str = "dark"
) -> list[Path]:
    """Write the curves of an evaluation: `curves.json` and, of each kind, a picture.

    These are `roc.png`, `precision_recall.png` and the reliability diagram, `calibration.png`.

    A picture is left out where its curve is undefined in every case.

    Args:
        output_dir: folder to write into; it is made where it does not exist.
        cases: for each case, by its name, what `scripts.metrics.curves_of` returns.
        threshold: probability at which the marks on the curves lie.
        theme: dark or light.

    Returns:
        The files written.

    Raises:
        UserError: for a theme that does not exist, or if a file cannot be written.
    """
    colours = theme_of(theme)
    folder = Path(output_dir)
    content = {"threshold": threshold, "mean": mean_curves(list(cases.values())), "cases": dict(cases)}
    written = [folder / "curves.json"]
    write_text(written[0], json.dumps(content, allow_nan=False) + "\n")
    for kind in KINDS:
        path = folder / f"{kind}.png"
        if content["mean"][kind] is None:
            path.unlink(missing_ok=True)  # one of an earlier evaluation would mislead
            logger.warning("no %s: the curve is undefined in every case", path)
            continue
        figure, (axes,) = square_panels(1, colours)
        entries = _draw_cases(axes, kind, content, colours)
        _finish(
            axes, kind, content["mean"]["vessel_fraction"], entries, f"marks: at threshold {threshold:.3g}", colours
        )
        save(figure, path)
        written.append(path)
    path = folder / "calibration.png"
    if is_defined(content["mean"]):
        write_calibration(path, content, theme)
        return [*written, path]
    path.unlink(missing_ok=True)
    return written


def _draw_cases(axes: Axes, kind: str, content: Mapping[str, Any], theme: Theme) -> Entries:
    """Draw the curve of each case, and their mean in bold over them."""
    cases = {name: case for name, case in content["cases"].items() if case[kind]}
    entries: Entries = []
    if len(cases) == 1:
        ((name, bold),) = cases.items()
    else:
        name, bold = "mean", content["mean"]
        area = KINDS[kind][-1]
        areas = [case[area] for case in cases.values()]
        few = len(cases) <= MAX_COLOURED
        for number, (case_name, case) in enumerate(cases.items()):
            style = line_style(number, theme) if few else {"color": theme.dim, "alpha": 0.45, "marker": "o"}
            _draw(axes, kind, case, linewidth=1.2, markersize=5, **style)
            if few:
                entries.append((style, _entry(case_name, kind, case)))
            elif number == 0:
                entries.append((style, f"{len(cases)} cases  {AREAS[area]} {min(areas):.3f} to {max(areas):.3f}"))
    style = {"color": theme.text, "linewidth": 2.6, "marker": "o"}
    _draw(axes, kind, bold, markersize=9, **style)
    return [*entries, (style, _entry(name, kind, bold))]


def _entry(name: str, kind: str, curves: Mapping[str, Any]) -> str:
    """Return an entry of the legend: a name, if need be shortened, and the area under the curve."""
    area = KINDS[kind][-1]
    return f"{shortened(name, 9, ENTRY_WIDTH)}  {AREAS[area]} {curves[area]:.3f}"


def _draw(axes: Axes, kind: str, curves: Mapping[str, Any], markersize: float, marker: str, **style: Any) -> None:
    """Draw one curve, and a mark on it at the threshold."""
    across, up, _ = KINDS[kind]
    x, y = np.array(curves[kind][across]), np.array(curves[kind][up])
    if kind == "precision_recall":
        start = np.interp(MIN_RECALL, x, y)
        x, y = np.append(MIN_RECALL, x[x > MIN_RECALL]), np.append(start, y[x > MIN_RECALL])
    # not clipped, so that neither curve nor mark loses half its width along the frame
    axes.plot(x, y, clip_on=False, solid_joinstyle="round", **style)
    x, y = curves["at_threshold"][across], curves["at_threshold"][up]
    if x is not None and y is not None:
        style = {"color": style["color"], "alpha": style.get("alpha")}
        edge = {"markeredgecolor": axes.get_facecolor(), "markeredgewidth": markersize / 7}
        axes.plot([x], [y], marker, markersize=markersize, clip_on=False, zorder=5, **edge, **style)


def overlay_curves(
    evaluations: str | Sequence[str],
    output_path: str = "curves.png",
    names: Sequence[str] | None = None,
    theme: str = "dark",
) -> Path:
    """Draw the mean ROC and precision-recall curves of several evaluations over one another.

    Args:
        evaluations: folders into which evaluations were written, "['A','B']", or the curves.json in them.
        output_path: the PNG to write.
        names: a name for each evaluation, "['NAME','NAME']"; by default the part of its path in which it differs.
        theme: dark or light.

    Returns:
        The picture.

    Raises:
        UserError: if an evaluation has no curves.json, or that holds no mean curves; for not as many names as
            evaluations, or names that are not all different; for a theme that does not exist; if the
            picture cannot be written.
    """
    colours = theme_of(theme)
    evaluations = [str(each) for each in (evaluations if isinstance(evaluations, list | tuple) else [evaluations])]
    files = [Path(each) if each.endswith(".json") else Path(each) / "curves.json" for each in evaluations]
    names = _short_names([file.parent for file in files]) if names is None else list(map(str, np.atleast_1d(names)))
    if twice := [each for each, file in zip(evaluations, files, strict=True) if files.count(file) > 1]:
        refuse("--evaluations", f"names {twice[0]} more than once", "name each evaluation once")
    if not files or len(names) != len(files):
        remedy = "give a name for each, or leave --names out"
        refuse("--names", f"holds {len(names)} for {len(files)} evaluations", remedy)
    runs = dict(zip(names, map(_read_mean, files), strict=True))
    if len(runs) < len(files):
        refuse(
            "--names",
            f"holds {', '.join(names)}, which are not all different",
            "give each evaluation a name of its own",
        )
    figure, panels = square_panels(2, colours)
    for axes, kind in zip(panels, KINDS, strict=True):
        entries: Entries = []
        for number, (name, mean) in enumerate(runs.items()):
            style = {"linewidth": 1.8, **line_style(number, colours)}
            _draw(axes, kind, mean, markersize=8, **style)
            entries.append((style, _entry(name, kind, mean)))
        fractions = {mean["vessel_fraction"] for mean in runs.values()}
        _finish(
            axes,
            kind,
            fractions.pop() if len(fractions) == 1 else None,
            entries,
            "marks: each at its threshold",
            colours,
        )
    save(figure, Path(output_path))
    return Path(output_path)


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return a name for each folder: its path without the parts that all of them share."""
    parts = [folder.resolve().parts for folder in folders]
    while len(parts) > 1 and all(len(each) > 1 for each in parts) and len({each[-1] for each in parts}) == 1:
        parts = [each[:-1] for each in parts]  # .../focal/eval and .../dice/eval: eval says nothing
    least = min(map(len, parts), default=0)
    shared = next((i for i in range(least - 1) if len({each[i] for each in parts}) > 1), least - 1)
    return ["/".join(each[shared:]) for each in parts]


def _read_mean(path: Path) -> dict[str, Any]:
    """Return the mean curves in a `curves.json`."""
    check_regular(path, "evaluate with configs/evaluate.json, which writes it")
    try:
        mean = read_json(path, "evaluate again")["mean"]
        drawable = all(mean[kind][key] for kind, keys in KINDS.items() for key in keys[:2])
        drawable = drawable and all(mean[area] for area in AREAS) and mean["at_threshold"].keys() >= set(RATES)
    except (ValueError, KeyError, TypeError, AttributeError):
        drawable = False
    if not drawable:
        refuse(path, "holds no mean curves", "evaluate again, on labels with vessel and background")
    return mean


def _finish(axes: Axes, kind: str, vessel_fraction: float | None, entries: Entries, mark: str, theme: Theme) -> None:
    """Add axes from 0 to 1, the line of chance, and a legend in which marks are named `mark`."""
    across, up, _ = KINDS[kind]
    entries = [*entries, ({"color": theme.text, "linestyle": "", "marker": "o"}, mark)]
    chance = {"color": theme.dim, "linewidth": 1, "linestyle": ":"}
    if kind == "roc":
        axes.plot([0, 1], [0, 1], zorder=0.5, **chance)
        entries.append((chance, "chance"))
    elif vessel_fraction is not None:
        axes.plot([0, 1], [vessel_fraction] * 2, zorder=0.5, **chance)
        entries.append((chance, "chance (share of vessel)"))
    title = "ROC" if kind == "roc" else "Precision and recall"
    up = "recall (true positive rate)" if kind == "roc" else up
    finish(axes, f"{title}: vessel against background", across.replace("_", " "), up, entries, theme)
