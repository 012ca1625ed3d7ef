"""Write the results of a volume as they are written otherwise, without holding them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.core import Box
from scripts.io import BlockArray, SaveVolumed, VolumeInfo, file_family, finish_zarr, write_streamed
from scripts.transforms import SaveProbabilityd, SetValuesd

from ..uncertainty import SaveSpreadd
from .classes import Classes

logger = logging.getLogger(__name__)

Read = Callable[[Box], npt.NDArray[Any]]
"""Gives the voxels of a box, `(x, y, z)`, or `(C, x, y, z)` of several channels."""


class Results:
    """What is written of each volume.

    Args:
        transforms: those that come after the network; what is a `SaveVolumed` among them says what is written, and
            where to.
        classes: K, the background among them.
    """

    def __init__(self, transforms: Sequence[Any], classes: int) -> None:
        self.classes = classes
        self._writers = {type(each): each for each in transforms if isinstance(each, SaveVolumed)}
        values = next((each.values for each in transforms if isinstance(each, SetValuesd)), None)
        self._values = None if values is None else np.asarray(values, dtype=np.uint8)

    @property
    def writer(self) -> SaveVolumed:
        """What writes the segmentation."""
        return self._writers[SaveVolumed]

    @property
    def keeps_probability(self) -> bool:
        """Whether probabilities are written too."""
        return SaveProbabilityd in self._writers

    def write(self, path: Path, info: VolumeInfo, classes: Classes, spread: Read | None = None) -> None:
        """Write the results of a volume.

        Args:
            path: of the volume.
            info: of the volume.
            classes: its segmentation, and its probabilities if they are kept.
            spread: how far the views of test-time augmentation differ, if there are several.
        """
        if self.keeps_probability:
            # copied, for a run that is killed after it has to write it again; the segmentation comes last
            self._write(SaveProbabilityd, path, info, _stacked(classes.probability), len(classes.probability))
            if spread is not None:
                self._write(SaveSpreadd, path, info, spread)
        if (table := self._values) is None:
            self._write(SaveVolumed, path, info, classes.array)
        else:
            self._write(SaveVolumed, path, info, lambda box: table[classes.array.read(box)])

    def write_empty(self, path: Path, info: VolumeInfo) -> None:
        """Write results that say that nothing is vessel."""
        for kind, writer in self._writers.items():
            channels = self.classes - 1 if kind is SaveProbabilityd else 1
            leading = (channels,) if channels > 1 else ()

            def nothing(box: Box, leading: tuple[int, ...] = leading, dtype: Any = writer.output_dtype) -> Any:
                return np.zeros((*leading, *(stop - start for start, stop in box)), dtype)

            self._write(kind, path, info, nothing, channels)

    def _write(
        self,
        kind: type[SaveVolumed],
        path: Path,
        info: VolumeInfo,
        source: BlockArray | Read,
        channels: int = 1,
    ) -> None:
        """Write one result, from an array that may become it, or from what is read box by box."""
        writer = self._writers[kind]
        result = writer.output_path(path)
        about: dict[str, Any] = {"provenance": writer.provenance, "label_names": writer.label_names}
        if isinstance(source, BlockArray) and file_family(result) == "zarr":
            finish_zarr(source, result, info, **about)
        else:
            read = source.read if isinstance(source, BlockArray) else source
            shape = info.shape if channels == 1 else (channels, *info.shape)
            write_streamed(result, read, shape, writer.output_dtype, info, **about)
        logger.info("wrote %s", result)


def _stacked(arrays: Sequence[BlockArray]) -> Read:
    """Return what reads a box of one array, `(x, y, z)`, or of several, `(C, x, y, z)`."""
    return arrays[0].read if len(arrays) == 1 else lambda box: np.stack([array.read(box) for array in arrays])
