"""The MONAI transforms of whole volumes that MONAI lacks: scaling, labels with unlabelled voxels, thresholding."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from scripts.losses import UNLABELLED
from scripts.metrics import CentrelineTally, VolumeTally, call_vessels, segmentation_of
from scripts.volume_io import SaveVolumed

MOST_SORTED = 2**24  # voxels, about a second


def _name(array: Any) -> str:
    return str(array.meta.get("filename_or_obj", "volume")) if isinstance(array, MetaTensor) else "volume"


class ScaleToUnitd(MapTransform):
    """Scale intensity to [0, 1] over the whole volume: minimum and maximum as in the paper, or percentiles.

    Percentiles that coincide, as where all but a few voxels are 0, are replaced by minimum and maximum. Those of more
    than 2^24 voxels are those of as many drawn ones, always the same.

    A block cut out of a volume carries its parent's range in its metadata (``intensity_range``), which then counts: its
    parent's percentiles are not known.

    Args:
        keys: of images ``(C, X, Y, Z)``.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum. What lies outside is clipped.

    Raises:
        ValueError: for a constant volume, or percentiles out of order.
    """

    def __init__(self, keys: KeysCollection, lower: float = 0.0, upper: float = 100.0) -> None:
        super().__init__(keys)
        if not 0 <= lower < upper <= 100:
            raise ValueError(f"percentiles must be ordered in 0 to 100, got lower {lower} and upper {upper}")
        self.lower, self.upper = lower, upper

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Scale each image."""
        d = dict(data)
        for key in self.key_iterator(d):
            low, high = self._range(d[key])
            if not high > low:
                raise ValueError(
                    f"{_name(d[key])}: every voxel is {low:g}, so there is nothing to segment; check the file"
                )
            scaled = d[key].float() - low  # from here on in place, for a volume may fill half of the memory
            d[key] = scaled.div_(high - low).clamp_(0, 1)
        return d

    def _range(self, image: torch.Tensor) -> tuple[float, float]:
        stated = image.meta.get("intensity_range", ()) if isinstance(image, MetaTensor) else ()
        if len(stated) == 2:
            return float(stated[0]), float(stated[1])
        ends = float(image.min()), float(image.max())
        if (self.lower, self.upper) == (0, 100):
            return ends
        low, high = np.percentile(_sample(np.asarray(image).ravel()), (self.lower, self.upper))
        low, high = (ends[0] if self.lower == 0 else float(low)), (ends[1] if self.upper == 100 else float(high))
        return (low, high) if high > low else ends


def _sample(voxels):
    """All of them or, where sorting would take longer than segmenting, so many that a percentile is as good."""
    if voxels.size <= MOST_SORTED:
        return voxels
    return voxels[np.random.default_rng(0).integers(voxels.size, size=MOST_SORTED)]


class MapLabelsd(MapTransform):
    """Turn a file's label values into class indices, and what is not labelled into -1.

    Args:
        keys: of labels ``(1, X, Y, Z)``.
        values: the value, or the values, of each class, background first (:func:`scripts.labels.label_values`).
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        ValueError: for a value that is none of these.
    """

    def __init__(
        self, keys: KeysCollection, values: Sequence[int | Sequence[int]], unlabelled_value: float | None = None
    ) -> None:
        super().__init__(keys)
        pairs = sorted(
            (value, index) for index, of_one in enumerate(values) for value in np.atleast_1d(of_one).tolist()
        )
        self.values = torch.tensor([value for value, _ in pairs], dtype=torch.float32)
        self.classes = torch.tensor([index for _, index in pairs], dtype=torch.int8)
        self.unlabelled_value = unlabelled_value

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Map each label to int8."""
        d = dict(data)
        for key in self.key_iterator(d):
            label = d[key].float()
            unlabelled = label < 0
            if self.unlabelled_value is not None:
                unlabelled |= label == self.unlabelled_value
            place = torch.bucketize(label, self.values).clamp(max=len(self.values) - 1).long()
            strange = (self.values[place] != label) & ~unlabelled
            if strange.any():
                known = [int(value) for value in self.values]
                raise ValueError(f"{_name(d[key])}: holds {float(label[strange][0]):g}, which is none of {known}")
            d[key] = torch.where(unlabelled, UNLABELLED, self.classes[place]).to(torch.int8)
        return d


class KeepRegiond(MapTransform):
    """Call every voxel outside a box *not labelled*; without a box in the data nothing changes.

    Args:
        keys: of labels ``(1, X, Y, Z)``.
        region_key: where the box ``((x0, x1), (y0, y1), (z0, z1))`` stands.

    Raises:
        ValueError: where no labelled voxel is left.
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
                inside = (slice(None), *(slice(*bounds) for bounds in box))
                kept = torch.full_like(d[key], UNLABELLED)
                kept[inside] = d[key][inside]
                d[key] = kept
            if not is_labelled(d[key]).any():
                where = "" if box is None else " in " + ",".join(f"{start}:{stop}" for start, stop in box)
                raise ValueError(
                    f"{_name(d[key])}: no voxel is labelled{where}; label some there, "
                    "or set --region to the box that is labelled (training and validation parts are cut from it)"
                )
        return d


def is_labelled(label: torch.Tensor) -> torch.Tensor:
    """Where a label counts; a selector for MONAI's ``CropForegroundd``."""
    return label >= 0


class SoftmaxInPlaced(MapTransform):
    """Turn logits into class probabilities within their own memory, as MONAI's ``Activationsd`` does in twice as much.

    Args:
        keys: of logits ``(K, X, Y, Z)``, which become probabilities.
    """

    SLAB = 16  # planes at a time

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Take the softmax over the classes of each."""
        d = dict(data)
        for key in self.key_iterator(d):
            for slab in torch.as_tensor(d[key]).split(self.SLAB, dim=1):  # (K, planes, Y, Z)
                slab.copy_(slab.softmax(dim=0))
        return d


class ThresholdVesselsd(MapTransform):
    """Turn class probabilities into class indices.

    A voxel is vessel where the probability of all vessel classes together exceeds the threshold, and then of its
    likeliest vessel class.

    Args:
        keys: of probabilities ``(K, X, Y, Z)``, background first; afterwards ``(1, X, Y, Z)`` uint8.
        threshold: between 0 and 1.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.5) -> None:
        super().__init__(keys)
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold must lie between 0 and 1, got {threshold}")
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Threshold each."""
        d = dict(data)
        for key in self.key_iterator(d):
            d[key] = call_vessels(d[key], self.threshold)  # (1, X, Y, Z)
        return d


class TallyVoxelsd(MapTransform):
    """Tally a volume once, for all metrics: a :class:`scripts.metrics.VolumeTally`, under the key ``tally``.

    Args:
        keys: of logits ``(K, X, Y, Z)``, one key.
        label_key: of class indices ``(1, X, Y, Z)``, negative where not labelled.
        threshold: probability above which a voxel is vessel, for Dice, precision and recall.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the tally."""
        (key,) = self.key_iterator(dict(data))
        return {**data, "tally": VolumeTally.of(data[key], data[self.label_key], self.threshold)}


class TallyCentrelinesd(MapTransform):
    """Tally a volume's centrelines: a :class:`scripts.metrics.CentrelineTally`, under the key ``centrelines``.

    It takes seconds a volume, so only evaluation does it.

    Args:
        keys: of logits ``(K, X, Y, Z)``, one key.
        label_key: of class indices ``(1, X, Y, Z)``, negative where not labelled.
        threshold: probability above which a voxel is vessel.
    """

    def __init__(self, keys: KeysCollection, label_key: str = "label", threshold: float = 0.5) -> None:
        super().__init__(keys)
        self.label_key = label_key
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the tally."""
        (key,) = self.key_iterator(dict(data))
        logits = convert_to_tensor(data[key], track_meta=False)  # (K, X, Y, Z)
        called = segmentation_of(logits, self.threshold)  # (1, X, Y, Z)
        return {**data, "centrelines": CentrelineTally.of(called, data[self.label_key], classes=len(logits))}


class SaveProbabilityd(SaveVolumed):
    """Write the probability of vessel, float32, as ``NAME_prob.EXT``; with several vessel classes a channel each.

    Args:
        keys: of probabilities ``(K, X, Y, Z)``, background first; they are passed on unchanged.
        output_dir: made if it does not exist.
        provenance: goes into the file's metadata.
    """

    def __init__(self, keys: KeysCollection, output_dir: str, provenance: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            keys, output_dir=output_dir, output_postfix="prob", output_dtype=np.float32, provenance=provenance
        )

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the vessel channels."""
        super().__call__({key: data[key][1:] if key in self.keys else value for key, value in data.items()})
        return dict(data)
