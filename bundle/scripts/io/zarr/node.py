"""What a folder holds of Zarr: an array or a group, in format 2 or 3, with its attributes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scripts.core import read_json, refuse, refuse_failures

from ..formats import ZARR_MARKS

REMEDY = "copy or export it again"
_V3, _ARRAY, _GROUP = ZARR_MARKS
_ATTRIBUTES = ".zattrs"
_MAX_AXES = 8
_MAX_LENGTH = 2**62


@dataclass(frozen=True)
class Node:
    """An array or a group.

    Attributes:
        path: its folder.
        is_array: whether it is an array.
        zarr_format: 2 or 3.
        attributes: what is noted beside it.
    """

    path: Path
    is_array: bool
    zarr_format: Literal[2, 3]
    attributes: Mapping[str, Any]


def read_node(path: Path) -> Node:
    """Read what a folder says that it is; bounded, unlike zarr's own reading.

    Raises:
        UserError: for what is missing or no folder, for a folder without Zarr in it, and for metadata that are cut
            short or damaged.
    """
    if not path.is_dir():
        if os.path.lexists(path):
            refuse(path, "is a file, and a Zarr is a folder", "unpack it, if it is an archive", OSError)
        refuse(path, "no such folder", "check the path", FileNotFoundError)
    if (path / _V3).exists():
        metadata = _mapping(path / _V3)
        kind = metadata.get("node_type")
        if metadata.get("zarr_format") != 3 or kind not in ("array", "group"):
            refuse(path / _V3, f"states zarr_format {metadata.get('zarr_format')} and node_type {kind}", REMEDY)
        attributes = metadata.get("attributes", {})
        if not isinstance(attributes, Mapping):
            refuse(path / _V3, "its attributes are no names with values", REMEDY)
        return Node(path, kind == "array", 3, attributes)
    if not (path / _ARRAY).exists() and not (path / _GROUP).exists():
        remedy = "give the folder of a Zarr array, or of an OME-Zarr image"
        refuse(path, f"holds no Zarr, none of {', '.join(ZARR_MARKS)} is there", remedy, FileNotFoundError)
    attributes = _mapping(path / _ATTRIBUTES) if (path / _ATTRIBUTES).exists() else {}
    return Node(path, (path / _ARRAY).exists(), 2, attributes)


def open_array(root: Path, inside: str, node: Node) -> Any:
    """Open the array of a node, to be read only.

    Args:
        root: the volume's folder, by which its chunks are named.
        inside: the path of the array in it, `""` for the folder itself.
        node: of that array.

    Raises:
        UserError: for metadata that are damaged, and a type or a codec that cannot be read.
    """
    import zarr
    from zarr.storage import LocalStore

    metadata = node.path / (_V3 if node.zarr_format == 3 else _ARRAY)
    stated = _mapping(metadata)
    _check_codecs(metadata, stated)
    lengths = stated.get("shape")
    if not isinstance(lengths, list) or not all(type(each) is int and 0 <= each < _MAX_LENGTH for each in lengths):
        refuse(metadata, f"its shape is {json.dumps(lengths)[:80]}", REMEDY)
    with refuse_failures(metadata, "cannot be read as a Zarr array", REMEDY):
        store = LocalStore(root, read_only=True)
        stored = zarr.open_array(store, path=inside, mode="r", zarr_format=node.zarr_format)
        kind = stored.dtype.kind
        if kind not in "buif" or stored.dtype.itemsize > 16:
            refuse(metadata, f"its voxels are {stored.dtype}", "save real numbers (integers or floats)")
        if not 2 <= stored.ndim <= _MAX_AXES or any(chunk < 1 for chunk in stored.chunks):
            refuse(metadata, f"its shape is {stored.shape}, in chunks of {stored.chunks}", REMEDY)
        return stored


def _mapping(file: Path) -> Mapping[str, Any]:
    found = read_json(file, REMEDY)
    if not isinstance(found, Mapping):
        refuse(file, "holds no names with values", REMEDY)
    return found


def _check_codecs(metadata: Path, stated: Mapping[str, Any]) -> None:
    """Refuse what would be unpickled, and so could run a program."""
    codecs = [stated.get("compressor"), *_listed(stated.get("filters")), *_listed(stated.get("codecs"))]
    names = [str(each.get("id") or each.get("name")) for each in codecs if isinstance(each, Mapping)]
    if unsafe := [name for name in names if "pickle" in name.lower()]:
        refuse(
            metadata, f"its chunks are compressed by {unsafe[0]}, and nothing is ever unpickled", "use zstd or blosc"
        )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
