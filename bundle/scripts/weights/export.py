"""Write the network as a `torch.export` program, which MONAI's bundle commands cannot do."""

from __future__ import annotations

import io
import json
from pathlib import Path

import torch
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config as symbolic_shapes

from scripts.core import WEIGHTS, refuse, write_whole
from scripts.network import TubeNet

from .checkpoint import Checkpoint

SUFFIX = ".pt2"
SIDECAR = "model.json"
"""Name of the sidecar among the program's extra files."""


def export_network(network: TubeNet) -> ExportedProgram:
    """Trace a network once, for any batch size and volume size.

    Args:
        network: the network, in any mode; it is left in evaluation mode, and the program always runs in it.

    Returns:
        A program that maps `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`. X, Y and Z must be multiples of what the
        network pools by (32 for six layers), at least one of them a larger multiple.
    """
    divisor = 2 ** (len(network.arguments["channels"]) - 1)
    example = torch.zeros(2, network.arguments["in_channels"], *(3 * [2 * divisor]))  # (B, C, X, Y, Z)
    sizes = {0: Dim("batch"), **{axis: divisor * Dim(name) for axis, name in ((2, "x"), (3, "y"), (4, "z"))}}
    # by default torch excludes volumes that have one voxel along an axis in the deepest layer, such as thin stacks
    with torch.no_grad(), symbolic_shapes.patch(backed_size_oblivious=True):
        return torch.export.export(network.eval(), (example,), dynamic_shapes=(sizes,))


def export_program(output_path: str | Path, ckpt_path: str | Path | None = None) -> Path:
    """Write weights and network as one `torch.export` file, which runs without this package.

    Args:
        output_path: `X.pt2` to write; `torch.export.load(X).module()` maps images `(B, C, X, Y, Z)`, scaled to [0, 1],
            to logits. The weights' sidecar is its extra file `model.json`.
        ckpt_path: `Y.pt` with `Y.json` beside it; by default the shipped weights.

    Returns:
        `X.pt2`.

    Raises:
        UserError: if weights or sidecar are missing, if the suffix is not `.pt2`, if the weights are damaged or do not
            fit their sidecar, or if the file cannot be written.
    """
    path, weights = Path(output_path), WEIGHTS if ckpt_path is None else Path(ckpt_path)
    if path.suffix != SUFFIX:
        refuse(path, f"a torch.export program is written as {SUFFIX}", f"name it {path.stem}{SUFFIX}")
    checkpoint = Checkpoint(weights)
    network = checkpoint.as_network()
    buffer = io.BytesIO()  # given a temporary file's name, torch would warn about its suffix
    torch.export.save(export_network(network), buffer, extra_files={SIDECAR: json.dumps(checkpoint.sidecar)})
    write_whole(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
    return path
