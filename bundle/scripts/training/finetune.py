"""Where fine-tuning begins: trained weights, their first levels frozen at first, a new classifier for other classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.networks.utils import freeze_layers
from torch import nn

from scripts.core import refuse, sha256
from scripts.weights import load_weights

CLASSIFIER = "head"


def start_from(
    network: nn.Module,
    path: str | Path | None,
    frozen: Sequence[str] | None = (),
    normalisation: Mapping[str, Any] | None = None,
    ckpt_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Load weights into a network to fine-tune it.

    Where the weights tell another number of classes apart than the network, its classifier stays untrained.

    Args:
        network: of the config.
        path: `X.pt`; None starts from the network as it is.
        frozen: layers that do not learn until `Thaw` lets them, by their names in the network (`encoder.0`).
        normalisation: of the config.
        ckpt_dir: where training will write, and so would move `path` away if it lay there.

    Returns:
        `frozen` parameters; `label_values` and `label_names` of the weights, or None where they tell others
        apart; `origin`, for the sidecar of what comes out. Without weights the latter three are None.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for weights that do not fit or lie in `ckpt_dir`, or a frozen name that is not a layer with weights.
    """
    if path is None:
        if frozen:
            refuse("--frozen", "a network that knows nothing yet has nothing to keep", "give --ckpt_path too")
        return {"frozen": [], "label_values": None, "label_names": None, "origin": None}
    if ckpt_dir is not None and Path(path).resolve().parent == Path(ckpt_dir).resolve():
        refuse(path, "lies in --ckpt_dir, where training writes", "give another --ckpt_dir")
    if isinstance(frozen, str):
        refuse(f"--frozen {frozen}", "is not a list", f'''write --frozen "['{frozen}']"''')
    frozen = frozen or ()
    layers = {name for name, layer in network.named_modules() if name and next(layer.parameters(), None) is not None}
    if unknown := [name for name in frozen if name not in layers]:
        known = [
            level
            for name, child in network.named_children()
            for level in ([f"{name}.{n}" for n in range(len(child))] if isinstance(child, nn.ModuleList) else [name])
            if level in layers
        ]
        refuse("--frozen", f"{unknown[0]!r} is not a layer with weights", f"there are {', '.join(known)}")
    sidecar = load_weights(network, path, normalisation, classifier=CLASSIFIER)
    if frozen:
        freeze_layers(network, freeze_vars=rf"^({'|'.join(map(re.escape, frozen))})\.")
    still = [weights for weights in network.parameters() if not weights.requires_grad]
    if len(still) == len(list(network.parameters())):
        refuse("--frozen", "leaves nothing to train", "name fewer layers")
    classes = sidecar.get("label_values") or []
    same = len(classes) == getattr(network, "arguments", {}).get("out_channels")
    return {
        "frozen": still,
        "label_values": classes if same else None,
        "label_names": sidecar.get("label_names") if same else None,
        "origin": {"weights": Path(path).name, "sha256": sha256(path), "trained_on": sidecar.get("trained_on")},
    }


class Thaw:
    """Handler: let frozen weights learn after some epochs.

    At first the others adapt to them, a new classifier above all, whose gradients would only spoil what they know; for
    good they would keep a network from learning a contrast that it has never seen.

    Args:
        weights: that do not require gradients.
        after: epochs; None never.
    """

    def __init__(self, weights: Sequence[nn.Parameter], after: int | None) -> None:
        self.weights = weights
        self.after = after

    def attach(self, engine: Engine) -> None:
        """Look at the start of every epoch of `engine`, so that a resumed run does the same."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Thaw, if it is time."""
        if self.after is not None and engine.state.epoch > self.after:
            for weights in self.weights:
                weights.requires_grad_(True)
