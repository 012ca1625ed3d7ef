"""Segment a volume that does not fit into memory, block by block, to the same result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose

from scripts.core import AUTO, EmptyVolumeError, advance, by, expect, refuse, return_freed_memory, size
from scripts.io import Volume, VolumeInfo, file_family, open_volume, split_name
from scripts.network import VoxelClassifier
from scripts.transforms import ScaleToUnitd, Scaling, scaling_of

from ..augmented import AugmentedInferer
from ..edge_padded import EdgePaddedInferer
from ..engine import EngineInferer
from ..estimate import WIDTH, chain, precision
from ..multiscale import MultiscaleInferer, coarser_candidates
from ..sliding_window import GridInferer
from ..voxelwise import AdaptedInferer, TaughtInferer
from .chosen import network_for
from .classes import Classes
from .cluster import cluster
from .grid import BlockGrid, Index
from .image import ScaledImage
from .logits import LogitsByBox, MeanOfViews, Scales, WithClassifier
from .plan import Plan, check_disk, disk_needed, plan_blocks, read_memory
from .preview import Preview
from .results import Results
from .rule import rule_of
from .stages import Stage
from .work_folder import WorkFolder

logger = logging.getLogger(__name__)

MODES = ("true", "false", AUTO)
PREVIEW = "_preview.png"


class Blockwise:
    """Segments volumes block by block, with what segments them in memory otherwise.

    Args:
        blocks: `true` for every volume, `auto` for those that do not fit into memory, or `false`.
        memory: what the arrays of a block may take, a number of GB or text such as `800MB` (`read_memory`).
        channel: which channel to read of a file that has several.
        level: which resolution to read of a pyramid.
        about: the origin of the weights; with others, an unfinished run does not go on.
        workers: number of processes that do the blocks (`cluster.py`); 0 for this one alone.
        scheduler: address of a Dask scheduler whose workers do them, instead.
        side: of the blocks in voxels, to choose it oneself.

    Raises:
        UserError: for values that the options do not take.
    """

    def __init__(
        self,
        blocks: bool | str = AUTO,
        memory: float | str | None = None,
        channel: int | str | None = None,
        level: int = 0,
        about: Mapping[str, str] | None = None,
        workers: int = 0,
        scheduler: str | None = None,
        side: int | None = None,
    ) -> None:
        self.mode = str(blocks).strip().lower()
        if self.mode not in MODES:
            refuse(f"--blocks {blocks}", f"is neither {AUTO} nor true or false", "give one of these")
        if self.mode == "false" and (workers or scheduler is not None):
            option = "--scheduler" if scheduler is not None else "--workers"
            refuse(option, "is for blocks, and --blocks is false", "leave it out, or give --blocks true")
        self.memory, self.asked = read_memory(memory), None if memory is None else str(memory)
        self.channel, self.level, self.side, self.about = channel, level, side, dict(about or {})
        self.workers, self.scheduler = workers, scheduler
        self._apart: Callable[[Stage, Callable[[Index], None]], None] | None = None

    def use(self, evaluator: SupervisedEvaluator, preprocessing: Compose, after: Sequence[Any]) -> None:
        """Take the network, inferers and transforms from those that segment in memory.

        Args:
            evaluator: runs an inferer and a network.
            preprocessing: what is done to an image; of its transforms, the scaling of intensities counts.
            after: transforms of the logits; those of this bundle count.
        """
        self.inferer, self.network = evaluator.inferer, evaluator.network
        self.device = torch.device(evaluator.state.device or "cpu")
        arguments = getattr(self.network, "arguments", None) or {}
        self.classes, self.width = arguments.get("out_channels", 2), arguments.get("channels", [WIDTH])[0]
        parts = {type(each): each for each in chain(self.inferer)}
        self.multiscale, self.edge, self.grid = (
            parts[kind] for kind in (MultiscaleInferer, EdgePaddedInferer, GridInferer)
        )
        self.taught, self.adapted, self.augmented, self.engine = (
            parts.get(kind) for kind in (TaughtInferer, AdaptedInferer, AugmentedInferer, EngineInferer)
        )
        self.scaler = next(each for each in preprocessing.flatten().transforms if isinstance(each, ScaleToUnitd))
        self.after = after
        self.results = Results(self.after, self.classes)

    def plan(self, info: VolumeInfo, side: int | None = None) -> Plan:
        """Return how a volume is cut, into blocks of a side if that is given."""
        window, side = self.grid.roi_size, side or self.side
        return plan_blocks(info.shape, window, self.grid.sw_batch_size, self.width, self.classes, self.memory, side)

    def segment(self, path: Path, alone: bool = True) -> None:
        """Segment a volume, and write its results as they are written otherwise.

        Args:
            path: the volume.
            alone: whether it is the only one; of several, one without any contrast has an empty result.

        Raises:
            UserError: for a volume that cannot be read or has no contrast, results that cannot be written, too little
                memory or disk, or options that need the whole volume in memory.
        """
        self.check_needs(path)
        with open_volume(path, self.channel, self.level) as volume:
            result = self.results.writer.output_path(path)
            if file_family(result) != "zarr" and result.is_dir():
                refuse(
                    result, "is a folder, and a file is to be written there", "move it, or choose another --output_dir"
                )
            with self.segmented(volume, result, copied=file_family(result) != "zarr") as found:
                try:
                    classes, logits = found()
                except EmptyVolumeError as error:
                    if alone:
                        raise
                    logger.warning("%s; its segmentation is empty", error)
                    self.results.write_empty(path, volume.info)
                    return
                spread = logits.spread if isinstance(logits, MeanOfViews) else None
                self.results.write(path, volume.info, classes, spread)

    @contextmanager
    def segmented(
        self, volume: Volume, result: Path, copied: bool = False
    ) -> Iterator[Callable[[], tuple[Classes, LogitsByBox]]]:
        """Keep what is found of a volume on disk; after the block only if it failed.

        Args:
            volume: the volume.
            result: what is made of it, beside which the folder of this work lies.
            copied: whether what is found will be copied into a file there.

        Yields:
            What segments it: a function that returns its classes, and the network's logits.

        Raises:
            UserError: for too little memory or disk, or if another process is at work there.
        """
        folder = WorkFolder(result, self._about(volume))
        with folder.open() as goes_on, self._runner():
            # a run goes on with the blocks that it began with, however much memory is free now
            plan = self.plan(volume.info, folder.state.get("side"))
            folder.keep(side=plan.side[0])
            self._check_disk(folder, volume.info, plan, copied)
            name, stem = volume.info.path.name, split_name(volume.info.path)[0]
            logger.info(
                "%s: in blocks of %s voxels%s", name, by(map(min, plan.side, volume.info.shape)), ", goes on" * goes_on
            )
            preview = self._preview(result.with_name(f"{stem}{PREVIEW}"), volume.info, folder)
            yield lambda: self._run(volume, plan, folder, preview)
            if preview is not None:
                preview.remove()

    def _preview(self, path: Path, info: VolumeInfo, folder: WorkFolder) -> Preview | None:
        """Return a picture of what is done; None where others do it, or another lies there."""
        is_ours = folder.state.get("preview") or folder.earlier.get("preview")
        if is_ours and path.is_file():
            path.unlink()
        if self._apart is not None or path.exists():
            return None
        folder.keep(preview=True)
        return Preview(path, info.shape, info.affine)

    def _run(
        self, volume: Volume, plan: Plan, folder: WorkFolder, preview: Preview | None
    ) -> tuple[Classes, LogitsByBox]:
        if "scaling" not in folder.state:
            scaling = scaling_of(volume, self.scaler.lower, self.scaler.upper, self.scaler.invert)
            folder.keep(scaling=asdict(scaling))
        image, affine = ScaledImage(volume, Scaling(**folder.state["scaling"])), volume.info.affine
        scales = Scales(
            folder.path,
            self.multiscale,
            self.edge,
            self.grid,
            network_for(self.inferer, self.network, image, folder),
            self.classes,
            plan.side,
            plan.chunks,
            self.device,
            affine,
            volume.info.path.name,
            self._run_stage,
            preview,
        )
        logits = found = scales.views(image) if self.passes > 1 else scales.logits(image)
        if self.classifier is not None:
            logits = WithClassifier(found, image, self.classifier, affine)
        blocks, rule = BlockGrid(image.shape, plan.side), rule_of(self.after, volume.info)
        classes = Classes(folder.path, blocks, plan.chunks, rule, logits, self.classes, self.results.keeps_probability)
        self._run_stage(classes.stage())
        classes.clean()
        return classes, found

    @property
    def needs_all(self) -> bool:
        """Whether an option needs the whole volume in memory."""
        return self.adapted is not None and self.adapted.enabled

    def check_needs(self, path: Path) -> None:
        """Refuse an option that needs the whole of a volume in memory."""
        if self.needs_all:
            why = "which --blocks true does without" if self.mode == "true" else "which it does not fit"
            refuse("--adapt true", f"learns from the whole of {path} in memory, {why}", "leave it out")

    @property
    def passes(self) -> int:
        """How often the network sees a volume."""
        return 1 if self.augmented is None else self.augmented.passes

    @property
    def classifier(self) -> VoxelClassifier | None:
        """The weights' voxel classifier, if it is to help."""
        return None if self.taught is None else self.taught.classifier

    @contextmanager
    def _runner(self) -> Iterator[None]:
        """Do stages by several processes in the block, if that was asked for."""
        if not self.workers and self.scheduler is None:
            yield
            return
        with cluster(self.workers, self.scheduler) as apart:
            self._apart = apart
            try:
                yield
            finally:
                self._apart = None

    def _run_stage(self, stage: Stage) -> None:
        done, left = stage.done(), stage.left()
        if done and left:
            logger.info("%s: %d of %d blocks are done already", stage.name, len(done), len(done) + len(left))
        for index in done:
            _count(stage, index)
        logger.debug("%s: %d blocks", stage.name, len(left))
        if self._apart is None:
            stage.run()
        else:
            self._apart(stage, lambda index: _count(stage, index))
        return_freed_memory()

    def _check_disk(self, folder: WorkFolder, info: VolumeInfo, plan: Plan, copied: bool) -> None:
        coarser = self.multiscale.scale == AUTO and bool(coarser_candidates(info.shape, info.affine))
        keeps = self.results.keeps_probability
        needed = disk_needed(info.shape, plan, self.grid.roi_size, self.classes, self.passes, coarser, keeps, copied)
        logger.info("it takes up to %s of disk in %s for a while", size(needed), folder.path.parent)
        check_disk(folder.path, needed, folder.size())

    def _about(self, volume: Volume) -> dict[str, Any]:
        """Return all that decides what a result holds."""
        info = volume.info
        return {
            "image": [str(info.path.absolute()), *info.state, info.channel, self.level],
            "voxels": [list(info.shape), str(info.dtype)],
            "weights": self.about,
            "classifier": self.classifier is not None,
            "windows": [list(self.grid.roi_size), self.grid.overlap, str(self.grid.mode)],
            "scale": self.multiscale.scale,
            "views": self.passes,
            "precision": precision(self.inferer),
            "engine": None if self.engine is None else [self.engine.engine, self.engine.device, self.engine.amp],
            "intensity": [self.scaler.lower, self.scaler.upper, self.scaler.invert],
            "rule": asdict(rule_of(self.after, info)),
            "probability": self.results.keeps_probability,
            "blocks": [self.side, self.asked],
        }


def _count(stage: Stage, index: Index) -> None:
    """Count a block as done that this process does not compute."""
    expect(stage.work(index))
    advance(stage.work(index))
