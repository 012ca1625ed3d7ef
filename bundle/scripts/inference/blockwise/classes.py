"""From logits to a cleaned segmentation, block by block; the same as in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scripts.core import Box, apply_threshold, grown, inside_of
from scripts.io import BlockArray
from scripts.transforms import SoftmaxInPlaced, drop_small, fill_holes, keep_those_with, smooth_in_place

from .grid import BlockGrid, Index
from .logits import LogitsByBox
from .rule import Rule
from .stages import Stage, kept_array

CLEANED = "cleaned"  # attribute: which steps of the cleaning are done

Probability = npt.NDArray[np.float32]


class Classes:
    """The segmentation of a volume on disk, and what its cleaning needs.

    Args:
        folder: where the arrays lie.
        blocks: that are decided one after another.
        chunks: sides (X, Y, Z) of a chunk.
        rule: how probabilities become classes.
        logits: of the volume.
        classes: K, the background among them.
        keep_probability: whether to keep the probability of each vessel class too.
    """

    def __init__(
        self,
        folder: Path,
        blocks: BlockGrid,
        chunks: tuple[int, int, int],
        rule: Rule,
        logits: LogitsByBox,
        classes: int,
        keep_probability: bool,
    ) -> None:
        self.blocks, self.rule, self.logits, self.classes = blocks, rule, logits, classes

        def kept(name: str, dtype: npt.DTypeLike) -> BlockArray:
            return kept_array(folder / f"{name}.zarr", blocks.shape, dtype, chunks)

        self.array = kept("classes", np.uint8)
        names = [f"prob-{k}" for k in range(1, classes)] if keep_probability else []
        self.probability = [kept(name, np.float32) for name in names]
        self.certain = kept("certain", np.uint8) if rule.hysteresis is not None else None
        self.likeliest = kept("likeliest", np.uint8) if rule.holes >= 1 and classes > 2 else None

    def stage(self) -> Stage:
        """Return the stage that decides each block."""
        return Stage("deciding", self.blocks, self.array, self._load, self._compute, self._store)

    def probability_of(self, box: Box) -> Probability:
        """Return the smoothed probability of each class in a box, `(K, x, y, z)`."""
        return self._smoothed(box, self._logits_around(box))

    def _logits_around(self, box: Box) -> npt.NDArray[np.float32]:
        return self.logits.read(grown(box, self.rule.reach, self.blocks.shape))

    def _smoothed(self, box: Box, logits: npt.NDArray[np.float32]) -> Probability:
        around = grown(box, self.rule.reach, self.blocks.shape)
        relative = torch.from_numpy(logits)  # (K - 1, around)
        both = torch.cat([torch.zeros_like(relative[:1]), relative])  # (K, around)
        probability = SoftmaxInPlaced("pred")({"pred": both})["pred"]
        smooth_in_place(probability, self.rule.sigmas)
        return probability[(slice(None), *inside_of(box, around))].numpy()  # (K, x, y, z)

    def _load(self, index: Index) -> npt.NDArray[np.float32]:
        return self._logits_around(self.blocks.box(index))

    def _compute(self, index: Index, logits: npt.NDArray[np.float32]) -> Probability:
        return self._smoothed(self.blocks.box(index), logits)

    def _store(self, index: Index, probability: Any) -> None:
        box, rule = self.blocks.box(index), self.rule
        lower = rule.threshold if rule.hysteresis is None else rule.hysteresis
        for array, channel in zip(self.probability, probability[1:], strict=False):
            array.write(box, channel)
        if self.certain is not None:
            self.certain.write(box, (probability[1:].sum(axis=0) > rule.threshold).astype(np.uint8))
        if self.likeliest is not None:
            self.likeliest.write(box, (probability[1:].argmax(axis=0) + 1).astype(np.uint8))
        self.array.write(box, apply_threshold(torch.from_numpy(probability), lower)[0].numpy())

    def clean(self) -> None:
        """Take the steps of the cleaning that are not recorded as done.

        Each may be taken again on what it was killed in the middle of, and leaves the same.
        """
        steps: list[tuple[str, bool, Callable[[], object]]] = [
            ("hysteresis", self.certain is not None, self._keep_certain),
            ("holes", self.rule.holes >= 1, self._fill),
            ("pieces", self.rule.pieces > 1, lambda: drop_small(self.array, self.rule.pieces)),
        ]
        done = list(self.array.attributes.get(CLEANED, []))
        for name, wanted, step in steps:
            if wanted and name not in done:
                step()
                done.append(name)
                self.array.update_attributes(**{CLEANED: done})

    def _keep_certain(self) -> None:
        certain = self.certain
        assert certain is not None  # the step is left out otherwise
        keep_those_with(self.array, lambda box: certain.read(box) > 0)

    def _fill(self) -> None:
        fill_holes(self.array, self.rule.holes, None if self.likeliest is None else self.likeliest.read)
