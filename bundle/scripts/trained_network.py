"""Weights with the network that they belong to, which their sidecar describes; no config is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.checkpoints import load_weights, read_sidecar, sidecar_path
from scripts.network import TubeNet


def load_network(ckpt_path: str | Path) -> tuple[TubeNet, dict[str, Any]]:
    """Build the network of weights and load them into it.

    Args:
        ckpt_path: ``X.pt``, with ``X.json`` beside it.

    Returns:
        The network, on the CPU, and the sidecar.

    Raises:
        FileNotFoundError: where weights or sidecar are missing.
        ValueError: for weights that are damaged or do not fit their sidecar.
    """
    sidecar = read_sidecar(ckpt_path)
    try:
        network = TubeNet(**sidecar.get("network", {}))
    except (TypeError, ValueError, RuntimeError) as error:  # the last of a width beyond all memory
        raise ValueError(
            f"{sidecar_path(ckpt_path)}: describes a network that there is not ({error}); "
            f"copy it again, with {Path(ckpt_path).name}"
        ) from error
    load_weights(network, ckpt_path)
    return network, sidecar
