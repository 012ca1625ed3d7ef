"""Scale a volume's intensity to [0, 1], by its minimum and maximum or by percentiles."""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from scripts.core import AUTO, MAX_WHOLE, EmptyVolumeError, planes_per_slab, refuse
from scripts.io import name_of

from .polarity import CLEARLY_DARK, polarity

logger = logging.getLogger(__name__)

Voxels = npt.NDArray[Any]

INVERTED = "inverted"  # key of the metadata
MAX_SORTED = 2**24  # voxels; sorting them takes about a second
BULK = (0.05, 99.95)  # percentiles between which lies what an image shows, but for its rarest structures
REACH = 3  # times the span of the bulk; the maxima of ten real volumes lie within twice it
FEW = (1, 99)  # percentiles of what is not background where that is nearly all there is
MAX_FILLED = 0.5  # of the voxels; what is more than half is a background
NO_DATA = 1e30  # no intensity is as large; -3.4e38, the lowest float32, is a common mark for "no data"
SLIVER = 1 / 50  # of the range
MOST = 0.9  # of the voxels
MAX_LOOKED_AT = 2**18  # voxels that decide whether the log gets a line
MAX_FLOAT32 = float(np.finfo(np.float32).max)
MAX_WHOLE_FLOAT32 = 2**24  # single precision holds every whole number up to here


class ScaleToUnitd(MapTransform):
    """Scale the intensity of a whole volume to [0, 1], float32, from the type that its file has.

    The minimum becomes 0 and the maximum 1, as in the tUbe net paper, or two percentiles do (`intensity_range`).

    A block that was cut out of a volume may carry, in its metadata, the range that the volume was scaled by
    (`intensity_range`). Then that range becomes 0 and 1, whatever the percentiles, for those of the volume are not
    known. It is believed if most of the block's voxels lie in it.

    Where vessels are dark, it is turned inside out afterwards, 1 becomes 0, so that they are bright.

    Args:
        keys: of images `(C, X, Y, Z)` of any real type.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum. What lies outside is clipped.
        invert: whether to turn the image inside out: `true`, `false`, or `auto`, where its vessels are clearly dark
            (`scripts.transforms.polarity`). That it was is kept in the metadata, as `inverted`.

    Raises:
        UserError: for a volume whose voxels are all the same or not finite in single precision, for whole numbers
            beyond 2^53, and for percentiles out of order.
    """

    def __init__(
        self, keys: KeysCollection, lower: float = 0.0, upper: float = 100.0, invert: str | bool = False
    ) -> None:
        super().__init__(keys)
        self.invert = str(invert).lower()
        if not 0 <= lower < upper <= 100:
            refuse(
                "--normalisation",
                f"lower {lower} and upper {upper} are not percentiles",
                "give two numbers from 0 to 100, lower first",
            )
        self.lower, self.upper = lower, upper

    def __call__(self, data: Mapping[Hashable, torch.Tensor]) -> dict[Hashable, torch.Tensor]:
        """Scale each image."""
        d = dict(data)
        for key in self.key_iterator(d):
            name, voxels = name_of(d[key]), np.asarray(d[key])
            ends = _ends(voxels, name)
            low, high = _stated(d[key], voxels, ends) or intensity_range(voxels, self.lower, self.upper, name)
            if not high > low:
                problem = f"every voxel is {low:g}, so there is nothing to segment"
                refuse(name, problem, "check the file", EmptyVolumeError)
            _tell_of_a_sliver(voxels, low, high, name)
            d[key] = _scaled(d[key], low, high, ends)
            if self.invert == "true" or (self.invert == AUTO and _has_dark_vessels(d[key], name)):
                d[key].mul_(-1).add_(1)
                if isinstance(d[key], MetaTensor):
                    d[key].meta[INVERTED] = True
        return d


def _has_dark_vessels(image: torch.Tensor, name: object) -> bool:
    """Decide whether vessels are dark, and log a line unless they clearly are not."""
    affine = np.asarray(image.affine) if isinstance(image, MetaTensor) else np.eye(4)
    found = max((polarity(np.asarray(channel), affine) for channel in image), key=abs)
    if found < CLEARLY_DARK:
        told = "%s: its vessels seem to be dark (polarity %.2f), so it is inverted; --invert false leaves it as it is"
        logger.info(told, name, found)
    elif found < -CLEARLY_DARK:
        told = (
            "%s: unclear whether its vessels are bright or dark (polarity %.2f), so it is not inverted; "
            "if they are dark, add --invert true"
        )
        logger.info(told, name, found)
    return found < CLEARLY_DARK


def intensity_range(
    voxels: Voxels, lower: float = 0.0, upper: float = 100.0, name: object = "volume"
) -> tuple[float, float]:
    """Return the intensities of a volume that become 0 and 1.

    A block that is cut out of it is to state them (`scripts.io.write_volume`). They are intensities of voxels, and for
    other percentiles than 0 and 100 no single voxel decides them:

    - Neither lies further than three times the span of the *bulk* from its other end. The bulk are the voxels between
      the percentiles 0.05 and 99.95. So metal in a CT does not darken the tissue, and a vessel that fills less than a
      two-thousandth of a volume is not cut off at the brightness of its surroundings.
    - Where the bulk is a single intensity, as where all but a few voxels are 0, those few count instead, but for the
      lowest and highest hundredth of them.
    - Beyond 1e30 voxels mean *no data*, and do not count. The same goes for the lowest intensity where less than half
      of the voxels share it and it lies further below the rest than three times the rest's span: a program that turned
      or stitched the volume has filled it with 0 or -32768.

    Percentiles of more than 2^24 voxels (`MAX_SORTED`) are those of as many that are drawn, always the same ones.

    >>> intensity_range(np.array([[[0, 1, 2, 40]]]))
    (0, 40)

    Args:
        voxels: `(X, Y, Z)` or any other shape, of any real type.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum.
        name: the file, for error messages.

    Raises:
        UserError: for voxels that are not finite in single precision, and for whole numbers beyond 2^53.
    """
    lowest, highest = _ends(voxels, name)
    if (lower, upper) == (0, 100) or lowest == highest:
        return lowest, highest
    voxels = voxels.ravel(order="K")  # of a dense array never a copy
    if max(-lowest, highest) > NO_DATA and (there := voxels[np.abs(voxels) < NO_DATA]).size:
        voxels, lowest, highest = there, there.min().item(), there.max().item()
    looked_at = _sample(voxels)
    if (there := _without_fill(looked_at, lowest)) is not looked_at:
        looked_at, lowest = there, there.min().item()
    *bulk, asked_low, asked_high = _percentiles(looked_at, *BULK, lower, upper)
    if bulk[0] >= bulk[1] and (few := voxels[voxels != bulk[0]]).size:
        ends = _percentiles(_sample(few), *FEW)
        bulk = [min(bulk[0], ends[0]), max(bulk[0], ends[1])]
    reach = REACH * (bulk[1] - bulk[0])
    low = lowest if lower == 0 else max(asked_low, bulk[1] - reach)
    high = highest if upper == 100 else min(asked_high, bulk[0] + reach)
    return next(((a, b) for a, b in ((low, high), bulk) if b > a), (lowest, highest))


def _without_fill(voxels: Voxels, lowest: float) -> Voxels:
    """Return a volume's voxels without those that a program has filled in, or just the voxels."""
    filled = np.count_nonzero(voxels == lowest) / voxels.size
    if not BULK[0] / 100 < filled < MAX_FILLED:  # fewer do not reach the bulk
        return voxels
    there = voxels[voxels != lowest]
    low, high = _percentiles(there, *BULK)
    # in Python's numbers, for those of the file may not hold the difference
    return there if low - lowest > REACH * (high - low) > 0 else voxels


def _ends(voxels: Voxels, name: object) -> tuple[float, float]:
    """Return the lowest and highest intensity, if they can be computed with."""
    lowest, highest = voxels.min().item(), voxels.max().item()  # NaN if any is
    furthest = highest if not abs(lowest) > abs(highest) else lowest
    if not abs(furthest) <= MAX_FLOAT32:
        problem = f"holds {furthest:g}, which single precision cannot hold"
        refuse(name, problem, "replace such voxels by a number like the others")
    if voxels.dtype.kind in "iu" and abs(furthest) > MAX_WHOLE:
        problem = f"holds {furthest}, and whole numbers beyond 2^53 lose digits"
        refuse(name, problem, "subtract the same number from every voxel")
    return lowest, highest


def _percentiles(voxels: Voxels, *percentiles: float) -> list[float]:
    """Return percentiles, rounded inwards to intensities that some voxel has.

    So of two voxels or more the outermost is none of them, unless 0 or 100 asks for it.
    """
    last = voxels.size - 1
    ranks = [(math.ceil if each < 50 else math.floor)(last * each / 100) for each in percentiles]
    ordered = np.partition(voxels, sorted({*ranks}))
    return [ordered[rank].item() for rank in ranks]


def _sample(voxels: Voxels) -> Voxels:
    """Return all voxels, or so many of a large volume that percentiles are as good."""
    if voxels.size <= MAX_SORTED:
        return voxels
    return voxels[np.random.default_rng(0).integers(voxels.size, size=MAX_SORTED)]


def _stated(image: torch.Tensor, voxels: Voxels, ends: tuple[float, float]) -> tuple[float, float] | None:
    """Return the range that a block's metadata state, if most of its voxels lie in it."""
    stated = image.meta.get("intensity_range", ()) if isinstance(image, MetaTensor) else ()
    if len(stated) != 2 or not stated[1] > stated[0]:
        return None
    low, high = float(stated[0]), float(stated[1])
    if (low <= ends[0] and ends[1] <= high) or low <= np.median(_looked_at(voxels)) <= high:
        return low, high
    told = "%s: states the intensity range %g to %g, and most of its voxels, %g to %g, lie outside: its own is used"
    logger.warning(told, name_of(image), low, high, *ends)
    return None


def _looked_at(voxels: Voxels) -> Voxels:
    """Return voxels at regular steps, enough for what need not be exact."""
    flat = voxels.ravel(order="K")
    return flat[:: max(1, flat.size // MAX_LOOKED_AT)]


def _tell_of_a_sliver(voxels: Voxels, low: float, high: float, name: object) -> None:
    """Log a line where most voxels have nearly the same intensity once they are scaled."""
    ordered = np.sort(_looked_at(voxels))
    most = max(1, math.ceil(MOST * ordered.size))
    spans = ordered[most - 1 :].astype(np.float64) - ordered[: ordered.size - most + 1]
    first = int(spans.argmin())
    a, b = ordered[first].item(), ordered[first + most - 1].item()
    if a == b:  # a background of one value says nothing
        a, b = _percentiles(ordered, *BULK)
    if 0 < b - a < SLIVER * (high - low):
        told = (
            "%s: most voxels, %g to %g, share a sliver of the range %g to %g that is scaled to [0, 1]; "
            "if vessels are missing, clip the file's values to those of tissue"
        )
        logger.warning(told, name, a, b, low, high)


def _scaled(image: torch.Tensor, low: float, high: float, ends: tuple[float, float]) -> torch.Tensor:
    """Take an image to [0, 1], in the least memory in which no digit that matters is lost."""
    if _is_single_enough(image.dtype, low, high, ends):
        # (C, X, Y, Z); from here on in place, for it may fill half of the memory
        scaled = image - low if image.dtype == torch.float32 else image.float().sub_(low)
        return scaled.div_(high - low).clamp_(0, 1)
    scaled = torch.empty_like(image, dtype=torch.float32)  # (C, X, Y, Z)
    planes = planes_per_slab(image)
    for given, slab in zip(image.split(planes, dim=1), scaled.split(planes, dim=1), strict=True):
        slab.copy_((given.double() - low).div_(high - low).clamp_(0, 1))
    return scaled


def _is_single_enough(dtype: torch.dtype, low: float, high: float, ends: tuple[float, float]) -> bool:
    """Return whether single precision takes a lowest intensity off as exactly as double does."""
    span = high - low
    if dtype == torch.float64 or not 2**-100 < span < 2**100 or max(abs(low), abs(high)) > 2**12 * span:
        return False
    return dtype.is_floating_point or max(map(abs, ends)) <= MAX_WHOLE_FLOAT32
