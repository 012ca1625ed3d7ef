"""Put the page together and write it, with its pictures beside it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts.core import check_writable, counted, failure_of, refuse_failures, version, write_text, write_whole

from ..sheet import depth_colours
from ..theme import THEMES
from .case import EVALUATE_AGAIN, METRICS, Case, as_text
from .chart import Chart, curve_chart
from .picture import Picture
from .scene import ALL_TRIANGLES, MAX_TRIANGLES, MIN_TRIANGLES, library, packed
from .score import by_class, is_less_better, meaning_of, metrics_of, name_of, ordering_metric, rows, worst_first
from .section import Reading, Section, as_data, section_of
from .template import TEMPLATES, environment, policy, verbatim

logger = logging.getLogger(__name__)

PAGE, PICTURES = "report.html", "report_pictures"
MAX_SIDE, MIN_SIDE = 640, 200  # pixels of a picture
ALL_PIXELS = 2e7  # of all pictures on a page, of which one has about half a byte
LARGE_PICTURES = 9  # of a volume; the others are smaller
SUMMARY = ("dice", "cldice", "precision", "recall", "auroc", "average_precision")  # of which the mean is shown large
OPEN_CASES = 3  # that are unfolded when the page is opened


def write_page(
    folder: str | Path,
    cases: Sequence[Case],
    shared: Mapping[str, Any],
    reading: Reading,
    theme: str = "auto",
    sort_by: str = "",
) -> tuple[Path, list[str]]:
    """Write a page of all cases, and its pictures into `report_pictures` beside it.

    Args:
        folder: to write `report.html` into.
        cases: what there is of each volume (`find_cases`).
        shared: `metrics`, `curves` and `run` of all of them.
        reading: how volumes are read and drawn; sizes are set by how many there are.
        theme: `dark`, `light`, or `auto` for the reader's own.
        sort_by: the metric whose worst case comes first; by default Dice.

    Returns:
        The page, and a line for each volume that could not be read.

    Raises:
        UserError: for a metric that was not scored, or if the page cannot be written.
    """
    folder = check_writable(folder)
    of_scores = folder / METRICS, "is not as evaluate writes it", EVALUATE_AGAIN
    with refuse_failures(*of_scores):
        names = metrics_of(shared["metrics"], cases)
        metric = ordering_metric(sort_by, names)
        cases = worst_first(cases, metric)
    reading = replace(reading, **sizes(len(cases)))
    sections, failures = [], []
    for at, case in enumerate(cases, start=1):
        logger.info("volume %d of %d, %s", at, len(cases), case.name)
        try:
            sections.append(section_of(case, reading))
        except Exception as error:  # whatever is wrong with one volume, the others are shown
            failures.append(failure_of(case.name, error))
            sections.append(Section(case, failed=failures[-1]))
        for picture in sections[-1].pictures():
            place = folder / PICTURES / f"{case.name}_{picture.what}.png"
            write_whole(place, lambda file, picture=picture: file.write_bytes(picture.png))  # type: ignore[misc]
    page = folder / PAGE
    with refuse_failures(*of_scores):
        text = render(folder.resolve().name, sections, shared, names, metric, theme)
    write_text(page, text)
    return page, failures


def sizes(cases: int) -> dict[str, int]:
    """Return how large pictures and surfaces may be, so that a page of many volumes stays small."""
    side = int((ALL_PIXELS / LARGE_PICTURES / max(1, cases)) ** 0.5)
    triangles = ALL_TRIANGLES // max(1, cases)
    return {
        "side": max(MIN_SIDE, min(MAX_SIDE, side)),
        "triangles": max(MIN_TRIANGLES, min(MAX_TRIANGLES, triangles)),
    }


@dataclass(frozen=True)
class Ways:
    """How the page was made: a table, and what it is of."""

    title: str
    rows: list[tuple[str, str]]


def render(
    title: str,
    sections: Sequence[Section],
    shared: Mapping[str, Any],
    names: Sequence[str],
    metric: str | None,
    theme: str,
) -> str:
    """Return the page as HTML; whatever comes from files is escaped.

    Args:
        title: of the page.
        sections: of the volumes, in order.
        shared: as for `write_page`.
        names: of the metrics.
        metric: that orders the volumes.
        theme: as for `write_page`.
    """
    templates = environment()
    templates.globals |= {"data_of": _data_of, "name_of": name_of, "meaning_of": meaning_of, "by_class": by_class}
    templates.globals |= {"is_less_better": is_less_better}
    cases = [section.case for section in sections]
    style, script = (verbatim(TEMPLATES / name) for name in ("style.css", "script.js"))
    plotly = library() if any(section.scene for section in sections) else ""
    metrics = shared["metrics"]
    return templates.get_template("page.html").render(
        title=title,
        theme=theme if theme in THEMES else "",
        themes=THEMES,
        depth=_gradient("depth"),
        viridis=_gradient("viridis"),
        heat=_gradient("inferno"),
        style=style,
        script=script,
        policy=policy(script, plotly),
        library=packed(plotly) if plotly else "",
        sections=sections,
        count=counted(len(sections), "volume"),
        metric=metric,
        names=names,
        rows=rows(cases, names, metric),
        mean=metrics.get("mean") or {},
        large=[name for name in SUMMARY if name in names and (metrics.get("mean") or {}).get(name) is not None],
        threshold=metrics.get("threshold"),
        charts=_charts(cases, shared["curves"]),
        opened=OPEN_CASES if len(sections) <= OPEN_CASES else 1,
        ways=list(_ways(sections, shared["run"])),
        missing=_missing(sections),
        software=f"tubenet {version()}",
        date=datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z"),
    )


def _data_of(picture: Picture) -> str:
    return as_data(picture.png)


def _gradient(name: str) -> str:
    """Return a map of colours as CSS has it."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    share = np.linspace(0, 1, 9)
    colours = depth_colours(share) if name == "depth" else colormaps[name](share)
    return f"linear-gradient(90deg, {', '.join(to_hex(colour) for colour in colours)})"


def _charts(cases: Sequence[Case], curves: Mapping[str, Any]) -> list[Chart]:
    """Return the curves of all cases and their mean; those of a single one stand in its section."""
    drawn = {case.name: case.curves for case in cases if case.curves}
    if len(drawn) < 2:
        return []
    charts = (curve_chart(kind, drawn, curves.get("mean")) for kind in ("roc", "precision_recall"))
    return [chart for chart in charts if chart is not None]


def _ways(sections: Sequence[Section], run: Mapping[str, Any]) -> Iterator[Ways]:
    """Yield how scores and segmentations were made: each way once, with the volumes it is of."""
    if run:
        yield Ways("The evaluation", [*_flat(run)])
    made = sorted(((section.made, section.case.name) for section in sections if section.made), key=lambda each: each[0])
    for rows_, group in groupby(made, key=lambda each: each[0]):
        names = [name for _, name in group]
        whole = len(names) == sum(bool(section.made) for section in sections)
        yield Ways("The segmentations" if whole else f"The segmentation of {', '.join(names)}", rows_)


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield pairs of a word and a value, those of parts one after another."""
    for name, value in content.items():
        words = f"{before}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            yield from _flat(value, f"{words}: ")
        else:
            yield words, ", ".join(map(as_text, value)) if isinstance(value, list) else as_text(value)


def _missing(sections: Sequence[Section]) -> list[tuple[str, str, str]]:
    """Return what is missing, of which volumes, and the command that makes it."""
    found: dict[tuple[str, str], list[str]] = {}
    for section in sections:
        for each in section.missing:
            found.setdefault(each, []).append(section.case.name)
    return [
        (words, "" if len(names) == len(sections) else f" of {counted(len(names), 'volume')}", command)
        for (words, command), names in found.items()
    ]
