"""Write what a study found beside its record: a table, its pictures and the page."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from scripts.core import failure_of, refuse, write_text, write_whole

from ..theme import theme_of
from .curve import curve_drawing
from .dots import score_drawing
from .drawing import Drawing, figure_of, save
from .epochs import epoch_drawing
from .example import example_drawing, tile_figure
from .heat import grid_drawing, matrix_drawing
from .levels import importance_drawing, search_drawing
from .page import render
from .record import Study, read_record
from .table import write_table
from .trend import kind_drawing, size_drawing

logger = logging.getLogger(__name__)

PICTURES: dict[str, Callable[[Study], Drawing | None]] = {
    "roc": curve_drawing,
    "scores": score_drawing,
    "examples": example_drawing,
    "epochs": epoch_drawing,
    "importance": importance_drawing,
    "search": search_drawing,
    "grid": grid_drawing,
    "sizes": size_drawing,
    "kinds": kind_drawing,
    "matrix": matrix_drawing,
}
"""For each picture, what draws it; None where there is nothing to draw yet."""


def write_study(record: str | Path, theme: str = "dark") -> list[Path]:
    """Write what a study found beside its record: a table, pictures and a page.

    They are `NAME.csv`, `NAME.png`, further pictures `NAME_WORD.png`, and `NAME.html`.

    It may be called while trials are still to come. A picture for which there is nothing yet is not written, and one
    that cannot be drawn is told in the log and on the page.

    Args:
        record: `NAME.json`, as `tubenet study` writes it.
        theme: dark or light, of the PNG files; the page has both and follows its reader.

    Returns:
        The files written, the page last.

    Raises:
        UserError: for a file that is no such record, a theme that does not exist, or if a file cannot be written.
    """
    theme_of(theme)
    study = read_record(record)
    written = [study.folder / f"{study.name}.csv"]
    write_table(written[0], study)
    drawings, problems = _drawings(study)
    for what in study.pictures:
        path = path_of(study, what)
        if what in drawings:
            _write_picture(path, drawings[what], theme, study)
            written.append(path)
        else:
            path.unlink(missing_ok=True)  # one of an earlier record would mislead
    page = study.folder / f"{study.name}.html"
    write_text(page, render(study, list(drawings.values()), problems))
    return [*written, page]


def path_of(study: Study, what: str) -> Path:
    """Return the PNG of a picture; the main one has the name of the study."""
    return study.folder / (f"{study.name}.png" if what == study.pictures[0] else f"{study.name}_{what}.png")


def _drawings(study: Study) -> tuple[dict[str, Drawing], list[str]]:
    """Return the pictures that there are, and a line for each that cannot be drawn."""
    drawings, problems = {}, []
    for what in dict.fromkeys(study.pictures):
        try:
            drawing = draw(what, study)
        except Exception as error:  # whatever is wrong with one picture, the others and the table are shown
            problems.append(failure_of(f"the picture {what}", error))
            logger.warning("%s", problems[-1])
        else:
            if drawing is not None:
                drawings[what] = drawing
    return drawings, problems


def _write_picture(path: Path, drawing: Drawing, theme: str, study: Study) -> None:
    """Write a picture as a PNG."""
    colours = theme_of(theme)
    if drawing.tiles:
        figure = tile_figure(drawing, study.title, colours)
    else:
        figure = figure_of(drawing.panels, colours, drawing.columns)
    write_whole(path, lambda file: save(figure, file))


def draw(what: str, study: Study) -> Drawing | None:
    """Return a picture of a study, or None where there is nothing to draw yet.

    Raises:
        UserError: for a picture that there is not.
    """
    if what not in PICTURES:
        refuse(f"the picture {what}", "is not known", f"ask for {', '.join(PICTURES)}")
    return PICTURES[what](study)
