"""What OME-Zarr 0.4 and 0.5 say of an image: its axes, its resolutions, and where each lies.

The models of ome-zarr-models check what is read and make what is written.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.core import refuse

from .node import REMEDY, Node

VERSIONS = {2: "0.4", 3: "0.5"}
"""The version that goes with each format of Zarr."""
_SPACE, _OF_TYPE = "xyz", {"time": "T", "channel": "C"}
_OTHERS = "UVW"


@dataclass(frozen=True)
class Level:
    """One resolution.

    Attributes:
        path: of its array, inside the image's folder.
        scale: length of a voxel along each stored axis, in the axis's unit.
        translation: where the middle of voxel 0 lies.
    """

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]


@dataclass(frozen=True)
class OmeImage:
    """An image of several resolutions.

    Attributes:
        version: `0.4` or `0.5`.
        letters: what each stored axis is, `TCZYX`.
        units: of each axis, as spelled, `""` where there is none.
        levels: the finest first.
        has_place: whether a translation is stated.
    """

    version: str
    letters: str
    units: tuple[str, ...]
    levels: tuple[Level, ...]
    has_place: bool


def ome_attributes(node: Node) -> Mapping[str, Any]:
    """Return the attributes that OME-Zarr defines; the others of a group are anybody's."""
    attributes = node.attributes.get("ome", {}) if node.zarr_format == 3 else node.attributes
    return attributes if isinstance(attributes, Mapping) else {}


def read_image(path: Path, node: Node) -> OmeImage:
    """Read what a group with `multiscales` says.

    Args:
        path: the folder, for messages.
        node: its group.

    Raises:
        UserError: for another version, for what the specification does not allow, and for coordinates in arrays.
    """
    attributes = ome_attributes(node)
    found = attributes["multiscales"]
    first = found[0] if isinstance(found, list) and found else found
    if not isinstance(first, Mapping):
        refuse(path, "its multiscales list no image", REMEDY)
    wanted = VERSIONS[node.zarr_format]
    version = str(attributes.get("version", "") if node.zarr_format == 3 else first.get("version") or wanted)
    if version != wanted:
        told = f"is OME-Zarr {version or 'of no version'} in Zarr format {node.zarr_format}"
        refuse(path, f"{told}, and 0.4 in format 2 and 0.5 in format 3 are read", "export it as one of these")
    model = _validated(path, version, first)
    letters = _letters(path, [(str(axis.name), axis.type) for axis in model.axes])
    common = list(model.coordinateTransformations or ())
    levels = tuple(
        _level(path, each.path, [*each.coordinateTransformations, *common], len(letters)) for each in model.datasets
    )
    has_place = any(any(level.translation) for level in levels[:1]) or any(
        each.type == "translation" for each in [*model.datasets[0].coordinateTransformations, *common]
    )
    return OmeImage(version, letters, tuple(str(axis.unit or "") for axis in model.axes), levels, has_place)


def image_attributes(
    version: str, name: str, axes: Sequence[Mapping[str, Any]], levels: Sequence[Level]
) -> dict[str, Any]:
    """Return the attributes of the group of an image, fit for JSON.

    Args:
        version: `0.4` or `0.5`.
        name: of the image.
        axes: of each `name`, `type` and, for a length, `unit`.
        levels: its resolutions, the finest first.
    """
    module = _models(version)
    build = module.Dataset.build
    datasets = [build(path=each.path, scale=each.scale, translation=each.translation or None) for each in levels]
    model = module.Multiscale(axes=axes, datasets=datasets, name=name)
    multiscale = model.model_dump(exclude_none=True)
    if version == "0.4":
        return {"multiscales": [{"version": version, **multiscale}]}
    return {"ome": {"version": version, "multiscales": [multiscale]}}


def _models(version: str) -> Any:
    """Import the models of a version; they take half a second."""
    if version == "0.4":
        from ome_zarr_models.v04 import multiscales

        return multiscales
    from ome_zarr_models.v05 import multiscales as later

    return later


def _validated(path: Path, version: str, stated: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a translation before its scale is allowed for, and computed rightly
        try:
            return _models(version).Multiscale.model_validate(dict(stated))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            problem = f"its multiscales are not OME-Zarr {version} ({f'{where}: ' if where else ''}{first['msg']})"
        except Exception as error:  # whatever the models' own code makes of odd values
            problem = f"its multiscales are not OME-Zarr {version} ({error})"
    refuse(path, problem, REMEDY)


def _letters(path: Path, axes: Sequence[tuple[str, str | None]]) -> str:
    """Return one letter for each axis: those of space by their names, or by their order Z, Y, X."""
    kinds = [kind or ("space" if name.lower() in _SPACE else "") for name, kind in axes]
    spatial = [name.lower() for (name, _), kind in zip(axes, kinds, strict=True) if kind == "space"]
    by_name = all(name in _SPACE for name in spatial)
    named = iter(spatial if by_name else "zyx"[-len(spatial) :])
    others = iter(_OTHERS)
    letters = ""
    for (name, _), kind in zip(axes, kinds, strict=True):
        if kind == "space":
            letters += next(named).upper()
        else:
            letters += _OF_TYPE.get(kind) or ({"t": "T", "c": "C"}.get(name.lower()) or next(others))
    if len(set(letters)) < len(letters):
        refuse(path, f"its axes are {', '.join(name for name, _ in axes)}, of which two are the same", REMEDY)
    return letters


def _level(path: Path, inside: str, transforms: Sequence[Any], axes: int) -> Level:
    """Compose the transformations of a level, its own first and then those of all levels."""
    scale, translation = [1.0] * axes, [0.0] * axes
    for each in transforms:
        if each.type == "scale" and hasattr(each, "scale"):
            scale = [before * by for before, by in zip(scale, each.scale, strict=True)]
            translation = [before * by for before, by in zip(translation, each.scale, strict=True)]
        elif each.type == "translation" and hasattr(each, "translation"):
            translation = [before + by for before, by in zip(translation, each.translation, strict=True)]
        elif each.type != "identity":
            refuse(path, f"the {each.type} of its level {inside} stands in a file of its own", "state it as numbers")
    parts = inside.split("/")
    if inside.startswith("/") or "\\" in inside or any(part in ("", ".", "..") for part in parts):
        refuse(path, f"it says that a level is in {inside!r}, which is no folder in it", REMEDY)
    return Level(inside, tuple(scale), tuple(translation))
