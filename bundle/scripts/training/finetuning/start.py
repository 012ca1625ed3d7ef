"""Start fine-tuning: load trained weights, freeze layers at first, replace the classifier."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.networks.utils import freeze_layers
from torch import nn

from scripts.core import refuse
from scripts.weights import VOXEL_CLASSIFIER, Checkpoint

logger = logging.getLogger(__name__)

CLASSIFIER = "head"


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    Attributes:
        frozen: parameters that do not learn until `Thaw` lets them.
        label_values: label values of the weights; None without weights, or if they have another number of classes.
        label_names: class names of the weights; None in the same cases.
        new_classifier: whether the last layer was replaced by a new one.
        origin: which weights the training starts from, as its own sidecar states them; None without weights.
    """

    frozen: list[nn.Parameter]
    label_values: list | None = None
    label_names: list[str] | None = None
    new_classifier: bool = False
    origin: dict[str, Any] | None = None


def start_from(
    checkpoint: Checkpoint, network: nn.Module, frozen: Sequence[str] | None = (), ckpt_dir: str | Path | None = None
) -> Start:
    """Load weights into a network to fine-tune it; without weights the network starts as it is.

    If the weights have another number of classes than the network, its classifier stays untrained.

    Args:
        checkpoint: the weights to start from.
        network: the network to load them into.
        frozen: names of the layers that do not learn at first, such as `encoder.0`.
        ckpt_dir: folder that training will write to; weights in it are refused, because training would move them away.

    Raises:
        UserError: if the weights are missing, do not fit or lie in `ckpt_dir`, or if a frozen name is not a layer with
            weights.
    """
    path = checkpoint.path
    if path is None:
        if frozen:
            refuse("--frozen", "an untrained network has nothing worth freezing", "give --ckpt_path too")
        return Start(frozen=[])
    if ckpt_dir is not None and path.resolve().parent == Path(ckpt_dir).resolve():
        refuse(path, "lies in --ckpt_dir, where training writes", "give another --ckpt_dir")
    if isinstance(frozen, str):
        refuse(f"--frozen {frozen}", "is not a list", f"""write --frozen "['{frozen}']\"""")
    _check_layers(network, frozen or ())
    sidecar = checkpoint.load_into(network, classifier=CLASSIFIER)
    if (sidecar.get(VOXEL_CLASSIFIER) or {}).get("share"):
        logger.info("%s: training goes on from its network; its voxel classifier is left behind", path)
    if frozen:
        freeze_layers(network, freeze_vars=rf"^({'|'.join(map(re.escape, frozen))})\.")
    still = [weights for weights in network.parameters() if not weights.requires_grad]
    if len(still) == len(list(network.parameters())):
        refuse("--frozen", "leaves nothing to train", "name fewer layers")
    classes = sidecar.get("label_values") or []
    own = getattr(network, "arguments", {}).get("out_channels")
    same = len(classes) == own
    return Start(
        frozen=still,
        label_values=classes if same else None,
        label_names=sidecar.get("label_names") if same else None,
        new_classifier=own is not None and sidecar.get("network", {}).get("out_channels", own) != own,
        origin={"weights": path.name, "sha256": checkpoint.sha256, "trained_on": sidecar.get("trained_on")},
    )


def _check_layers(network: nn.Module, names: Sequence[str]) -> None:
    layers = {name for name, layer in network.named_modules() if name and next(layer.parameters(), None) is not None}
    if unknown := [name for name in names if name not in layers]:
        known = [
            level
            for name, child in network.named_children()
            for level in ([f"{name}.{n}" for n in range(len(child))] if isinstance(child, nn.ModuleList) else [name])
            if level in layers
        ]
        refuse("--frozen", f"{unknown[0]!r} is not a layer with weights", f"there are {', '.join(known)}")


class Thaw:
    """Handler that lets frozen weights learn after some epochs.

    At first the other weights adapt to them, above all a new classifier, whose gradients would only spoil them. Frozen
    for good, they would keep the network from learning a contrast that it has never seen.

    Args:
        weights: the frozen weights.
        after: number of epochs for which they stay frozen; None for good.
    """

    def __init__(self, weights: Sequence[nn.Parameter], after: int | None) -> None:
        self.weights = weights
        self.after = after

    def attach(self, engine: Engine) -> None:
        """Check at the start of every epoch of `engine`, so that a resumed run does the same."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Let the weights learn, once enough epochs have passed."""
        if self.after is not None and engine.state.epoch > self.after:
            for weights in self.weights:
                weights.requires_grad_(True)
