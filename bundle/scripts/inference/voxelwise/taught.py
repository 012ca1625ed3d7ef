"""Average what the network finds with what the voxel classifier of its weights finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer

from scripts.core import read_boolean, return_freed_memory, voxel_size
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES
from scripts.weights import Checkpoint

from .adapt import described_blocks

ROWS = 1 << 17  # voxels that are classified at a time
LEAST = -5.0  # log-probability of a class, one in 150 (docs/fine-tuning-experiments.md)


class TaughtInferer(Inferer):
    """Average the logits of the inferer inside with those of the weights' voxel classifier.

    Weights without one, as every foundation is, pass those of the inferer inside. The classifier sees a volume block by
    block on the CPU, which takes 2 to 4 seconds a million voxels.

    Args:
        enabled: whether to; otherwise the logits of the inferer inside pass. Text is read as on the command line.
        checkpoint: the weights, which are looked into when the first volume comes.
        inferer: runs the network over a volume of any size.
    """

    def __init__(self, enabled: bool | str, checkpoint: Checkpoint, inferer: Inferer) -> None:
        super().__init__()
        self.enabled = read_boolean("voxel_classifier", enabled)
        self.checkpoint = checkpoint
        self.inferer = inferer

    @cached_property
    def classifier(self) -> VoxelClassifier | None:
        """The weights' voxel classifier, if they have one."""
        found = self.checkpoint.voxel_classifier(FEATURES) if self.enabled else None
        return found if found is not None and found.share > 0 else None

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take a batch of one voxel size, `(B, C, X, Y, Z)`, to logits `(B, K, X, Y, Z)`."""
        logits = self.inferer(inputs, network, *args, **kwargs)  # (B, K, X, Y, Z)
        if self.classifier is None:
            return logits
        bare, images = (each.as_tensor() if isinstance(each, MetaTensor) else each for each in (logits, inputs))
        affine = inputs.affine if isinstance(inputs, MetaTensor) else np.eye(4)
        affine = np.asarray(affine, dtype=float).reshape(-1, 4, 4)[0]
        for image, found in zip(images, bare, strict=True):
            average(found, classified(self.classifier, image[0], affine), float(self.classifier.share))
            return_freed_memory()
        return logits


def classified(classifier: VoxelClassifier, image: torch.Tensor, affine: npt.NDArray[np.floating]) -> torch.Tensor:
    """Return a voxel classifier's logits of a volume.

    Args:
        classifier: of `FEATURES` numbers a voxel.
        image: `(X, Y, Z)`, as the network sees it.
        affine: 4x4; only the proportions of its voxel sizes matter.

    Returns:
        `(K, X, Y, Z)`, float32.
    """
    voxels = image.float().cpu().numpy()  # (X, Y, Z)
    logits = torch.empty((classifier.last.out_features, *voxels.shape))  # (K, X, Y, Z)
    with torch.inference_mode():
        for core, features in described_blocks(voxels, steps_of(affine)):
            rows = torch.from_numpy(features.reshape(FEATURES, -1))  # (F, N)
            found = torch.cat([classifier(part.T) for part in rows.split(ROWS, dim=1)])  # (N, K)
            logits[(slice(None), *core)] = found.T.reshape(-1, *features.shape[1:])  # (K, x, y, z)
    return logits


def steps_of(affine: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Return the sides of a voxel in units of the finest, `(3,)`."""
    spacing = voxel_size(affine)
    return spacing / spacing.min()


def average(logits: torch.Tensor, others: torch.Tensor, share: float) -> None:
    """Make logits the mean of the network's log-probabilities and a classifier's, in place.

    Voxels unlike all that a few blocks have taught the classifier may get any class from it, and with less doubt than
    those it has seen. So its log-probabilities are bounded from below, or the network could not prevail; of several
    classes below the bound, the network alone says which is more likely.

    Args:
        logits: of the network, `(K, X, Y, Z)`; changed plane by plane, so that no copy of the volume is made.
        others: of the voxel classifier, likewise; on any device.
        share: of the classifier in the mean.
    """
    for part, other in zip(logits.unbind(1), others.unbind(1), strict=True):  # (K, Y, Z)
        bounded = other.to(part.device).log_softmax(dim=0).clamp(min=LEAST)
        part.copy_((1 - share) * part.float().log_softmax(dim=0) + share * bounded)
