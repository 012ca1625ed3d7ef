"""What `tubenet prepare` has noted in an OME-Zarr beside the voxels."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from scripts.core import UserError, read_json, refuse_failures

from ..volume import VolumeInfo
from .array import METADATA
from .reader import OURS

NOTES = "notes"  # key of what this package writes into a group's attributes


def notes_of(info: VolumeInfo) -> dict[str, Any]:
    """Return what was noted of a volume; `{}` for any that was not prepared.

    Args:
        info: its header. Notes of another shape or type are those of another resolution, and do not count.
    """
    if not (info.path / METADATA).is_file():
        return {}
    try:
        found = read_json(info.path / METADATA, "prepare it again")
        for key in ("attributes", OURS, NOTES):
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
    except UserError:  # whoever reads the voxels says what is wrong
        return {}
    of_it = isinstance(found, dict) and (found.get("shape"), found.get("dtype")) == (list(info.shape), str(info.dtype))
    return dict(found) if of_it else {}


def refuse_damaged_notes(info: VolumeInfo) -> AbstractContextManager[None]:
    """Refuse the volume if what is done with its notes inside the block fails."""
    return refuse_failures(info.path, "what was noted in it is damaged", "prepare it again")
