"""The released implementation's weights (`.weights.h5`) and outputs, brought into TubeNet's layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from scripts.network import TubeNet

FOLDER = Path(__file__).resolve().parents[1].parent / "shared" / "fixtures" / "keras"


def channel_first(array: np.ndarray) -> torch.Tensor:
    """Turn ``(N, Z, X, Y, C)`` into ``(N, C, X, Y, Z)``."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 4, 2, 3, 1)))


def kernel(array: np.ndarray) -> torch.Tensor:
    """Turn ``(z, x, y, in, out)`` into torch's ``(out, in, x, y, z)``.

    A transposed convolution's ``(z, x, y, out, in)`` so becomes ``(in, out, x, y, z)``, which is torch's layout too.
    """
    return torch.from_numpy(np.ascontiguousarray(array.transpose(4, 3, 1, 2, 0)))


def _parts(net: TubeNet) -> Iterator[tuple[str, nn.Module]]:
    """Each Keras path with the module that it belongs to."""
    for i, layer in enumerate(net.encoder):
        block = "encode_block" + (f"_{i}" if i else "")
        conv1, _, norm, conv2, _, _ = layer.conv.layers
        yield from ((f"{block}/conv1", conv1), (f"{block}/norm", norm), (f"{block}/conv2", conv2))
    conv1, _, norm, conv2, _ = net.bottleneck.layers
    yield from (("u_block/conv1", conv1), ("u_block/norm", norm), ("u_block/conv2", conv2))
    for i, layer in enumerate(net.decoder):
        block = "decode_block" + (f"_{i}" if i else "")
        yield from (
            (f"{block}/transpose", layer.up),
            (f"{block}/norm", layer.norm),
            (f"{block}/conv", layer.conv.layers[0]),
        )
    yield "conv3d", net.head


def load_array(name: str, entry: str | None = None) -> torch.Tensor:
    """Read an array of the fixture, or one entry of an `.npz`, double precision and channel first."""
    loaded = np.load(FOLDER / name)
    return channel_first(loaded if entry is None else loaded[entry]).double()


def load_keras(net: TubeNet, path: Path) -> None:
    """Copy every weight of a `.weights.h5` file into a network with the published switches."""
    left = {name for name, _ in net.named_parameters()}
    names = {parameter: name for name, parameter in net.named_parameters()}
    with h5py.File(path) as file, torch.no_grad():
        for block, module in _parts(net):
            weight, bias = (file[f"layers/{block}/vars/{i}"][()] for i in (0, 1))
            source = torch.from_numpy(weight) if isinstance(module, nn.GroupNorm) else kernel(weight)
            assert source.shape == module.weight.shape, block
            module.weight.copy_(source)
            module.bias.copy_(torch.from_numpy(bias))
            left -= {names[module.weight], names[module.bias]}
    assert not left, f"no Keras weights for {left}"
