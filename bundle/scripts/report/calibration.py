"""The reliability diagram: in each bin of probability, which share of the voxels is vessel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .panel import MAX_COLOURED, Entries, finish, line_style, save, square_panels
from .theme import Theme, shortened, theme_of

ENTRY_WIDTH = 210  # pixels of a name in a legend


def write_calibration(path: Path, content: Mapping[str, Any], theme: str = "dark") -> None:
    """Draw the reliability of each case, and their mean in bold over them.

    Args:
        path: the PNG to write.
        content: what is in `curves.json`, with `mean` and `cases` (`scripts.metrics.curves_of`).
        theme: dark or light.

    Raises:
        UserError: for a theme that does not exist, or if the file cannot be written.
    """
    colours = theme_of(theme)
    cases = {name: case for name, case in content["cases"].items() if is_defined(case)}
    figure, (axes,) = square_panels(1, colours)
    chance = {"color": colours.dim, "linewidth": 1, "linestyle": ":"}
    axes.plot([0, 1], [0, 1], zorder=0.5, **chance)
    entries: Entries = []
    if len(cases) == 1:
        ((name, bold),) = cases.items()
    else:
        name, bold = "mean", content["mean"]
        errors = [case["expected_calibration_error"] for case in cases.values()]
        few = len(cases) <= MAX_COLOURED
        for number, (case_name, case) in enumerate(cases.items()):
            style = line_style(number, colours) if few else {"color": colours.dim, "alpha": 0.45, "marker": ""}
            _draw(axes, case, colours, linewidth=1.2, markersize=4, **style)
            if few:
                entries.append((style, _entry(case_name, case)))
            elif number == 0:
                entries.append((style, f"{len(cases)} cases  ECE {min(errors):.3f} to {max(errors):.3f}"))
    style = {"color": colours.text, "linewidth": 2.6, "marker": "o"}
    _draw(axes, bold, colours, markersize=8, **style)
    entries += [(style, _entry(name, bold)), (chance, "calibrated")]
    words = {"color": colours.dim, "fontsize": 9}
    axes.text(0.03, 0.96, "probabilities too low", ha="left", va="top", **words)
    axes.text(0.97, 0.04, "probabilities too high", ha="right", va="bottom", **words)
    finish(axes, "Reliability: vessel against background", "predicted probability", "share of vessel", entries, colours)
    save(figure, path)


def is_defined(case: Mapping[str, Any]) -> bool:
    """Return whether a case, or the mean of cases, has any voxels to draw."""
    return case["expected_calibration_error"] is not None


def _entry(name: str, case: Mapping[str, Any]) -> str:
    """Return an entry of the legend: a name, if need be shortened, and the error."""
    return f"{shortened(name, 9, ENTRY_WIDTH)}  ECE {case['expected_calibration_error']:.3f}"


def _draw(axes: Any, case: Mapping[str, Any], theme: Theme, **style: Any) -> None:
    """Draw one line through the bins that hold voxels."""
    points = [np.array(case["calibration"][name], dtype=float) for name in ("probability", "vessel")]  # None is NaN
    there = np.isfinite(points[0])
    edge = {"markeredgecolor": theme.ground, "markeredgewidth": style["markersize"] / 7}
    axes.plot(points[0][there], points[1][there], clip_on=False, solid_joinstyle="round", **edge, **style)
