"""Import and export weights of the authors' TensorFlow release; arguments for its overlay."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from scripts.core import class_names, refuse, sha256

from ..checkpoint import MIN_MAX, Checkpoint, save_weights
from ..sidecar import check_size, read_sidecar, sidecar_path
from .layout import SUFFIX, differences, read_keras_weights, write_keras_weights

logger = logging.getLogger(__name__)


def import_weights(keras_path: str | Path, ckpt_path: str | Path | None = None) -> Path:
    """Turn weights of the authors' TensorFlow release into weights of this bundle.

    Args:
        keras_path: `X.weights.h5` of the release.
        ckpt_path: `Y.pt` to write, with `Y.json` beside it; by default `X.pt` beside `keras_path`.

    Returns:
        `Y.pt`. Use it with `overlays/published.json`.

    Raises:
        UserError: if `keras_path` is missing, is not a file of the release or holds NaN; if `ckpt_path` is not a
            `.pt`; or if the new weights already exist or cannot be written.
    """
    source = Path(keras_path)
    network = read_keras_weights(source)
    target = Path(ckpt_path or source.with_name(re.sub(r"(\.weights)?\.h5$", "", source.name, flags=re.I) + ".pt"))
    if target.suffix != ".pt":
        refuse(target, "weights are named NAME.pt here", "give a --ckpt_path that ends in .pt")
    _check_free(target, "--ckpt_path")
    _check_free(sidecar_path(target), "--ckpt_path")
    classes = list(range(network.arguments["out_channels"]))
    sidecar = {
        "network": network.arguments,
        "normalisation": MIN_MAX,
        "label_values": classes,
        "label_names": class_names(len(classes)),
        "threshold": 0.5,
        "patch_size": [64, 64, 64],
        "trained_on": f"what the authors' release was trained on ({source.name})",
        "imported_from": {"weights": source.name, "sha256": sha256(source)},
    }
    save_weights(target, network, sidecar)
    widths, channels = network.arguments["channels"], network.arguments["in_channels"]
    logger.info("%s: widths %s, %d classes; use overlays/published.json with it", source, widths, len(classes))
    if channels != 1:
        logger.warning("%s: takes %d channels, and the bundle runs on one: it can only be exported", source, channels)
    return target


def export_weights(ckpt_path: str | Path, keras_path: str | Path | None = None) -> Path:
    """Turn weights trained with `overlays/published.json` into a file for the authors' release.

    Args:
        ckpt_path: `X.pt`.
        keras_path: `Y.weights.h5` to write; by default `X.weights.h5` beside `ckpt_path`.

    Returns:
        `Y.weights.h5`. It has no room for the threshold, the label values and the scaling of intensities.

    Raises:
        UserError: if weights or sidecar are missing, damaged or of another graph; if Keras would not load a file named
            `keras_path`; or if the file already exists or cannot be written.
    """
    source = Path(ckpt_path)
    checkpoint = Checkpoint(source)
    network = checkpoint.as_network()
    if why := differences(network.arguments):
        refuse(source, f"is not of the release's graph ({'; '.join(why)})", "train it with overlays/published.json")
    target = Path(keras_path or source.with_name(source.stem + SUFFIX))
    if not target.name.endswith(SUFFIX):
        refuse(target, f"Keras loads no other file than NAME{SUFFIX}", "give such a --keras_path")
    _check_free(target, "--keras_path")
    if checkpoint.normalisation != MIN_MAX:
        logger.warning("%s: the release scales by minimum and maximum, these weights do not", sidecar_path(source))
    write_keras_weights(target, network)
    return target


def released_argument(name: str, ckpt_path: str | Path | None, otherwise: Any) -> Any:
    """Return a TubeNet argument as weights of the release's graph have it, else a default.

    Args:
        name: name of the argument.
        ckpt_path: weights that will be loaded, or None.
        otherwise: the release's value, returned if there are no weights or if they are of another graph.

    Raises:
        UserError: if weights or sidecar are missing, or the sidecar is damaged or describes a larger network.
    """
    arguments = read_sidecar(ckpt_path).get("network", {}) if ckpt_path is not None else {}
    if ckpt_path is None or name not in arguments or differences(arguments):
        return otherwise
    check_size(Path(ckpt_path), arguments)
    return arguments[name]


def _check_free(path: Path, option: str) -> None:
    """Refuse to overwrite: by default import and export undo each other, and both lose data."""
    if path.exists() or path.is_symlink():
        refuse(path, "is there already and would be lost", f"move it away, or give another {option}", FileExistsError)
