"""The network over an image at one size or several, as in `MultiscaleInferer`, by blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from monai.inferers import Inferer

from scripts.core import AUTO, Box, by, foreground_log_odds

from ...edge_padded import EdgePaddedInferer
from ...multiscale import ALMOST_1, MAJORITY, MultiscaleInferer, coarser_candidates
from ...resampling import shape_at
from ...sliding_window import GridInferer
from ..grid import BlockGrid, Index, WindowGrid
from ..image import Image, StoredImage
from ..preview import Preview
from ..stages import Stage, kept_array
from .combined import LogitsByBox, MeanOfScales
from .mail import Mail
from .network_pass import NetworkPass, StoredLogits
from .resampled import resampled
from .views import MeanOfViews, Turn, TurnedImage, turns_of

logger = logging.getLogger(__name__)

Shape = tuple[int, int, int]

OWN = "own"
SMALL = 32  # voxels
RESOLVED = "resolved"  # attribute: the share of the vessel that the smallest size still resolves


@dataclass
class Scales:
    """What it takes to run the network over an image at any size.

    Attributes:
        folder: where arrays lie while the work goes on.
        multiscale: says at which sizes.
        edge: the padding, inside of which the windows are.
        grid: the windows.
        network: the network.
        classes: K, the background among them.
        side: of a block, in voxels, (X, Y, Z).
        chunks: sides of a chunk, in voxels, (X, Y, Z).
        device: where the network computes.
        affine: 4x4, of the image.
        subject: the volume, for messages.
        run: works through a stage.
        preview: shows what is done of the image at its own size.
    """

    folder: Path
    multiscale: MultiscaleInferer
    edge: EdgePaddedInferer
    grid: GridInferer
    network: Callable[..., torch.Tensor]
    classes: int
    side: Shape
    chunks: Shape
    device: torch.device
    affine: np.ndarray
    subject: str
    run: Callable[[Stage], None]
    preview: Preview | None = None

    def logits(self, image: Image, name: str = OWN) -> LogitsByBox:
        """Run the network where it has not run yet, and return logits on the image's voxels.

        Args:
            image: the image.
            name: of the image, for the names of arrays.
        """
        scale, own = self.multiscale.scale, image.shape
        if scale != AUTO:
            shape = shape_at(float(scale), own, self.affine)
            return MeanOfScales(own, [self._found(self._at(image, shape, name), f"{name}-{scale}")])
        found = self._found(image, name)
        shapes = coarser_candidates(own, self.affine)
        if not shapes or self._share_resolved(found, shapes[-1]) < MAJORITY:
            return found
        logger.info("wide vessels: seen at %s voxels too", ", ".join(map(by, shapes)))
        coarser = [
            self._found(self._at(image, shape, f"{name}-{by(shape)}"), f"{name}-{by(shape)}") for shape in shapes
        ]
        return MeanOfScales(own, [found, *coarser])

    def views(self, image: Image) -> MeanOfViews:
        """Run the network over in-plane turns and flips, and return the mean of the logits."""
        found: list[tuple[LogitsByBox, Turn]] = []
        for number, turn in enumerate(turns_of(image.shape, self.affine)):
            columns = [*turn.order, 3]
            side, chunks = (
                (of[turn.order[0]], of[turn.order[1]], of[turn.order[2]]) for of in (self.side, self.chunks)
            )
            turned = replace(self, affine=self.affine[:, columns], side=side, chunks=chunks)
            found.append((turned.logits(TurnedImage(image, turn), f"view{number}"), turn))
        return MeanOfViews(image.shape, found)

    def network_pass(self, image: Image, name: str) -> NetworkPass:
        """Return the network over an image of its own size."""
        blocks = BlockGrid(image.shape, self.side)
        padded = tuple(size + -size % self.edge.divisor for size in image.shape)
        windows = WindowGrid(
            blocks, padded, self.grid.roi_size, self.grid.overlap, str(self.grid.mode), self.grid.sigma_scale
        )
        logits = StoredLogits.create(self.folder, f"logits-{name}", blocks, self.classes, self.chunks)
        mail = Mail(self.folder / f"mail-{name}")
        inner: Inferer = self.edge.inferer
        preview = self.preview if name == OWN else None
        return NetworkPass(name, image, windows, inner, self.network, self.device, logits, mail, self.subject, preview)

    def _found(self, image: Image, name: str) -> StoredLogits:
        found = self.network_pass(image, name)
        self.run(found.stage())
        return found.logits

    def _at(self, image: Image, shape: Shape, name: str) -> Image:
        """Return an image at another size, worked out once."""
        if shape == image.shape:
            return image
        blocks = BlockGrid(shape, _small(shape))
        array = kept_array(self.folder / f"image-{name}.zarr", shape, np.float32, blocks.side, compressed=False)

        def load(index: Index) -> np.ndarray:
            return resampled(image.read, image.shape, shape, blocks.box(index))

        def store(index: Index, voxels: np.ndarray) -> None:
            array.write(blocks.box(index), voxels)

        self.run(Stage(f"shrinking to {by(shape)}", blocks, array, load, lambda _, voxels: voxels, store))
        return StoredImage(array)

    def _share_resolved(self, found: StoredLogits, shape: Shape) -> float:
        """Return how much of the vessel a shrunken image resolves, as `share_resolved`."""
        record = found.arrays[-1]
        if (stated := record.attributes.get(RESOLVED)) is not None:
            return float(stated)

        def vessel(box: Box) -> np.ndarray:
            relative = torch.from_numpy(found.read(box))  # (K - 1, x, y, z)
            log_odds = foreground_log_odds(torch.cat([torch.zeros_like(relative[:1]), relative]))  # (x, y, z)
            return (log_odds > 0).numpy().astype(np.float32)

        within = total = 0.0
        small = BlockGrid(shape, _small(shape))
        for index in small.indices:
            filled = resampled(vessel, found.shape, shape, small.box(index))
            within += float(filled[filled > ALMOST_1].sum(dtype=np.float64))
            total += float(filled.sum(dtype=np.float64))
        share = within / max(total, 1e-12)
        record.update_attributes(**{RESOLVED: share})
        return share


def _small(shape: Shape) -> Shape:
    """Return sides of blocks of a shrunken image, which need up to 64 times the voxels."""
    x, y, z = (min(SMALL, size) for size in shape)
    return x, y, z
