"""How the arrays in the authors' Keras 3 file map to TubeNet; Keras itself is not needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from scripts.core import refuse, write_whole
from scripts.network import TubeNet

from .hdf5 import array_shapes, open_hdf5, read_floats

SUFFIX = ".weights.h5"  # the only suffix that Keras loads and saves
LEVELS = 5
RELEASED = {  # the release's graph as TubeNet arguments, which are not in the file
    "attention": False,
    "decoder_convolutions": 1,
    "decoder_dropout": 0.0,
    "pooled_skips": True,
    "shared_norm": True,
    "norm_eps": 1e-3,
    "bottleneck_norm": False,
    "act": ["leakyrelu", {"negative_slope": 0.2}],
}
MAX_PACKED = 20  # compression factor: Keras does not compress, and random numbers hardly shrink

# The parts of the release's blocks, each with its Keras class, in the order in which Keras numbers them. Parts without
# weights have an empty group in the file, as has the attention gate, which the release builds but never calls.
ENCODER_PARTS = {
    "conv1": "conv3d",
    "conv2": "conv3d",
    "norm": "group_normalization",
    "lrelu": "leaky_re_lu",
    "pool": "max_pooling3d",
    "dropout": "dropout",
}
BOTTLENECK_PARTS = {name: ENCODER_PARTS[name] for name in ("conv1", "conv2", "norm", "lrelu")}
DECODER_PARTS = {
    "transpose": "conv3d_transpose",
    "conv": "conv3d",
    "attn": "attn_block",
    **dict.fromkeys(("attn/Wq", "attn/Wk", "attn/map"), "conv3d"),
    "norm": "group_normalization",
    "lrelu": "leaky_re_lu",
}
WEIGHTED = ("conv3d", "conv3d_transpose", "group_normalization")
HEAD = "layers/conv3d"


def read_keras_weights(path: str | Path) -> TubeNet:
    """Read the release's weights into a TubeNet of its graph, ignoring any optimiser state.

    Args:
        path: `X.weights.h5`, with kernels (Z, X, Y, in, out), or (Z, X, Y, out, in) in transposed convolutions.

    Returns:
        The network, on the CPU, in float32. Widths, classes and input channels are those of the kernels.

    Raises:
        UserError: if the file is missing, is not HDF5, is damaged, links to other files, or does not have the
            release's layout without attention; the message says what was found.
        OSError: if it may not be read.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        arguments = _arguments(path, _kernels(path, file))
        try:
            with torch.device("meta"):  # shapes only: the numbers come from the file
                network = TubeNet(**arguments)
        except ValueError as error:
            refuse(path, f"is not the release's network ({error})", "use a file of the release")
        size, claimed = path.stat().st_size, 4 * sum(weights.numel() for weights in network.parameters())
        if claimed > MAX_PACKED * size:
            refuse(
                path,
                f"claims {claimed / 1000000000.0:.1f} GB of weights in {size / 1000000.0:.1f} MB",
                "use another file",
            )
        for place, module in _places(network):
            for number, name in enumerate(("weight", "bias")):
                wanted = getattr(module, name)
                stored = tuple(wanted.permute(2, 3, 4, 1, 0).shape if wanted.ndim == 5 else wanted.shape)
                values = torch.from_numpy(read_floats(path, file, f"{place}/vars/{number}", stored))
                if wanted.ndim == 5:
                    # (Z, X, Y, in, out) to (out, in, X, Y, Z); transposed: (Z, X, Y, out, in) to (in, out, X, Y, Z)
                    values = values.permute(4, 3, 1, 2, 0)
                setattr(module, name, nn.Parameter(values.contiguous()))
    return network


def write_keras_weights(path: str | Path, network: TubeNet) -> None:
    """Write a network of the release's graph as the file that the release would have saved.

    Args:
        path: `X.weights.h5` to write.
        network: a network of the release's graph, with six layers.

    Raises:
        UserError: if the network is of another graph, or the file cannot be written; an earlier file is kept.
    """
    if why := differences(network.arguments):
        refuse(
            "the network", f"is not of the release's graph ({'; '.join(why)})", "train it with overlays/published.json"
        )
    modules = dict(_places(network))
    numbers: Counter[str] = Counter()

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            for place, kind in _tree():
                group = file.create_group(f"{place}/vars" if place else "vars")
                group.attrs["name"] = f"{kind}_{numbers[kind]}" if numbers[kind] else kind
                numbers[kind] += 1
                if place in modules:
                    weight, bias = (values.detach().cpu().float() for values in _weight_and_bias(modules[place]))
                    if weight.ndim == 5:
                        weight = weight.permute(4, 2, 3, 1, 0)  # (out, in, X, Y, Z) to (Z, X, Y, in, out)
                    group.create_dataset("0", data=np.ascontiguousarray(weight))
                    group.create_dataset("1", data=bias.numpy())

    write_whole(Path(path), write)


def differences(arguments: Mapping[str, Any]) -> list[str]:
    """List in words how a network's arguments differ from the release's graph."""
    told = [
        f"{name} is {arguments.get(name)!r}"
        for name, value in RELEASED.items()
        if name != "decoder_dropout" and arguments.get(name) != value  # dropout has no weights
    ]
    depth = len(arguments.get("channels", []))
    return told if depth == LEVELS + 1 else [*told, f"it has {depth} layers, not {LEVELS + 1}"]


def _weight_and_bias(module: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    return module.weight, module.bias


def _blocks() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield each block of the release with its class and its parts."""
    for kind, parts in (("encode_block", ENCODER_PARTS), ("decode_block", DECODER_PARTS)):
        for level in range(LEVELS):
            yield f"{kind}_{level}" if level else kind, kind, parts
        if kind == "encode_block":
            yield "u_block", "u_block", BOTTLENECK_PARTS


def _tree() -> Iterator[tuple[str, str]]:
    """Yield every group of the file with the Keras class that names it, in Keras's order."""
    yield "layers/input_layer", "input_layer"
    for block, block_kind, parts in _blocks():
        yield f"layers/{block}", block_kind
        for part, kind in parts.items():
            yield f"layers/{block}/{part}", kind
    yield HEAD, "conv3d"
    yield "", "functional"


def _places(network: TubeNet) -> Iterator[tuple[str, nn.Module]]:
    """Yield each group of the file that has weights, with its module in the network."""
    modules = [*(layer.conv.layers for layer in network.encoder), network.bottleneck.layers, *network.decoder]
    for (block, kind, _), layers in zip(_blocks(), modules, strict=True):
        if kind == "decode_block":
            found = {"transpose": layers.up, "norm": layers.norm, "conv": layers.conv.layers[0]}
        else:
            found = {"conv1": layers[0], "norm": layers[2], "conv2": layers[3]}
        yield from ((f"layers/{block}/{part}", module) for part, module in found.items())
    yield HEAD, network.head


def _kernels(path: Path, file: h5py.File) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays, after checking that their names are those of the release."""
    if "model_weights" in file or "layer_names" in file.attrs:
        refuse(path, "is a Keras 2 file", "load it with the release and save its weights with Keras 3")
    shapes = array_shapes(path, file)
    # leave out the optimiser's state and the random generator's, which some versions of Keras save
    found = {name for name in shapes if name.startswith("layers/") and "/seed_generator/" not in name}
    if any("/attn/" in name for name in found):
        refuse(
            path,
            "holds the attention variant (weights under attn), which has no counterpart here",
            "train again from scratch with overlays/attention.json",
        )
    places = [place for place, kind in _tree() if kind in WEIGHTED and "/attn/" not in place]
    wanted = {f"{place}/vars/{number}" for place in places for number in (0, 1)}
    if missing := sorted(wanted - found):
        refuse(
            path,
            f"lacks {missing[0]} ({len(missing)} of {len(wanted)} arrays are missing)",
            "copy it again, and check that it is the release's",
        )
    if more := sorted(found - wanted):
        refuse(path, f"holds {more[0]!r}, which the release's network does not have", "another network?")
    return shapes


def _arguments(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Return TubeNet's arguments from the shapes of each layer's first kernel and of the head."""
    firsts = [f"layers/{block}/conv1/vars/0" for block, _, parts in _blocks() if "conv1" in parts]
    for name in (*firsts, f"{HEAD}/vars/0"):
        if len(shapes[name]) != 5:
            refuse(path, f"{name} has the shape {shapes[name]}, and a kernel has five dimensions", "another network?")
    return {
        "in_channels": shapes[firsts[0]][3],
        "out_channels": shapes[f"{HEAD}/vars/0"][4],
        "channels": [shapes[name][4] for name in firsts],
        **RELEASED,
    }
