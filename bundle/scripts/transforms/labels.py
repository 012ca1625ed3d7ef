"""Turn the values of a label file into class indices, and what is not labelled into -1."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from scripts.core import UNLABELLED, box_text, planes_per_slab, refuse, slices
from scripts.io import name_of


class MapLabelsd(MapTransform):
    """Turn a label file's values into class indices, and what is not labelled into -1.

    Args:
        keys: of labels `(1, X, Y, Z)`, int8 afterwards.
        values: the value, or the values, of each class, background first (`scripts.data.label_values`).
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        UserError: for a file that holds any other value.
    """

    def __init__(
        self, keys: KeysCollection, values: Sequence[int | Sequence[int]], unlabelled_value: float | None = None
    ) -> None:
        super().__init__(keys)
        pairs = sorted(
            (value, index) for index, of_class in enumerate(values) for value in np.atleast_1d(of_class).tolist()
        )
        self.values = torch.tensor([value for value, _ in pairs], dtype=torch.int64)  # (V,), ascending
        self.classes = torch.tensor([index for _, index in pairs], dtype=torch.int8)  # (V,)
        self.unlabelled_value = unlabelled_value

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Map each label to int8."""
        d = dict(data)
        for key in self.key_iterator(d):
            mapped = torch.empty_like(d[key], dtype=torch.int8)  # (1, X, Y, Z)
            planes = planes_per_slab(d[key])
            for label, slab in zip(d[key].split(planes, dim=1), mapped.split(planes, dim=1), strict=True):
                slab.copy_(self._classes_of(label, name_of(d[key])))
            d[key] = mapped
        return d

    def _classes_of(self, label: torch.Tensor, name: str) -> torch.Tensor:
        """Map a part of a label; whole numbers as such, for float32 lacks every other above 2^24."""
        given = torch.as_tensor(label)
        label = given.double() if given.is_floating_point() else given.long()  # (1, planes, Y, Z), as all that follows
        values = self.values.to(label.dtype)
        unlabelled = label < 0
        if self.unlabelled_value is not None:
            unlabelled |= label == torch.tensor(self.unlabelled_value, dtype=label.dtype)
        place = torch.bucketize(label, values).clamp_(max=len(values) - 1)
        strange = (values[place] != label) & ~unlabelled
        if strange.any():
            value = given[strange][0].numpy()[()]
            told = int(value) if value == int(value) else str(value)  # as few digits as its type needs
            refuse(name, f"holds {told}, which is not among {self.values.tolist()}", "write one of these there")
        return torch.where(unlabelled, UNLABELLED, self.classes[place])


class KeepRegiond(MapTransform):
    """Mark every voxel outside a box as not labelled; without a box in the data nothing changes.

    Args:
        keys: of labels `(1, X, Y, Z)`, class indices.
        region_key: of the box `((x0, x1), (y0, y1), (z0, z1))` in voxels, its ends not included.

    Raises:
        UserError: if no labelled voxel is left.
    """

    def __init__(self, keys: KeysCollection, region_key: str = "region") -> None:
        super().__init__(keys)
        self.region_key = region_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Restrict each label."""
        d = dict(data)
        box = d.get(self.region_key)
        for key in self.key_iterator(d):
            if box is not None:
                inside = (slice(None), *slices(box))
                kept = torch.full_like(d[key], UNLABELLED)  # (1, X, Y, Z)
                kept[inside] = d[key][inside]
                d[key] = kept
            if not is_labelled(d[key]).any():
                where = "" if box is None else f" in {box_text(box)}"
                remedy = "label some there, or set --region to the box that is labelled, from which both parts are cut"
                refuse(name_of(d[key]), f"no voxel is labelled{where}", remedy)
        return d


def is_labelled(label: torch.Tensor) -> torch.Tensor:
    """Tell which voxels are labelled, as the `select_fn` of MONAI's `CropForegroundd`."""
    return label >= 0
