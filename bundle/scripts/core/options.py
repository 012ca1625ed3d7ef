"""The options of the command line: what each means and which values it takes.

Both the check of a command line (`overrides.py`) and docs/reference/options.md are made from the table here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fire.parser import DefaultParseValue

from .errors import refuse
from .kinds import (
    ANYTHING,
    AUTO,
    BOOLEAN,
    CHANNEL,
    LIST,
    LOUDNESS,
    NAMES,
    NUMBER,
    PATH,
    PATHS,
    SIDES,
    THEME,
    Kind,
    between,
    is_number,
    whole_number,
)

MIN_SCALE, MAX_SCALE = 0.02, 4.0


@dataclass(frozen=True)
class Option:
    """One option: what kind of value it takes, and what it does, in words for docs and help."""

    kind: Kind
    meaning: str


OPTIONS = {
    "dataset_dir": Option(PATHS, "the dataset, or several to train on; for inference also a file or folder of images"),
    "test_dir": Option(PATHS, "a dataset that is scored after every epoch but has no say in which weights are kept"),
    "val_dir": Option(PATHS, "a separate dataset to validate on (`overlays/validate_elsewhere.json`)"),
    "output_dir": Option(PATH, "where segmentations and scores go"),
    "ckpt_dir": Option(PATH, "where a training writes its weights and its table of epochs"),
    "ckpt_path": Option(PATH, "the weights to segment with, to score, or to start a training from"),
    "masks_dir": Option(PATH, "a folder of real vessel masks that pre-training cuts some of its vessels from"),
    "log_dir": Option(PATH, "where TensorBoard's event files go (`overlays/tensorboard.json`)"),
    "device": Option(ANYTHING, "`cpu`, `cuda`, `cuda:1`, or `mps` on a Mac; by default a GPU if there is one"),
    "amp": Option(ANYTHING, "compute in bfloat16: `true`, `false`, or `auto`, what is faster here; `int8` to predict"),
    "engine": Option(ANYTHING, "`torch`, `openvino` (extra `fast`), or `auto`: OpenVINO's int8 where it pays"),
    "seed": Option(whole_number(0), "seed of everything random; results do not depend on the number of workers"),
    "resume": Option(BOOLEAN, "continue the training in `ckpt_dir`"),
    "epochs": Option(whole_number(1), "number of epochs to train"),
    "iterations_per_epoch": Option(whole_number(1), "optimiser steps per epoch"),
    "batch_size": Option(whole_number(1), "patches per step, over all processes; in inference, windows at a time"),
    "patience": Option(whole_number(1), "validations without a better Dice before training stops; `'$None'` never"),
    "learning_rate": Option(between(0, 1), "Adam's learning rate at the start"),
    "learning_rate_decay": Option(between(1e-12, 1), "the rate falls exponentially to this fraction over the training"),
    "frozen": Option(NAMES, "layers that do not learn during the first epochs of a fine-tuning"),
    "frozen_epochs": Option(whole_number(1), "for how many epochs `frozen` layers stay as they are; `'$None'` always"),
    "tuned_share": Option(between(0.01, 1), "share of tuned weights in the mean with those before, 1 for them alone"),
    "voxel_classifier": Option(BOOLEAN, "a classifier of voxels: let labels teach one; where there is one, average"),
    "replay": Option(between(0, 0.9), "share of a fine-tuning's patches that are synthetic, against forgetting"),
    "patch_size": Option(SIDES, "X, Y, Z in voxels, multiples of 32, of the patches to train on and of the window"),
    "overlap": Option(between(0, 0.99), "overlap of neighbouring windows, as a fraction of their side"),
    "scale": Option(ANYTHING, "the size at which the network sees the image, 0.5 for half; `auto` for what suits it"),
    "region": Option(ANYTHING, "`x0:x1,y0:y1,z0:z1`: only these voxels count as labelled, for training or scoring"),
    "channel": Option(CHANNEL, "which channel of a file to use, from 0; `depth` if its channels are slices"),
    "level": Option(whole_number(0), "which resolution of a pyramid to read, 0 the finest"),
    "unlabelled_value": Option(NUMBER, "the label value that means *not labelled*, as negative values always do"),
    "dataset_weights": Option(ANYTHING, "how often each volume, or each of several datasets, is drawn from"),
    "val_fraction": Option(between(0, 1), "fraction of each volume held out for validation, at one end of it"),
    "val_interval": Option(whole_number(1), "epochs from one validation to the next"),
    "redraw": Option(between(0, 1), "chance that a nearly empty patch is drawn again"),
    "rotation": Option(between(0, 45), "augmentation: largest rotation in plane, in degrees either way"),
    "zoom": Option(between(1, 4), "augmentation: largest zoom factor in plane"),
    "threshold": Option(between(0, 1), "probability above which a voxel is vessel; by default the weights' own"),
    "save_probability": Option(BOOLEAN, "write `NAME_prob.EXT` too"),
    "verbosity": Option(LOUDNESS, "how much the log tells: `quiet` (warnings and the result), `normal` or `verbose`"),
    "theme": Option(THEME, "colours of the pictures, `dark` or `light`"),
    "smooth": Option(between(0, 10), "smooth probabilities by a Gaussian, in voxels, less across thick slices"),
    "hysteresis": Option(between(0, 1), "a lower threshold, down to which what exceeds `threshold` grows"),
    "fill_holes": Option(ANYTHING, "fill enclosed holes up to this volume: the file's unit cubed, or `'20 voxels'`"),
    "min_size": Option(ANYTHING, "drop pieces smaller than this volume: the file's unit cubed, or `'20 voxels'`"),
    "tta": Option(BOOLEAN, "average over in-plane flips and quarter turns, which takes eight times as long"),
    "adapt": Option(BOOLEAN, "let each volume teach a pixel classifier what the network finds, and average them"),
    "invert": Option(ANYTHING, "vessels are darker than what is around them: `true`, `false`, or `auto`, by volume"),
    "label_value": Option(ANYTHING, "value of vessel in the file: `255`, a list with one a class, or `labels`"),
    "num_workers": Option(whole_number(0), "extra processes that load and augment, at most two for each CPU"),
    "without": Option(NAMES, "parts of the synthetic volumes that pre-training leaves out"),
    "per_volume": Option(whole_number(1), "patches that pre-training cuts from each synthetic volume"),
    "validation_volumes": Option(whole_number(1), "synthetic volumes that pre-training validates on"),
    "average": Option(between(1e-6, 0.999), "share of each step in the running average of the weights that is kept"),
    "real_share": Option(between(0, 1), "share of the patches of a pre-training that come from `dataset_dir`"),
    "class_weights": Option(LIST, "class weights of the cross-entropy, background first (`overlays/loss_wcce.json`)"),
    "blocks": Option(ANYTHING, "segment block by block: `true`, `false`, or `auto`, what does not fit into memory"),
    "memory": Option(ANYTHING, "memory for a block, such as `2GB`; by default 1.5 GB, or half of what is free"),
    "workers": Option(whole_number(0), "processes that do blocks (`overlays/large_volume.json`)"),
    "scheduler": Option(ANYTHING, "address of a Dask scheduler whose workers do blocks (`overlays/large_volume.json`)"),
    "precision": Option(ANYTHING, "precision of TensorRT: `fp32`, `tf32`, `bf16` or `fp16` (`inference_trt.json`)"),
}
MAY_BE_SWITCHED_OFF = ("patience", "frozen_epochs")
DECIDE_TRAINING = (
    *("seed", "iterations_per_epoch", "batch_size", "learning_rate", "learning_rate_decay", "frozen", "frozen_epochs"),
    *("patch_size", "overlap", "val_fraction", "val_interval", "channel", "level", "unlabelled_value"),
    *("dataset_weights", "redraw", "rotation", "zoom", "without", "per_volume", "validation_volumes", "average"),
    *("class_weights", "invert", "replay"),
)
"""Options that decide what a training computes; it can only be resumed with the same values."""


def check_option(name: str, given: Any, default: Any) -> None:
    """Check an option's value from the command line; MONAI's `$`, `@` and `%` expressions pass.

    Args:
        name: name of the option, one of `OPTIONS` or one that an overlay defines.
        given: its value, or its value as text.
        default: the config's value, which gives the kind of an option that is not in `OPTIONS`.

    Raises:
        UserError: for a value of the wrong kind.
    """
    value = DefaultParseValue(given) if isinstance(given, str) else given  # as fire reads it, so that 2024 is a number
    if value == "$None" and default is not None and name not in MAY_BE_SWITCHED_OFF:
        refuse(f"--{name} {given}", "cannot be nothing", "leave it out, or give a value")
    if isinstance(value, str) and value.startswith(("$", "@", "%")):
        return
    if value is None:
        if default is not None:
            remedy = f"write --{name} '$None'" if name in MAY_BE_SWITCHED_OFF else "leave it out, or give a value"
            refuse(f"--{name} {given}", "MONAI would ignore it, and nothing would change", remedy)
        return
    if name == "device":
        _check_device(str(value))
    elif name == "scale":
        read_scale(value)
    if is_number(value) and name != "seed" and not abs(value) <= 2**53:
        refuse(f"--{name} {given}", "is not a number of at most 2^53", "give a smaller one")
    kind = OPTIONS[name].kind if name in OPTIONS else _kind_of(name, default)
    if kind.accepts(value):
        return
    if kind in (PATH, PATHS) and isinstance(value, int | float):
        refuse(f"--{name} {given}", "is read as a number and not as a path", f"write ./{given}")
    if kind in (PATH, PATHS) and not isinstance(value, list | tuple):
        refuse(f"--{name} {given}", f"is not {kind.name}", "give one, ./NAME if its name has a comma")
    example = kind.example if default is None or isinstance(default, str) else default
    quoted = f'"{example}"' if kind in (LIST, NAMES, SIDES, PATHS, PATH) else example
    refuse(f"--{name} {given}", f"is not {kind.name}", f"give one such as {quoted}")


def _kind_of(name: str, default: Any) -> Kind:
    if name.endswith(("_dir", "_path")):
        return PATH
    if isinstance(default, list):
        return LIST
    return NUMBER if is_number(default) else ANYTHING


def _check_device(device: str) -> None:
    import torch  # takes two seconds, which only this option should pay for

    try:
        kind = torch.device(device).type
    except RuntimeError:
        refuse(f"--device {device}", "is not a device", "write cpu, cuda, cuda:0 or mps")
    if kind == "cpu":
        return
    if kind == "cuda" and not torch.cuda.is_available():
        refuse(f"--device {device}", "this machine has no GPU that PyTorch can use", "leave --device out")
    try:
        torch.ones(1, device=device).item()  # `meta` has shapes alone, others are not of this machine or this PyTorch
    except Exception:
        refuse(f"--device {device}", "PyTorch cannot compute on it here", "leave --device out, or write cpu or cuda")


def read_boolean(name: str, value: bool | str) -> bool:
    """Read an option that is true or false; on the command line it is text.

    Raises:
        UserError: for anything but true and false.
    """
    if not BOOLEAN.accepts(value):
        refuse(f"--{name} {value}", f"is not {BOOLEAN.name}", "give one of these")
    return str(value).lower() == "true"


def read_number(name: str, value: float | str | None) -> float | None:
    """Read a number; MONAI Label's viewers send text, and for an empty field "" or "None".

    Returns:
        The number, or None for None or an empty field.

    Raises:
        UserError: for anything else, or a number that the option does not take.
    """
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    kind = OPTIONS[name].kind if name in OPTIONS else NUMBER
    try:
        number = float(value) if isinstance(value, str) or is_number(value) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not (math.isfinite(number) and kind.accepts(number)):
        refuse(f"--{name} {value}", f"is not {kind.name}", f"give one such as {kind.example or 0.5}")
    return number


def read_channel(value: int | str | None) -> int | str | None:
    """Read the option `channel`; MONAI Label's viewers send it as text.

    Returns:
        An index, `DEPTH`, or None for None or an empty field.

    Raises:
        UserError: for anything else.
    """
    if value is None or (isinstance(value, str) and value.strip() in ("", "None")):
        return None
    plain = value.item() if hasattr(value, "item") else value  # of numpy's whole numbers
    text = plain.strip() if isinstance(plain, str) else plain
    found = int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else text
    if not CHANNEL.accepts(found):
        refuse(f"--channel {plain}", f"is not {CHANNEL.name}", "give one such as 0, or leave it out")
    return found


def read_scale(value: float | str) -> float | str:
    """Read the option `scale`; MONAI Label's viewers send a number as text.

    Args:
        value: factor by which the number of voxels along each in-plane axis changes, or `auto`.

    Raises:
        UserError: for any other value, or a number out of range.
    """
    if str(value).strip().lower() == AUTO:
        return AUTO
    try:
        scale = float(value) if isinstance(value, str) or is_number(value) else math.nan
    except (ValueError, OverflowError):
        scale = math.nan
    if not MIN_SCALE <= scale <= MAX_SCALE:
        problem = f"is neither {AUTO} nor a number from {MIN_SCALE:g} to {MAX_SCALE:g}"
        refuse(f"--scale {value}", problem, "give one such as 0.5")
    return scale
