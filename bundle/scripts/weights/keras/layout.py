"""The authors' release as a file of Keras 3, `.weights.h5`: which array is what in TubeNet; Keras is not needed."""

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

SUFFIX = ".weights.h5"  # Keras loads and saves no other
LEVELS = 5
RELEASED = {  # the release's graph, in TubeNet's words; no file states it
    "attention": False,
    "decoder_convolutions": 1,
    "decoder_dropout": 0.0,
    "pooled_skips": True,
    "shared_norm": True,
    "norm_eps": 1e-3,
    "bottleneck_norm": False,
    "act": ["leakyrelu", {"negative_slope": 0.2}],
}
MAX_PACKED = 20  # times: Keras does not compress, and random numbers hardly can be

# The parts of the release's blocks, each with its Keras class, in the order in which Keras numbers them. Those without
# weights have an empty group in the file, and so has the attention gate, which is made and not called.
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
    """Read the release's weights into its graph; what an optimiser left in the file is passed over.

    Args:
        path: `X.weights.h5`: kernels (Z, X, Y, in, out), of transposed convolutions (Z, X, Y, out, in).

    Returns:
        The network, on the CPU, in float32. Widths, classes and input channels are those of the kernels.

    Raises:
        UserError: where there is no such file, or it may not be read; for what is not HDF5, or damaged, or leads to
            other files, or not the release's layout without attention; the message says what was found.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        arguments = _arguments(path, _kernels(path, file))
        try:
            with torch.device("meta"):  # shapes alone: the numbers come from the file
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
                    # (Z, X, Y, in, out) to (out, in, X, Y, Z); of a transposed one (Z, X, Y, out, in) to (in, out, ...)
                    values = values.permute(4, 3, 1, 2, 0)
                setattr(module, name, nn.Parameter(values.contiguous()))
    return network


def write_keras_weights(path: str | Path, network: TubeNet) -> None:
    """Write a network of the release's graph as the file that the release would have saved.

    Args:
        path: `X.weights.h5`.
        network: of that graph, six layers.

    Raises:
        UserError: for another graph; where the file cannot be written; what was there is kept.
    """
    if why := differences(network.arguments):
        refuse(
            "the network", f"is not the release's graph, for {', '.join(why)}", "train it with overlays/published.json"
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
    """Tell in words what sets a network's arguments apart from the release's graph; none if it is of that graph."""
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
    """Each block of the release with its class and its parts."""
    for kind, parts in (("encode_block", ENCODER_PARTS), ("decode_block", DECODER_PARTS)):
        for level in range(LEVELS):
            yield f"{kind}_{level}" if level else kind, kind, parts
        if kind == "encode_block":
            yield "u_block", "u_block", BOTTLENECK_PARTS


def _tree() -> Iterator[tuple[str, str]]:
    """Every group of the file, with the Keras class by which it is named, in the order of their numbers."""
    yield "layers/input_layer", "input_layer"
    for block, block_kind, parts in _blocks():
        yield f"layers/{block}", block_kind
        for part, kind in parts.items():
            yield f"layers/{block}/{part}", kind
    yield HEAD, "conv3d"
    yield "", "functional"


def _places(network: TubeNet) -> Iterator[tuple[str, nn.Module]]:
    """Each module that has weights, with its group in the file."""
    modules = [*(layer.conv.layers for layer in network.encoder), network.bottleneck.layers, *network.decoder]
    for (block, kind, _), layers in zip(_blocks(), modules, strict=True):
        if kind == "decode_block":
            found = {"transpose": layers.up, "norm": layers.norm, "conv": layers.conv.layers[0]}
        else:
            found = {"conv1": layers[0], "norm": layers[2], "conv2": layers[3]}
        yield from ((f"layers/{block}/{part}", module) for part, module in found.items())
    yield HEAD, network.head


def _kernels(path: Path, file: h5py.File) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays; a file whose arrays are not those of the release, by their names, is refused."""
    if "model_weights" in file or "layer_names" in file.attrs:
        refuse(path, "is a file of Keras 2", "load it with the release and save its weights with Keras 3")
    shapes = array_shapes(path, file)
    # what an optimiser left is of no use here, nor is the state of a generator, which some versions of Keras keep
    found = {name for name in shapes if name.startswith("layers/") and "/seed_generator/" not in name}
    if any("/attn/" in name for name in found):
        refuse(
            path,
            "holds the attention variant (weights under attn), which has no counterpart here",
            "train that anew with overlays/attention.json",
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
    """TubeNet's arguments, from the shapes of the first kernel of each layer and of the classifier."""
    firsts = [f"layers/{block}/conv1/vars/0" for block, _, parts in _blocks() if "conv1" in parts]
    for name in (*firsts, f"{HEAD}/vars/0"):
        if len(shapes[name]) != 5:
            refuse(path, f"{name} has the shape {shapes[name]}, and a kernel has five sides", "another network?")
    return {
        "in_channels": shapes[firsts[0]][3],
        "out_channels": shapes[f"{HEAD}/vars/0"][4],
        "channels": [shapes[name][4] for name in firsts],
        **RELEASED,
    }
