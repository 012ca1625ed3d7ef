"""The sidecar `X.json` of weights `X.pt`: read, and held against the size of the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from scripts.core import UserError, check_regular, read_json, refuse, write_text
from scripts.network import TubeNet

from .cleaning import read_cleaning

BEST = "model_best.pt"
"""What a training calls its best weights."""
VOXEL_CLASSIFIER = "voxel_classifier"
"""What a sidecar calls the classifier of voxels that helps its weights (`scripts.network.VoxelClassifier`)."""
TUNED_SHARE = "tuned_share"
"""What it calls the share of tuned weights in a mean with those that fine-tuning began with."""
MAX_SIDECAR = 2**24  # bytes
MIN_BYTES, MAX_BYTES = 2, 8  # of a number: half and double precision
SLACK = 2**20  # bytes that a file may have beside its numbers


def sidecar_path(weights: str | Path) -> Path:
    """Return `X.json` for `X.pt`."""
    return Path(weights).with_suffix(".json")


def read_sidecar(weights: str | Path, option: str = "--ckpt_path") -> dict[str, Any]:
    """Read the sidecar of weights without reading the weights.

    Args:
        weights: `X.pt`.
        option: the option that names it, for the message.

    Raises:
        UserError: if weights or sidecar are missing, or the sidecar is damaged.
    """
    weights, path = Path(weights), sidecar_path(weights)
    check_is_there(weights, option)
    remedy = "copy it again from where the weights came from"
    if not path.exists():
        refuse(path, f"the sidecar of {weights.name} is missing", remedy.replace(" again", ""), FileNotFoundError)
    sidecar = read_json(path, remedy, MAX_SIDECAR)
    if not isinstance(sidecar, dict) or not _is_number(sidecar.get("threshold")) or not 0 <= sidecar["threshold"] <= 1:
        refuse(path, "is not a sidecar", remedy)
    if wrong := [name for name, is_right in FORMS.items() if name in sidecar and not is_right(sidecar[name])]:
        refuse(path, f"is not a sidecar, its {wrong[0]} is of another form", remedy)
    try:
        json.dumps(sidecar, allow_nan=False)
    except ValueError:
        refuse(path, "is not a sidecar, it holds NaN or infinite numbers", remedy)
    except RecursionError:
        refuse(path, "is nested too deep to be read", remedy)
    return sidecar


def change_sidecar(weights: str | Path, changes: Mapping[str, Any]) -> None:
    """Change what a sidecar says; the weights that it describes stay as they are.

    Raises:
        UserError: if it is missing or damaged, or cannot be written.
    """
    write_text(sidecar_path(weights), json.dumps({**read_sidecar(weights), **changes}, indent=2) + "\n")


def check_is_there(weights: Path, option: str = "--ckpt_path") -> None:
    """Check that weights are a regular file, and not one of Keras.

    Raises:
        UserError: if not.
    """
    remedy = f"check {option}"
    if os.path.isdir(weights) and os.path.isfile(weights / BEST):
        remedy = f"write {option} {weights / BEST}"
    check_regular(weights, remedy, missing="no such weights")
    if weights.suffix == ".h5":
        refuse(weights, "is a Keras file", "python -m scripts import-weights turns it into a .pt")


def check_size(weights: Path, arguments: Mapping[str, Any]) -> None:
    """Check, before memory is taken, that a network exists and that a file may be of it.

    Args:
        weights: the file.
        arguments: the network's arguments, as the sidecar states them.

    Raises:
        UserError: for arguments that `TubeNet` does not take, or of a network that the file cannot be of.
    """
    remedy = f"copy it again, with {weights.name}"
    try:
        numbers = _count(arguments)
    except Exception as error:
        refuse(sidecar_path(weights), f"describes a network that does not exist ({error})", remedy)
    _check_most(weights, numbers)
    if (size := weights.stat().st_size) < MIN_BYTES * numbers:
        problem = f"describes a network of {numbers} weights, and {weights.name} has {size} bytes"
        refuse(sidecar_path(weights), problem, remedy)


def check_not_giant(weights: Path, arguments: Mapping[str, Any] | None) -> None:
    """Check, before weights are read, that the network of their sidecar needs as much.

    Args:
        weights: the file.
        arguments: the network's arguments, as the sidecar states them, if it does.

    Raises:
        UserError: if it does not.
    """
    try:
        numbers = _count(arguments)
    except Exception:  # none is stated, or it is not a TubeNet: the size is not known
        return
    _check_most(weights, numbers)


def _check_most(weights: Path, numbers: int) -> None:
    most = MAX_BYTES * numbers + SLACK
    if (size := weights.stat().st_size) > most:
        problem = f"has {size} bytes, and the network that {sidecar_path(weights).name} describes needs {most} at most"
        refuse(weights, problem, "copy both again")


def _count(arguments: Mapping[str, Any]) -> int:
    with torch.device("meta"):  # shapes alone
        return sum(weight.numel() for weight in TubeNet(**arguments).parameters())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_label_values(value: Any) -> bool:
    """Whether each class has a number, or a list of them if several values are one class."""
    if not isinstance(value, list):
        return value is None
    classes = [each if isinstance(each, list) else [each] for each in value]
    return all(_is_number(number) for each in classes for number in each)


def _is_patch_size(value: Any) -> bool:
    sizes = value if isinstance(value, list) else []
    return len(sizes) == 3 and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sizes)


def _is_cleaning(value: Any) -> bool:
    """Whether it says how to clean; what it may hold is known where it is read."""
    if not isinstance(value, dict):
        return value is None
    try:
        read_cleaning(value)
    except UserError:
        return False
    return True


FORMS = {
    "cleaning": _is_cleaning,
    "network": lambda value: isinstance(value, dict),
    "normalisation": lambda value: isinstance(value, dict),
    "label_values": _are_label_values,
    "label_names": lambda value: value is None or (isinstance(value, list) and all(isinstance(e, str) for e in value)),
    "patch_size": _is_patch_size,
    "validated_on": lambda value: isinstance(value, str),
    "sha256": lambda value: value is None or isinstance(value, str),
}
"""What tells whether a sidecar's value of this name, if there is one, has the right form."""
