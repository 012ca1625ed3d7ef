"""Score a labelled volume that does not fit into memory: the same counts, block by block."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.engines import SupervisedEvaluator
from monai.utils import CommonKeys as Keys

from scripts.core import AUTO, UNLABELLED, Box, block_sides, blocks, grown, inside_of, one_line, voxel_size
from scripts.data import BY_BLOCKS, FAILED, HEADER
from scripts.io import Volume, level_of_label, of_label, open_volume
from scripts.metrics import CentrelineCounts, Pair, PrepareMetricsd, SurfaceCounts, TopologyCounts, VolumeCounts
from scripts.transforms import MapLabelsd, logits_of

from ..progress import check_volume_fits
from .classes import Classes
from .segment import Blockwise

logger = logging.getLogger(__name__)

AT_ONCE = 2**22  # voxels that are counted at a time
MARGIN = 32
"""Voxels around a block in which vessels are thinned too, so that a centreline does not begin at its border."""


class ScoringEvaluator(SupervisedEvaluator):
    """MONAI's evaluator, which scores volumes by blocks where they do not fit into memory.

    Args:
        blockwise: what segments them.
        volumes: the items of the loader's dataset, with paths and `region`.
        output_dir: where the folder of the unfinished work lies.
        kwargs: arguments of MONAI's `SupervisedEvaluator`; its post-processing is a `PrepareMetricsd`, and its loader
            gives the items of a `scripts.data.ScoredVolumes`, one in each batch.
    """

    def __init__(
        self, blockwise: Blockwise, volumes: Sequence[dict[str, Any]], output_dir: str | Path, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.blockwise, self.volumes, self.output_dir = blockwise, volumes, Path(output_dir)
        self.prepare: PrepareMetricsd = kwargs["postprocessing"]

    def choose(self) -> None:
        """Decide which volumes go by blocks, before any is loaded.

        Raises:
            UserError: also a `MemoryError`, for a volume that does not fit and may not go by blocks.
        """
        transform = self.data_loader.dataset.transform
        self.blockwise.use(self, transform, [self.prepare.smooth, self.prepare.segment])
        self.values = next(each for each in transform.flatten().transforms if isinstance(each, MapLabelsd))
        for item in self.volumes:
            if FAILED in item or HEADER not in item:
                continue
            try:
                by_blocks = self.blockwise.mode == "true"
                if not by_blocks:
                    check_volume_fits(item, self)
            except MemoryError as error:
                if self.blockwise.mode != AUTO or self.blockwise.needs_all:
                    raise
                logger.info("%s: it is scored by blocks", one_line(error).partition(";")[0])
                by_blocks = True
            if by_blocks:
                self.blockwise.check_needs(item[HEADER].path)
                item[BY_BLOCKS] = self.blockwise.plan(item[HEADER]).nbytes

    def _iteration(self, engine: SupervisedEvaluator, batchdata: dict[str, Any]) -> Any:
        """Score one volume; Ignite's engine calls this for each batch."""
        if BY_BLOCKS not in batchdata:
            return super()._iteration(engine, batchdata)
        (name,) = batchdata["name"]
        item = next(item for item in self.volumes if item["name"] == name)
        engine.state.batch = [{**item, Keys.LABEL: batchdata[Keys.LABEL][0]}]
        engine.state.output = [{**item, **self.score(item)}]
        return engine.state.output

    def score(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the metrics need to know of a volume, each under its own key.

        Args:
            item: with the paths `image` and `label`, `name` and `region`.
        """
        channel, level = self.blockwise.channel, self.blockwise.level
        with (
            open_volume(item[Keys.IMAGE], channel, level) as image,
            open_volume(item[Keys.LABEL], of_label(channel), level_of_label(item[Keys.LABEL], level)) as label,
            self.blockwise.segmented(image, self.output_dir / str(item["name"])) as find,
        ):
            classes, _ = find()

            def labelled(box: Box) -> torch.Tensor:
                return self._labelled(label, box, item.get("region"))

            size = voxel_size(image.info.affine)
            makers: dict[str, Callable[..., Any]] = {
                VolumeCounts.KEY: self._counts,
                CentrelineCounts.KEY: lambda *both: centrelines(*both, size),
                SurfaceCounts.KEY: lambda *both: SurfaceCounts.of_pair(pair(*both, size)),
                TopologyCounts.KEY: lambda *both: TopologyCounts.of_pair(pair(*both, size)),
            }
            return {key: makers[key](classes, labelled) for key in self.prepare.needs}

    def _labelled(self, label: Volume, box: Box, region: Box | None) -> torch.Tensor:
        """Return the class indices of a box, `(1, x, y, z)`, -1 outside the region."""
        voxels = torch.from_numpy(np.ascontiguousarray(label.read(box)))[None]  # (1, x, y, z)
        (key,) = self.values.keys
        found = self.values({key: voxels})[key]
        if region is not None:
            shared = tuple((max(a, c), max(a, c, min(b, d))) for (a, b), (c, d) in zip(box, region, strict=True))
            kept = torch.full_like(found, UNLABELLED)
            kept[(slice(None), *inside_of(shared, box))] = found[(slice(None), *inside_of(shared, box))]
            found = kept
        return found

    def _counts(self, classes: Classes, labelled: Callable[[Box], torch.Tensor]) -> VolumeCounts:
        shape = classes.array.shape
        parts = blocks(shape, block_sides(shape, classes.array.chunks, AT_ONCE))
        return reduce(add, (self._counted(classes, labelled(box), box) for box in parts))

    def _counted(self, classes: Classes, label: torch.Tensor, box: Box) -> VolumeCounts:
        logits = logits_of(torch.from_numpy(classes.probability_of(box)))  # (K, x, y, z)
        predicted = torch.from_numpy(np.ascontiguousarray(classes.array.read(box)))[None]  # (1, x, y, z)
        return VolumeCounts.of(logits, label, self.prepare.threshold, predicted)


def pair(classes: Classes, labelled: Callable[[Box], torch.Tensor], size: npt.NDArray[np.floating]) -> Pair:
    """Return the segmentation and the label for the metrics that are exact block by block.

    Args:
        classes: the segmentation.
        labelled: gives class indices of a box, `(1, x, y, z)`, negative where not labelled.
        size: of a voxel along X, Y and Z, in millimetres.
    """
    array = classes.array

    def read(box: Box) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return array.read(box), labelled(box)[0].numpy()  # (x, y, z) each

    return Pair(read, array.shape, tuple(size.tolist()), classes.classes, array.chunks)


def centrelines(
    classes: Classes, labelled: Callable[[Box], torch.Tensor], size: npt.NDArray[np.floating]
) -> CentrelineCounts:
    """Count centrelines block by block, each thinned with a margin of `MARGIN` voxels.

    Near the borders of blocks a centreline may run a little otherwise than in the whole, where a vessel is wider than
    the margin.

    Args:
        classes: the segmentation.
        labelled: gives class indices of a box, `(1, x, y, z)`, negative where not labelled.
        size: of a voxel along X, Y and Z, in millimetres.
    """
    array, total = classes.array, None
    for box in blocks(array.shape, block_sides(array.shape, array.chunks, AT_ONCE)):
        around = grown(box, (MARGIN,) * 3, array.shape)
        predicted = torch.from_numpy(np.ascontiguousarray(array.read(around)))[None]  # (1, x, y, z)
        counted = inside_of(box, around)
        found = CentrelineCounts.of_segmentation(predicted, labelled(around), classes.classes, counted, size)
        total = found if total is None else total + found
    assert total is not None  # no volume is empty
    return total
