"""Volumes on disk that are indexed as those in memory are."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.data import MetaTensor

from scripts.core import UNLABELLED, Box, slices
from scripts.io import Volume

from ..labels import MapLabelsd
from ..scaling import Scaling
from ..seen import as_numbers
from .fitted import Fitted


class Reopened:
    """A volume that every process opens for itself.

    Two that share an open file would disturb each other.

    Args:
        volume: is opened already, in this process.
    """

    def __init__(self, volume: Volume) -> None:
        self.info, self._open = volume.info, {os.getpid(): volume}

    @property
    def volume(self) -> Volume:
        """The volume as this process has opened it."""
        if (mine := self._open.get(os.getpid())) is None:
            mine = self._open[os.getpid()] = pickle.loads(pickle.dumps(next(iter(self._open.values()))))
        return mine

    def read(self, box: Box) -> npt.NDArray[Any]:
        """Return the voxels of a box, `(x, y, z)`."""
        return as_numbers(self.volume.read(box))

    def __getstate__(self) -> dict[str, Any]:
        return {"volume": next(iter(self._open.values()))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["volume"])  # type: ignore[misc]


class _Stored:
    """A part of a volume on disk that is indexed as a tensor `(1, plane, plane, across)`.

    Args:
        volume: the volume.
        fitted: the part.
    """

    def __init__(self, volume: Reopened, fitted: Fitted) -> None:
        self.volume, self.fitted, self.shape = volume, fitted, (1, *fitted.shape)

    def __getitem__(self, index: tuple[int | slice, ...]) -> torch.Tensor:
        """Read what an index of four selects: the first 0 or all, and slices of step 1."""
        box = self.fitted.box_of([each for each in index[1:] if isinstance(each, slice)])
        inside = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(box, self.fitted.kept, strict=True))
        beyond = [(c - a, b - d) for (a, b), (c, d) in zip(box, inside, strict=True)]
        voxels = self._padded(self.read(inside), beyond)  # (x, y, z)
        part = torch.from_numpy(np.ascontiguousarray(voxels.transpose(self.fitted.order)))  # (plane, plane, across)
        return part if index[0] == 0 else part[None]

    def read(self, box: Box) -> npt.NDArray[Any]:
        """Return what the network sees of a box of the volume, `(x, y, z)`."""
        raise NotImplementedError

    def _padded(self, voxels: npt.NDArray[Any], beyond: Sequence[tuple[int, int]]) -> npt.NDArray[Any]:
        raise NotImplementedError


class StoredImage(_Stored):
    """An image on disk, scaled to [0, 1].

    Args:
        volume: the volume.
        fitted: the part that patches are drawn from.
        scaling: of the whole volume.
    """

    def __init__(self, volume: Reopened, fitted: Fitted, scaling: Scaling) -> None:
        super().__init__(volume, fitted)
        self.scaling = scaling

    def read(self, box: Box) -> npt.NDArray[np.float32]:
        """Return the scaled voxels of a box."""
        return self.scaling.apply(self.volume.read(box))

    def _padded(self, voxels: npt.NDArray[Any], beyond: Sequence[tuple[int, int]]) -> npt.NDArray[Any]:
        return np.pad(voxels, beyond, mode="edge")


class StoredClasses:
    """The class indices of a label on disk; -1 outside of a region, as `KeepRegiond` has it.

    Args:
        volume: the label.
        region: the box.
        values: as in `MapLabelsd`.
        unlabelled_value: as in `MapLabelsd`.
    """

    def __init__(
        self, volume: Reopened, region: Box, values: Sequence[int | Sequence[int]], unlabelled_value: float | None
    ) -> None:
        self.volume, self.region = volume, region
        self.mapped = MapLabelsd("label", values, unlabelled_value)
        self.meta = {"filename_or_obj": str(volume.info.path)}

    def read(self, box: Box) -> npt.NDArray[np.int8]:
        """Return the class indices of a box, `(x, y, z)`."""
        label = MetaTensor(torch.from_numpy(np.require(self.volume.read(box), requirements="CW"))[None], meta=self.meta)
        classes = self.mapped({"label": label})["label"][0].numpy()  # (x, y, z)
        inside = tuple(
            (max(a, c) - a, max(max(a, c), min(b, d)) - a) for (a, b), (c, d) in zip(box, self.region, strict=True)
        )
        if inside == tuple((0, side) for side in classes.shape):
            return np.asarray(classes)
        kept = np.full_like(classes, UNLABELLED)
        kept[slices(inside)] = classes[slices(inside)]
        return kept

    def is_vessel(self, box: Box) -> npt.NDArray[np.bool_]:
        """Tell which voxels of a box are vessel."""
        return self.read(box) > 0

    def is_background(self, box: Box) -> npt.NDArray[np.bool_]:
        """Tell which voxels of a box are background."""
        return self.read(box) == 0


class StoredLabel(_Stored):
    """A label on disk, in class indices.

    Args:
        classes: of the whole label.
        fitted: the part that patches are drawn from.
    """

    def __init__(self, classes: StoredClasses, fitted: Fitted) -> None:
        super().__init__(classes.volume, fitted)
        self.read = classes.read  # type: ignore[method-assign]

    def _padded(self, voxels: npt.NDArray[Any], beyond: Sequence[tuple[int, int]]) -> npt.NDArray[Any]:
        return np.pad(voxels, beyond, constant_values=UNLABELLED)
