"""Where fine-tuning begins: trained weights, their first levels frozen, a new classifier for other classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.networks.utils import freeze_layers
from torch import nn

from scripts.checkpoints import file_hash, load_weights

CLASSIFIER = "head"


def start_from(
    network: nn.Module,
    path: str | Path,
    frozen: Sequence[str] = (),
    normalisation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Load weights into a network to fine-tune it.

    Where the weights tell another number of classes apart than the network, its classifier stays untrained.

    Args:
        network: of the config.
        path: ``X.pt``.
        frozen: layers that stay as they are, by their names in the network (``encoder.0``).
        normalisation: of the config.

    Returns:
        ``parameters`` that are trained; ``label_values`` of the weights, or None where they tell others apart;
        ``origin``, for the sidecar of what comes out.

    Raises:
        FileNotFoundError: where weights or sidecar are missing.
        ValueError: for weights that do not fit, or a frozen name that is no layer with weights.
    """
    layers = {name for name, layer in network.named_modules() if name and next(layer.parameters(), None) is not None}
    if unknown := [name for name in frozen if name not in layers]:
        known = [
            level
            for name, child in network.named_children()
            for level in ([f"{name}.{n}" for n in range(len(child))] if isinstance(child, nn.ModuleList) else [name])
            if level in layers
        ]
        raise ValueError(f"--frozen: {unknown[0]!r} is no layer with weights; there are {', '.join(known)}")
    sidecar = load_weights(network, path, normalisation, classifier=CLASSIFIER)
    if frozen:
        freeze_layers(network, freeze_vars=rf"^({'|'.join(map(re.escape, frozen))})\.")
    trained = [weights for weights in network.parameters() if weights.requires_grad]
    if not trained:
        raise ValueError("--frozen: leaves nothing to train; name fewer layers")
    classes = sidecar.get("label_values") or []
    return {
        "parameters": trained,
        "label_values": classes if len(classes) == getattr(network, "arguments", {}).get("out_channels") else None,
        "origin": {"weights": Path(path).name, "sha256": file_hash(path), "trained_on": sidecar.get("trained_on")},
    }
