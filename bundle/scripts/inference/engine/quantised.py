"""A network in int8, and the file that keeps it beside its weights.

NNCF's quantisation after training: weights and the inputs of convolutions become 8-bit integers, by ranges that some
windows show (calibration). Sums, normalisation and transposed convolutions stay as they are.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from torch import nn

from scripts.core import one_line, write_whole

from .compiled import from_bytes, to_bytes
from .graph import to_graph
from .libraries import nncf, openvino, signal_stack_left_alone

logger = logging.getLogger(__name__)

SUFFIX = ".int8.zip"
AXES = 5  # of what it takes and gives
CALIBRATED = 64  # windows that it is calibrated by
_TEXT, _NUMBERS, _ABOUT = "graph.xml", "graph.bin", "about.json"
MAX_PACKED = 20  # times its size, that a file may unpack into; numbers hardly shrink, and the text twenty times
NORMALISATION = ("ReduceMean", "Multiply", "Add", "Subtract", "Power", "Sqrt", "Divide")  # OpenVINO's operations


def file_beside(weights: Path) -> Path:
    """Return the file that keeps the quantised network of a file of weights."""
    return weights.with_suffix(SUFFIX)


def fingerprint(network: nn.Module) -> str:
    """Return what tells the weights of a network from all others."""
    found = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        found.update(name.encode())
        found.update(values.detach().cpu().float().contiguous().numpy().tobytes())
    return found.hexdigest()


def quantise(network: nn.Module, windows: Sequence[torch.Tensor]) -> Any:
    """Quantise a network by windows such as it will see.

    Args:
        network: it is left as it is.
        windows: each `(C, X, Y, Z)`, of sides that its poolings can halve; 64 are enough, and take some 20 seconds.

    Returns:
        An `openvino.Model`.

    Raises:
        UserError: if NNCF is not installed.
    """
    library = nncf()
    # it draws bars of its progress, where results are told
    with redirect_stdout(io.StringIO()), signal_stack_left_alone():
        return library.quantize(
            to_graph(network, len(windows[0])),
            library.Dataset([window[None].cpu().float().numpy() for window in windows]),  # each (1, C, X, Y, Z)
            subset_size=len(windows),
            preset=library.QuantizationPreset.MIXED,  # what comes from a LeakyReLU is not symmetric
            target_device=library.TargetDevice.CPU,
            ignored_scope=library.IgnoredScope(types=list(NORMALISATION), validate=False),
        )


def save(path: Path, graph: Any, weights: str) -> None:
    """Write a quantised network.

    Args:
        path: of `file_beside`.
        graph: of `quantise`.
        weights: `fingerprint` of the network that was quantised.

    Raises:
        UserError: if it cannot be written; what was there is kept.
    """

    def write(temporary: Path) -> None:
        text, numbers = to_bytes(graph)
        about = {"weights": weights, "graph": hashlib.sha256(text + numbers).hexdigest()}
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(_ABOUT, json.dumps(about, indent=1) + "\n")
            file.writestr(_TEXT, text)
            file.writestr(_NUMBERS, numbers)

    write_whole(path, write)


def load(path: Path, weights: str, classes: int | None = None) -> Any | None:
    """Read a quantised network.

    Args:
        path: of `file_beside`.
        weights: `fingerprint` of the network that it must be of.
        classes: K, that it must tell apart.

    Returns:
        An `openvino.Model`; None if there is no file, or one of other weights, or a damaged one, which is told.

    Raises:
        UserError: if there is a file, and OpenVINO is not installed.
    """
    if not path.is_file():
        return None
    openvino()
    try:
        with zipfile.ZipFile(path) as file:
            if sum(each.file_size for each in file.infolist()) > MAX_PACKED * path.stat().st_size:
                raise ValueError("it unpacks into far more than a network takes")
            about = json.loads(file.read(_ABOUT))
            if about["weights"] != weights:
                logger.info("%s: is of other weights, so it is not used", path)
                return None
            text, numbers = file.read(_TEXT), file.read(_NUMBERS)
        if hashlib.sha256(text + numbers).hexdigest() != about["graph"]:
            raise ValueError("it is not as it was written")
        graph = from_bytes(text, numbers)
        found = graph.output(0).partial_shape  # which raises where there are several
        if len(graph.inputs) != 1 or len(found) != AXES or classes not in (None, found[1].get_length()):
            raise ValueError("it is the graph of another network")
        return graph
    except Exception as error:  # whatever a damaged file makes a library raise
        logger.warning("%s: is damaged, so it is not used (%s)", path, one_line(error))
        return None
