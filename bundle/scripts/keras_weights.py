"""Weights of the authors' release, a Keras 3 `.weights.h5`, into TubeNet and back; nothing of Keras is needed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from scripts.checkpoints import file_hash, load_weights, read_sidecar, save_weights, sidecar_path, write_whole
from scripts.hdf5_input import open_hdf5, read_floats
from scripts.labels import label_names
from scripts.network import TubeNet

logger = logging.getLogger(__name__)

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
MIN_MAX = {"lower": 0.0, "upper": 100.0}

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


def read_keras_weights(path: str | Path) -> TubeNet:
    """Read the release's weights into its graph; what an optimiser left in the file is passed over.

    Args:
        path: ``X.weights.h5``: float32; kernels (Z, X, Y, in, out), of transposed convolutions (Z, X, Y, out, in).

    Returns:
        The network, on the CPU, in float32. Widths, classes and input channels are those of the kernels.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for what is not HDF5, or damaged, or leads to other files, or not the release's layout without
            attention; the message says what was found.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        _check_layout(path, file)
        try:
            with torch.device("meta"):  # shapes alone: the numbers come from the file
                network = TubeNet(**_arguments(path, file))
        except ValueError as error:
            raise ValueError(f"{path}: is not the release's network ({error}); use a file of the release") from error
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
        path: ``X.weights.h5``.
        network: of that graph, six widths.

    Raises:
        ValueError: for another graph or suffix.
        OSError: where the file cannot be written; what was there is kept.
    """
    path = Path(path)
    if not path.name.endswith(SUFFIX):
        raise ValueError(f"{path}: Keras loads no other file than NAME{SUFFIX}; give such a name")
    modules = dict(_places(network))
    numbers: Counter[str] = Counter()

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            for place, kind in _tree():
                group = file.create_group(f"{place}/vars" if place else "vars")
                group.attrs["name"] = f"{kind}_{numbers[kind]}" if numbers[kind] else kind
                numbers[kind] += 1
                if place in modules:
                    weight, bias = (
                        modules[place].weight.detach().cpu().float(),
                        modules[place].bias.detach().cpu().float(),
                    )
                    if weight.ndim == 5:
                        weight = weight.permute(4, 2, 3, 1, 0)  # (out, in, X, Y, Z) to (Z, X, Y, in, out)
                    group.create_dataset("0", data=np.ascontiguousarray(weight))
                    group.create_dataset("1", data=bias.numpy())

    write_whole(path, write)


def import_weights(keras_path: str | Path, ckpt_path: str | Path | None = None) -> Path:
    """Turn weights of the authors' TensorFlow release into weights of this bundle.

    Args:
        keras_path: ``X.weights.h5`` of the release.
        ckpt_path: ``Y.pt`` to be written, and beside it ``Y.json``; by default ``X.pt`` beside the first.

    Returns:
        ``Y.pt``. Use it with ``overlays/published.json``.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a file that is not the release's, or holds NaN, or a ``ckpt_path`` that is no ``.pt``.
    """
    source = Path(keras_path)
    target = Path(ckpt_path or source.with_name(source.name.removesuffix(".h5").removesuffix(".weights") + ".pt"))
    if target.suffix != ".pt":
        raise ValueError(f"{target}: weights are named NAME.pt here; give such a --ckpt_path")
    network = read_keras_weights(source)
    classes = list(range(network.arguments["out_channels"]))
    digest = file_hash(source)
    save_weights(
        target,
        network,
        {
            "network": network.arguments,
            "normalisation": MIN_MAX,
            "label_values": classes,
            "label_names": label_names(classes),
            "threshold": 0.5,
            "patch_size": [64, 64, 64],
            "trained_on": f"what the authors' release was trained on ({source.name})",
            "imported_from": {"weights": source.name, "sha256": digest},
        },
    )
    widths = network.arguments["channels"]
    logger.info("%s: widths %s, %d classes, written to %s", source, widths, len(classes), target)
    return target


def export_weights(ckpt_path: str | Path, keras_path: str | Path | None = None) -> Path:
    """Turn weights of this bundle, trained with ``overlays/published.json``, into a file for the authors' release.

    Args:
        ckpt_path: ``X.pt``.
        keras_path: ``Y.weights.h5`` to be written; by default ``X.weights.h5`` beside the first.

    Returns:
        ``Y.weights.h5``. It has no room for the threshold, the label values and the scaling of intensities.

    Raises:
        FileNotFoundError: where weights or sidecar are missing.
        ValueError: for weights that are damaged or of another graph, or a ``keras_path`` that Keras would not load.
    """
    source = Path(ckpt_path)
    target = Path(keras_path or source.with_name(source.stem + SUFFIX))
    sidecar = read_sidecar(source)
    arguments = sidecar.get("network", {})
    other = [f"{name} is {arguments.get(name)!r}" for name in _differing(arguments)]
    if (depth := len(arguments.get("channels", []))) != LEVELS + 1:
        other.append(f"it has {depth} layers, not {LEVELS + 1}")
    if other:
        raise ValueError(
            f"{source}: is not of the release's graph ({'; '.join(other)}); train it with overlays/published.json"
        )
    network = TubeNet(**arguments)
    load_weights(network, source)
    if sidecar.get("normalisation", MIN_MAX) != MIN_MAX:
        logger.warning("%s: the release scales by minimum and maximum, these weights do not", sidecar_path(source))
    write_keras_weights(target, network)
    return target


def released_argument(name: str, ckpt_path: str | Path | None, otherwise: Any) -> Any:
    """Return an argument of TubeNet in the release's graph, so that weights of other widths need no further word.

    Args:
        name: of the argument.
        ckpt_path: weights that will be loaded, or None.
        otherwise: what the release has; it counts where there are no weights or where they are of another graph.

    Raises:
        FileNotFoundError: where weights or sidecar are missing.
    """
    arguments = read_sidecar(ckpt_path).get("network", {}) if ckpt_path is not None else {}
    return otherwise if _differing(arguments) else arguments[name]


def _differing(arguments: Mapping[str, Any]) -> list[str]:
    """What sets a network's arguments apart from the release's graph; dropout has no weights."""
    return [name for name, value in RELEASED.items() if name != "decoder_dropout" and arguments.get(name) != value]


def _blocks() -> Iterator[tuple[str, dict[str, str]]]:
    """The blocks of the release and their parts."""
    for base, parts in (("encode_block", ENCODER_PARTS), ("decode_block", DECODER_PARTS)):
        for level in range(LEVELS):
            yield f"{base}_{level}" if level else base, parts
        if base == "encode_block":
            yield "u_block", BOTTLENECK_PARTS


def _tree() -> Iterator[tuple[str, str]]:
    """Every group of the file, with the Keras class by which it is named, in the order of their numbers."""
    yield "layers/input_layer", "input_layer"
    for block, parts in _blocks():
        yield f"layers/{block}", block.rstrip("_0123456789")
        for part, kind in parts.items():
            yield f"layers/{block}/{part}", kind
    yield "layers/conv3d", "conv3d"
    yield "", "functional"


def _places(network: TubeNet) -> Iterator[tuple[str, nn.Module]]:
    """Each module that has weights, with its group in the file."""
    encoder = [layer.conv.layers for layer in network.encoder]
    for (block, parts), layers in zip(_blocks(), [*encoder, network.bottleneck.layers, *network.decoder], strict=True):
        if "transpose" in parts:
            found = {"transpose": layers.up, "norm": layers.norm, "conv": layers.conv.layers[0]}
        else:
            found = {"conv1": layers[0], "norm": layers[2], "conv2": layers[3]}
        yield from ((f"layers/{block}/{part}", module) for part, module in found.items())
    yield "layers/conv3d", network.head


def _arguments(path: Path, file: h5py.File) -> dict[str, Any]:
    places = [f"layers/{block}/conv1/vars/0" for block, parts in _blocks() if "conv1" in parts]
    kernels = {place: file[place].shape for place in (*places, "layers/conv3d/vars/0")}
    for place, shape in kernels.items():
        if len(shape) != 5:
            raise ValueError(f"{path}: {place} has the shape {shape}, and a kernel has five sides; another network?")
    *levels, head = kernels.values()
    return {
        "in_channels": levels[0][3],
        "out_channels": head[4],
        "channels": [shape[4] for shape in levels],
        **RELEASED,
    }


def _check_layout(path: Path, file: h5py.File) -> None:
    """Refuse a file whose arrays are not those of the release, by their names."""
    if "model_weights" in file or "layer_names" in file.attrs:
        raise ValueError(f"{path}: is a file of Keras 2; load it with the release and save its weights with Keras 3")
    found: set[str] = set()
    file.visititems(lambda name, entry: found.add(name) if isinstance(entry, h5py.Dataset) else None)
    # what an optimiser left is of no use here, nor is the state of a generator, which some versions of Keras keep
    found = {name for name in found if name.startswith("layers/") and "/seed_generator/" not in name}
    if any("/attn/" in name for name in found):
        raise ValueError(
            f"{path}: holds the attention variant (weights under attn), which has no counterpart here; "
            "train that anew with overlays/attention.json"
        )
    wanted = {
        f"{place}/vars/{number}"
        for place, kind in _tree()
        if kind in ("conv3d", "conv3d_transpose", "group_normalization") and "/attn/" not in place
        for number in (0, 1)
    }
    if missing := sorted(wanted - found):
        raise ValueError(
            f"{path}: lacks {missing[0]} ({len(missing)} of {len(wanted)} arrays are missing); copy it again, "
            "and check that it is the release's"
        )
    if more := sorted(found - wanted):
        raise ValueError(f"{path}: holds {more[0]}, which the release's network does not have; another network?")
