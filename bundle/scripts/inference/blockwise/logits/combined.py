"""Logits that are made of others box by box: of several scales, and with a voxel classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from scripts.core import Box, blocks, grown, inside_of, slices
from scripts.network import VoxelClassifier
from scripts.transforms import FEATURES, REACH_OF_FEATURES, voxel_features

from ...voxelwise import average, steps_of
from ..image import Image
from .network_pass import Logits
from .resampled import resampled

SIDE = 64  # voxels along each side of what is described at a time
ROWS = 1 << 17  # voxels that are classified at a time


class LogitsByBox(Protocol):
    """Logits of a volume that are asked for box by box.

    Attributes:
        shape: (X, Y, Z) in voxels.
    """

    shape: tuple[int, int, int]

    def read(self, box: Box) -> Logits:
        """Return the logits of a box less those of the background, `(K - 1, x, y, z)`."""


@dataclass(frozen=True)
class MeanOfScales:
    """The mean of logits found at several sizes of an image, brought back to its own voxels.

    Attributes:
        shape: of the image, (X, Y, Z) in voxels.
        scales: the logits of each size.
    """

    shape: tuple[int, int, int]
    scales: Sequence[LogitsByBox]

    def read(self, box: Box) -> Logits:
        """Return the mean for a box, `(K - 1, x, y, z)`."""
        total = self._of(self.scales[0], box)
        for scale in self.scales[1:]:
            total = total + self._of(scale, box)
        return total / len(self.scales)

    def _of(self, scale: LogitsByBox, box: Box) -> Logits:
        return scale.read(box) if scale.shape == self.shape else resampled(scale.read, scale.shape, self.shape, box)


@dataclass(frozen=True)
class WithClassifier:
    """The mean of what the network finds and what the voxel classifier of its weights finds.

    Attributes:
        logits: the network's.
        image: what the network sees.
        classifier: of `FEATURES` numbers a voxel.
        affine: 4x4; only the proportions of its voxel sizes matter.
    """

    logits: LogitsByBox
    image: Image
    classifier: VoxelClassifier
    affine: npt.NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(X, Y, Z) in voxels."""
        return self.logits.shape

    def read(self, box: Box) -> Logits:
        """Return the mean for a box, `(K - 1, x, y, z)`."""
        found = torch.from_numpy(self.logits.read(box))  # (K - 1, x, y, z)
        both = torch.cat([torch.zeros_like(found[:1]), found])  # (K, x, y, z)
        average(both, self._classified(box), float(self.classifier.share))
        return (both[1:] - both[:1]).numpy()

    def _classified(self, box: Box) -> torch.Tensor:
        """Return the classifier's logits of a box, `(K, x, y, z)`."""
        found = torch.empty((self.classifier.last.out_features, *(stop - start for start, stop in box)))  # (K, x, y, z)
        # a few at a time: a voxel's features take 80 bytes, and making them three times as much
        for part in blocks([stop - start for start, stop in box], (SIDE,) * 3):
            inner = tuple((start + a, start + b) for (start, _), (a, b) in zip(box, part, strict=True))
            found[(slice(None), *slices(part))] = self._of_few(inner)
        return found

    def _of_few(self, box: Box) -> torch.Tensor:
        around = grown(box, (REACH_OF_FEATURES,) * 3, self.shape)
        features = voxel_features(self.image.read(around), steps_of(self.affine), inside_of(box, around))
        rows = torch.from_numpy(features.reshape(FEATURES, -1))  # (F, N)
        with torch.inference_mode():
            found = torch.cat([self.classifier(part.T) for part in rows.split(ROWS, dim=1)])  # (N, K)
        return found.T.reshape(-1, *features.shape[1:]).clone()  # (K, x, y, z)
