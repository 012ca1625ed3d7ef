"""How a segmentation is cleaned: read from options, from requests and from a sidecar.

>>> read_cleaning({"smooth": 0.7, "min_size": "20 voxels"}, {"smooth": None, "min_size": 500})
Cleaning(smooth=0.7, min_size=500.0, fill_holes=0.0, hysteresis=None, invert='false')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from scripts.core import AUTO, read_number, refuse

Size = float | str
"""A volume: a number of the file's own unit cubed, or `"20 voxels"`."""

MAX_SIZE = 1e15

IN_VOXELS = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*(?:voxels?|vx)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Cleaning:
    """How a segmentation is cleaned; as it stands here, not at all.

    Attributes:
        smooth: standard deviation of the Gaussian that smooths probabilities (`scripts.transforms.sigma_of_axes`).
        min_size: pieces smaller than this are dropped.
        fill_holes: enclosed holes of up to this are filled.
        hysteresis: lower threshold, down to which what exceeds the threshold grows; None for none.
        invert: whether vessels are darker than their surroundings: `auto` (each volume decides), `true` or `false`.
    """

    smooth: float = 0.0
    min_size: Size = 0.0
    fill_holes: Size = 0.0
    hysteresis: float | None = None
    invert: str = "false"

    def stated(self) -> dict[str, Any]:
        """Return it as a sidecar states it."""
        return asdict(self)


def read_cleaning(sidecar: Mapping[str, Any] | None, asked: Mapping[str, Any] | None = None) -> Cleaning:
    """Return how to clean: as asked for, and for the rest as the weights' sidecar says.

    Args:
        sidecar: what it holds under `cleaning`; None or a lack of something means none.
        asked: options by name; None, or an empty field of a viewer, means as the sidecar says. Others are passed over.

    Raises:
        UserError: for a value that an option does not take.
    """
    readers = {
        "smooth": read_number,
        "min_size": read_size,
        "fill_holes": read_size,
        "hysteresis": read_number,
        "invert": read_inversion,
    }
    found: dict[str, Any] = {}
    for source in (sidecar or {}, asked or {}):
        for name, read in readers.items():
            if (value := read(name, source.get(name))) is not None:
                found[name] = value
    return Cleaning(**found)


def read_size(name: str, value: Any) -> Size | None:
    """Read a volume: a number of the file's own unit cubed, or text such as `20 voxels`.

    Returns:
        The number, or the text as it is written here; None for None or an empty field.

    Raises:
        UserError: for anything else.
    """
    if isinstance(value, str) and (found := IN_VOXELS.fullmatch(value)):
        return f"{float(found[1]):g} voxels"
    try:
        size = None if is_empty(value) or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        size = -1
    if isinstance(value, bool) or not (size is None or 0 <= size <= MAX_SIZE):
        problem = "is neither a volume of at least 0 nor a number of voxels"
        refuse(f"--{name} {value}", problem, "give one such as 500, or '20 voxels'")
    return size


def read_inversion(name: str, value: Any) -> str | None:
    """Read the option `invert`: `auto`, `true` or `false`; None for None or an empty field.

    Raises:
        UserError: for anything else.
    """
    if is_empty(value):
        return None
    text = str(value).strip().lower()
    if text not in (AUTO, "true", "false"):
        refuse(f"--{name} {value}", f"is neither {AUTO} nor true or false", "give one of these")
    return text


def is_empty(value: Any) -> bool:
    """Return whether a viewer left a field empty, or an option is not set."""
    return value is None or (isinstance(value, str) and value.strip() in ("", "None"))
