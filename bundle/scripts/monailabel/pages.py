"""OHIF's pages as MONAI Label brings them, with a brush and nothing from other hosts.

OHIF's mode for MONAI Label lacks the panel with which OHIF's other modes correct and export a segmentation, although it
names it; opens CT and MR alone; and its export fails. That is put right where its text is found; else the pages stay as
they are.
"""

from __future__ import annotations

import json
import logging
import mimetypes
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from monailabel import endpoints

from .dicomweb.series import MODALITIES

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/ohif", tags=["Others"])

FOLDER = Path(endpoints.__file__).parent / "static" / "ohif"
SERVER_COOKIE = "MONAILABEL_SERVER_URL"  # where OHIF's panel looks for the address of the server; else it is port 8000
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""What a browser may fetch for these pages: nothing of another host."""

_FOREIGN_LINK = re.compile(r"<link\b[^>]*\bhttps?://[^>]*>")
_FOREIGN_STYLE = re.compile(r"@import url\(https?://[^)]*\);?")


def _brush(name: str, icon: str, tools: tuple[str, str]) -> dict[str, Any]:
    """Return a button of OHIF's toolbox, with the radius and the shape of its brush."""
    commands = {"commandName": "setBrushSize", "commandOptions": {"toolNames": tools}}
    radius = {"name": "Radius (mm)", "type": "range", "min": 0.5, "max": 99.5, "step": 0.5, "value": 2}
    shapes = [{"value": tool, "label": label} for tool, label in zip(tools, ("Circle", "Sphere"), strict=True)]
    shape = {"name": "Shape", "type": "radio", "value": tools[0], "values": shapes, "commands": "setToolActiveToolbar"}
    return {
        "id": name,
        "icon": icon,
        "label": name,
        "evaluate": {"name": "evaluate.cornerstone.segmentation", "toolNames": tools},
        "options": [
            {**radius, "id": f"{name.lower()}-radius", "commands": commands},
            {**shape, "id": f"{name.lower()}-mode"},
        ],
    }


_BRUSHES = [
    _brush("Brush", "icon-tool-brush", ("CircularBrush", "SphereBrush")),
    _brush("Eraser", "icon-tool-eraser", ("CircularEraser", "SphereEraser")),
]
_GROUP = {"id": "BrushTools", "uiType": "ohif.buttonGroup", "props": {"groupId": "BrushTools", "items": _BRUSHES}}
_DATA = "let convertedData = data;"
_IN_ORDER = """let convertedData = ((values, header, imageIds) => {
  const place = each => dist_esm.metaData.get('imagePlaneModule', each).imagePositionPatient;
  const away = each => Math.hypot(...place(each).map((value, axis) => value - header.spaceOrigin[axis]));
  const count = imageIds.length, size = values.length / count;
  if (away(imageIds[0]) <= away(imageIds[count - 1])) return values;
  const turned = new Uint8Array(values.length);
  for (let z = 0; z < count; z++) turned.set(values.subarray(z * size, (z + 1) * size), (count - 1 - z) * size);
  return turned;
})(data, ret.header, volumeLoadObject.imageIds);"""
_SLICES = "const segImages = imageIds.map(imageId => esm.cache.getImage(imageId));"
_AS_STORED = """const along = image => {
  const {imagePositionPatient: at, rowCosines: r, columnCosines: c} =
    esm.metaData.get('imagePlaneModule', image.referencedImageId);
  const normal = [r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]];
  return normal.reduce((sum, value, axis) => sum + value * at[axis], 0);
};
const segImages = imageIds.map(imageId => esm.cache.getImage(imageId)).sort((a, b) => along(b) - along(a));"""
_PANELS, _STORE = "rightPanels: [monailabel.monaiLabel]", "await dataSource.store.dicom(naturalizedReport);"
_CHANGES = {
    # of the file with the mode for MONAI Label
    _PANELS: (
        (_PANELS, "rightPanels: [monailabel.monaiLabel, cornerstone.panelTool]"),
        ("// toolbarService.addButtons(segmentationButtons);", f"toolbarService.addButtons([{json.dumps(_GROUP)}]);"),
        ("['BrushTools', 'Shapes']", "['BrushTools']"),
        (
            "modalitiesArray.includes('CT') || modalitiesArray.includes('MR')",
            f"{json.dumps(MODALITIES)}.some(each => modalitiesArray.includes(each))",
        ),
    ),
    # the panel takes for granted that its images run as the mask does
    _DATA: ((_DATA, _IN_ORDER),),
    # Export DICOM SEG is not told where to, and writes headers from the last slice to the first, whatever its masks are
    _STORE: (
        (_STORE, f"dataSource = dataSource || extensionManager.getActiveDataSource()[0]; {_STORE}"),
        (_SLICES, _AS_STORED),
    ),
}
"""What stands in OHIF's programs, and what is served instead, by a text that only the one file has."""


@router.get("/{path:path}", include_in_schema=False)
def page(request: Request, path: str) -> Response:
    """Return a file of OHIF's; its first page for any address within OHIF that is no file."""
    file = FOLDER / "index.html"
    with suppress(ValueError, OSError):  # what no file can be called
        named = (FOLDER / path).resolve()
        file = named if path and named.is_relative_to(FOLDER.resolve()) and named.is_file() else file
    media = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    # no-cache: a browser asks whether a file changed, so that none keeps the pages of another version
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "cache-control": "no-cache"}
    if (text := changed(file)) is None:
        return FileResponse(file, media_type=media, headers=headers)
    response = Response(text, media_type=media, headers=headers)
    if file.name == "index.html":
        response.set_cookie(SERVER_COOKIE, quote(str(request.base_url), safe=""), path="/ohif", samesite="strict")
    return response


@cache
def changed(file: Path) -> str | None:
    """Return the text of a file that is not served as it is, or None.

    Pages and style sheets lose their links to other hosts, which are fonts; the mode for MONAI Label gains its brush.
    Where OHIF's programs are not those that are known here, the log says so, once, when the first page is asked for.
    """
    if file.name == "index.html" and (lacking := not_found(file.parent)):
        logger.warning("OHIF is served without its brush, its export or both: it lacks %s", " and ".join(lacking))
    if file.suffix in (".html", ".css"):
        return _FOREIGN_STYLE.sub("", _FOREIGN_LINK.sub("", file.read_text()))
    if file.suffix != ".js":
        return None
    text = file.read_text()
    changes = [change for mark, changes in _CHANGES.items() if mark in text for change in changes]
    for there, instead in changes:
        text = text.replace(there, instead)
    return text if changes else None


def not_found(folder: Path) -> list[str]:
    """Return what is to be changed in OHIF's programs, but does not stand in those of a folder."""
    programs = [file.read_text() for file in folder.glob("*.js")]
    return [
        there
        for mark, changes in _CHANGES.items()
        for there, _ in changes
        if not any(mark in text and there in text for text in programs)
    ]
