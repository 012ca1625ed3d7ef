"""Turn the values of a label file into class indices, and these into the values of a file."""

from __future__ import annotations

import re
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


OF_LABELS = "labels"
"""The value of the option `label_value` for the values that the labels had."""


class SetValuesd(MapTransform):
    """Give each class the value that it is to have in the file.

    >>> found = torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1)
    >>> SetValuesd("pred", [100, 200], classes=3)({"pred": found})["pred"].flatten().tolist()
    [0, 100, 200]

    Args:
        keys: of class indices `(1, X, Y, Z)`, uint8 afterwards too.
        values: a number for vessel; a list with one for each vessel class, in their order; `labels` for those that the
            labels of the training had; None leaves the class indices. Text is read as a viewer sends it.
        classes: how many there are, with the background, which stays 0.
        known: what `labels` means, `label_values` of the weights' sidecar; of several values of a class the largest.

    Raises:
        UserError: for values that are not whole numbers from 1 to 255, or not one for each vessel class.
    """

    def __init__(
        self,
        keys: KeysCollection,
        values: int | str | Sequence[int] | None = None,
        classes: int = 2,
        known: Sequence[int | Sequence[int]] | None = None,
    ) -> None:
        super().__init__(keys)
        self.values = None if (wanted := _wanted(values, known)) is None else torch.tensor([0, *wanted])
        if wanted is None:
            return
        if not wanted or any(not 0 < value < 256 for value in wanted):
            told = f"would write {wanted}, and a segmentation holds whole numbers from 1 to 255"
            refuse(f"--label_value {values}", told, "give one such as 255")
        if len(wanted) != classes - 1 or len(set(wanted)) != len(wanted):
            problem = f"the network tells {classes - 1} classes of vessel apart"
            refuse(f"--label_value {values}", problem, f"give as many values, all different, {[*range(1, classes)]}")

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Set the values of each."""
        d = dict(data)
        if self.values is None:
            return d
        table = self.values.to(torch.uint8)
        for key in self.key_iterator(d):
            classes = d[key]
            if not isinstance(classes, torch.Tensor):
                classes = torch.as_tensor(classes)
            for slab in classes.split(planes_per_slab(classes), dim=1):
                slab.copy_(table.to(slab.device)[slab.long()])
            d[key] = classes
        return d


def _wanted(values: Any, known: Sequence[int | Sequence[int]] | None) -> list[int] | None:
    """Return the values of the vessel classes, or None for class indices."""
    read = read_label_value(values)
    if read != OF_LABELS:
        return read
    return [max(np.atleast_1d(each).tolist()) for each in (known or [0, 1])[1:]]


def read_label_value(values: Any) -> Any:
    """Read the option `label_value`; viewers send text, and for an empty field "" or "None".

    Returns:
        A list of whole numbers of up to three digits, `labels`, or None.

    Raises:
        UserError: for anything else.
    """
    if values is None or (isinstance(values, str) and values.strip() in ("", "None")):
        return None
    if isinstance(values, str) and values == OF_LABELS:
        return OF_LABELS
    given = re.findall(r"[^\s,\[\]]+", values) if isinstance(values, str) else values
    given = [*given] if isinstance(given, list | tuple) else [given]
    if any(isinstance(each, bool) or not re.fullmatch(r"[0-9]{1,3}", str(each)) for each in given):
        refuse(f"--label_value {values}", "is neither whole numbers from 1 to 255 nor `labels`", "give one such as 255")
    return [int(each) for each in given]


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
