"""What a request to the server may hold: known options, plain values, plain names.

MONAI Label writes some values of a request into a config, where text that starts with `$` is run, and makes file names
of others. So each is checked here before MONAI Label sees it; what is not listed is refused.
"""

from __future__ import annotations

import json
import math
import re
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import torch

from scripts.core import is_plain_name, read_channel, read_number, read_scale, refuse, refuse_unknown
from scripts.io import SUFFIXES, split_name
from scripts.transforms import read_label_value
from scripts.weights import read_inversion, read_size

MODEL = "tubenet"
NAMES = {"model": (MODEL,), "strategy": ("random", "first", "unsure")}
MAX_TEXT = 200  # characters of a name, or of another text with a pattern
OF_VOLUMES = {*SUFFIXES, ".nrrd", ".seg.nrrd", ".mha", ".mhd"}  # the last four are written by MONAI Label
WEIGHTS = re.compile(r"\w[\w .-]*\.pt")
TAG = re.compile(r"\w[\w .-]*")
TEXT = re.compile(r"[\w .:/-]*")

Check = Callable[[str, Any], object]


def shown(value: Any) -> str:
    """Return a value as a refusal names it, which makes it one line, printable and not too long."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _is(accepts: Callable[[Any], bool], words: str, remedy: str) -> Check:
    def check(name: str, value: Any) -> None:
        if not accepts(value):
            refuse(f"{name} {shown(value)}", f"is not {words}", remedy)

    return check


def _one_of(*values: Any) -> Check:
    def accepts(value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in values)

    named = ", ".join(json.dumps(each) for each in values)
    return _is(accepts, f"one of {named}", "give one of these")


def _whole(minimum: int, maximum: int) -> Check:
    def accepts(value: Any) -> bool:
        return type(value) is int and minimum <= value <= maximum

    return _is(accepts, f"a whole number from {minimum} to {maximum}", f"give one such as {minimum}")


def _one(value: Any) -> Any:
    """Return the first of a list, as MONAI Label does with what viewers send from a menu."""
    return value[0] if isinstance(value, list) and value else value


def _is_device(value: Any) -> bool:
    gpus = [(torch.cuda.get_device_name(number), number) for number in range(torch.cuda.device_count())]
    named = {name for name, _ in gpus} | {f"{name}:{number}" for name, number in gpus}
    device = _one(value)
    if device in (None, ""):
        return True
    return isinstance(device, str) and (device in named or bool(re.fullmatch(r"cpu|mps|cuda(:\d{1,2})?", device)))


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= MAX_TEXT and bool(pattern.fullmatch(value))


def _is_weights(value: Any) -> bool:
    names = value if isinstance(value, list) and value else [value]
    return all(map(_matches(WEIGHTS), names))


def _is_of_volumes(value: Any) -> bool:
    return isinstance(value, str) and f".{value.lower().removeprefix('.')}" in OF_VOLUMES


def _are_whole(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and -1 <= value < 1


def check_plain_name(what: str, name: Any) -> None:
    """Check that a name is that of a file or folder and no path.

    Args:
        what: what it names, such as `image`.
        name: the name.

    Raises:
        UserError: for anything but text, a path, `..`, or what no file can be called.
    """
    if not is_plain_name(name) or len(name) > MAX_TEXT:
        refuse(f"{what} {shown(name)}", "is not a plain name", "give one without folders")


def check_inside(what: str, path: str | Path, folder: str | Path) -> None:
    """Check that a path lies in a folder, links followed.

    Raises:
        UserError: if it does not.
    """
    if "\0" in str(path) or not Path(path).resolve().is_relative_to(Path(folder).resolve()):
        refuse(f"{what} {shown(str(path))}", f"does not lie in {folder}", "copy it there, and give its name")


TRUTH = _one_of(True, False)
TRUE_OR_FALSE = _is(lambda value: str(value).lower() in ("true", "false"), "true or false", "give one of these")
PLAIN = _is(_matches(TEXT), "plain text", "use letters, digits and any of . : / - only")
DEVICE = _is(_is_device, "a device of this machine", "write cpu, cuda or cuda:0")
WEIGHTS_NAME = _is(_is_weights, "the name of weights", "give one such as model.pt")
ANY_TEXT = _is(lambda value: value is None or isinstance(value, str), "text", "give text")
TAG_NAME = _is(_matches(TAG), "a plain name", "give one such as final")
WHOLE_NUMBERS = _is(_are_whole, "a list of whole numbers", "leave it out")
DATA = _is(lambda value: isinstance(value, list | dict), "a list or an object", "leave it out")

OF_VIEWERS: dict[str, Check] = {
    "client_id": ANY_TEXT,
    "device": DEVICE,
    "model_filename": WEIGHTS_NAME,
    "logging": _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
}
INFER = OF_VIEWERS | {
    "channel": lambda name, value: read_channel(value),
    "overlap": read_number,
    "threshold": read_number,
    "scale": lambda name, value: read_scale(value),
    "smooth": read_number,
    "hysteresis": read_number,
    "fill_holes": read_size,
    "min_size": read_size,
    "tta": TRUE_OR_FALSE,
    "adapt": TRUE_OR_FALSE,
    "invert": read_inversion,
    "label_value": lambda name, value: read_label_value(value),
    "result_extension": _is(_is_of_volumes, "a suffix of volumes", "give one such as .nii.gz"),
    "result_dtype": _one_of("uint8", "uint16", "int16", "float32", "", None),
    "result_compress": TRUTH,
    "restore_label_idx": TRUTH,
    "label_info": DATA,
    "label_prompt": WHOLE_NUMBERS,
    "save_label": TRUTH,
    "label_tag": TAG_NAME,
}
BATCH = INFER | {
    "multi_gpu": TRUTH,
    "gpus": _is(_matches(re.compile(r"all|\d{1,2}(,\d{1,2})*")), "a list of GPUs", "write all, or 0,1"),
    "max_workers": _whole(0, 64),
    "max_batch_size": _whole(0, 1_000_000),
}
TRAIN = OF_VIEWERS | {
    "max_epochs": _whole(1, 100_000),
    "val_split": _is(_is_share, "a number from -1 to below 1", "give one such as 0.2"),
    "pretrained": _is(lambda value: value is True, "true", "leave it out: training starts from the active weights"),
    "multi_gpu": TRUTH,
    "gpus": BATCH["gpus"],
    "tracking": _is(lambda value: _one(value) in ("", "None", "mlflow", None), "None or mlflow", "leave it out"),
    "tracking_uri": _is(lambda value: value in ("", None), "empty", "set MONAI_LABEL_TRACKING_URI where it is started"),
    "tracking_experiment_name": PLAIN,
    "tracking_run_name": PLAIN,
    "run_id": _one_of("", "run"),
}
SAMPLE: dict[str, Check] = {"client_id": ANY_TEXT, "label_tag": TAG_NAME, "channel": INFER["channel"]}


def check_options(given: Any, known: Mapping[str, Check] | None) -> None:
    """Check the options of a request.

    Args:
        given: their values by name; None is none.
        known: what checks each option that there is; None if any name and value will do.

    Raises:
        UserError: for an option that there is not, or a value that it does not take.
    """
    if given is None:
        return
    if not isinstance(given, Mapping):
        refuse(f"options {shown(given)}", "are not a JSON object", 'write such as {"threshold": 0.5}')
    for name, value in given.items() if known is not None else ():
        if name not in known:
            refuse_unknown(shown(name), "there is no such option", name, known, f"there are {', '.join(sorted(known))}")
        known[name](name, value)


def check_training(given: Any) -> None:
    """Check the options of a training.

    OHIF sends them under the name of the model.

    Raises:
        UserError: for an option that there is not, or a value that it does not take.
    """
    check_options(given, TRAIN | {MODEL: lambda name, value: check_options(value, TRAIN)})


def check_training_request(argv: Sequence[str] | None = None) -> None:
    """Check the request in the command line of MONAI Label's training process.

    Any other command passes. This is for apps other than ours: MONAI Label has put the values into the config, but none
    was used yet.

    Args:
        argv: the command line; by default that of this process.

    Raises:
        UserError: for an option that there is not, or a value that it does not take.
    """
    argv = sys.argv if argv is None else argv
    if list(argv[1:4]) != ["-m", "train", "-r"] or len(argv) < 5:
        return
    own = {"model", "bundle_path", "local_rank"}  # MONAI Label adds these
    check_training({name: value for name, value in json.loads(argv[4]).items() if name not in own})


def check_upload(what: str, name: str | None, remote: bool) -> None:
    """Check that an uploaded file is of a kind that this bundle reads.

    MONAI Label would keep a file of any kind, and send a page with scripts to a browser as its own.

    Args:
        what: what is uploaded.
        name: its name, which may be a path on the machine of the viewer.
        remote: whether images come from a DICOMweb server, to which OHIF sends masks as `label.bin`.

    Raises:
        UserError: for any other kind.
    """
    last = PureWindowsPath(PurePosixPath(name or "").name).name
    check_plain_name(what, last)
    if not (remote and last.endswith((".bin", ".nrrd"))):
        suffix = split_name(last)[1].lower()
        if suffix not in SUFFIXES:  # of the extras, which the server does not list
            refuse(last, f"files named {suffix} are not served", f"send one of {' '.join(sorted(SUFFIXES))}")


def check_parameters(given: Mapping[str, Any], remote: bool) -> None:
    """Check what stands in the address of a request.

    Raises:
        UserError: for a name that is a path, a session that MONAI Label cannot have made, or an archive.
    """
    for name, value in given.items():
        if name in ("id", "label"):
            check_plain_name(name, value)
        elif name == "tag" and value:  # 3D Slicer may leave it empty
            TAG_NAME(name, value)
        elif name in NAMES and value not in NAMES[name]:
            refuse_unknown(f"{name} {shown(value)}", "there is none", value, NAMES[name], f"use {NAMES[name][0]}")
        elif name == "session_id" and value and not _is_uuid(value):
            refuse(f"session {shown(value)}", "is not the id of one", "give the session_id that PUT /session answered")
        elif name == "uncompress" and value.lower() not in ("false", "0", "no", "off"):
            refuse("uncompress", "archives are not unpacked", "send the volume itself")
        elif name == "path" and remote and ".." in value.split("/"):
            refuse(f"path {shown(value)}", "leaves the DICOMweb server's folder", "leave out ..")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
