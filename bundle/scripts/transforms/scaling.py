"""How a volume's intensity comes to [0, 1]: decided once, applied to any box of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scripts.core import AUTO, EmptyVolumeError, planes_per_slab, refuse
from scripts.io import Volume, VolumeInfo, notes_of, refuse_damaged_notes

from .polarity import CLEARLY_DARK, polarity_of
from .ranges import believed, check_percentiles, percentiles_of, range_of, tell_of_a_sliver
from .seen import Seen, as_numbers, see_on_disk

logger = logging.getLogger(__name__)

SCALINGS = "scalings"  # key of the notes
MAX_WHOLE_FLOAT32 = 2**24  # single precision holds every whole number up to here


@dataclass(frozen=True)
class Scaling:
    """What takes the voxels of a volume, as its file has them, to [0, 1].

    All four are fit for JSON: `Scaling(**dataclasses.asdict(scaling))` is the same.

    Attributes:
        low: intensity that becomes 0.
        high: intensity that becomes 1.
        inverted: whether 1 becomes 0 afterwards.
        in_double: whether it takes double precision to lose no digit that matters.
    """

    low: float
    high: float
    inverted: bool = False
    in_double: bool = False

    def apply(self, voxels: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Return any box of the volume, `(x, y, z)`, scaled, in memory of its own."""
        given = torch.from_numpy(np.require(as_numbers(voxels), requirements="CW"))
        scaled: npt.NDArray[np.float32] = self.apply_to(given[None])[0].numpy()  # (x, y, z)
        return scaled

    def apply_to(self, image: torch.Tensor) -> torch.Tensor:
        """Return an image `(C, X, Y, Z)` scaled, float32, in the least memory."""
        scaled = self._scaled(image)
        return scaled.mul_(-1).add_(1) if self.inverted else scaled

    def _scaled(self, image: torch.Tensor) -> torch.Tensor:
        if not self.in_double:
            # (C, X, Y, Z); from here on in place, for it may fill half of the memory
            scaled = image - self.low if image.dtype == torch.float32 else image.float().sub_(self.low)
            return scaled.div_(self.high - self.low).clamp_(0, 1)
        scaled = torch.empty_like(image, dtype=torch.float32)  # (C, X, Y, Z)
        planes = planes_per_slab(image)
        for given, slab in zip(image.split(planes, dim=1), scaled.split(planes, dim=1), strict=True):
            slab.copy_((given.double() - self.low).div_(self.high - self.low).clamp_(0, 1))
        return scaled


def scaling_of(
    volume: Volume,
    lower: float = 0.0,
    upper: float = 100.0,
    invert: str | bool = False,
    done: Callable[[int], None] | None = None,
) -> Scaling:
    """Return how a volume on disk is to be scaled: as `ScaleToUnitd` scales the same voxels.

    The volume is read once, and a few blocks of it again where `invert` is `auto`; less than 500 MiB are taken. Of one
    that `tubenet prepare` has made nothing is read, if these percentiles are noted there.

    Args:
        volume: the volume.
        lower: percentile that becomes 0; 0 is the minimum.
        upper: percentile that becomes 1; 100 is the maximum.
        invert: as in `ScaleToUnitd`.
        done: is told the number of voxels of each box that was read.

    Raises:
        UserError: as `ScaleToUnitd`, and for damaged notes.
    """
    check_percentiles(lower, upper)
    name = str(volume.info.path)
    if noted := _noted(volume.info, (lower, upper)):
        scaling, polarity = noted
        return replace(scaling, inverted=is_inverted(invert, lambda: polarity, name))
    scaling = _scaling_of_seen(see_on_disk(volume, done), volume, (lower, upper))
    return replace(scaling, inverted=is_inverted(invert, lambda: _polarity(volume, scaling), name))


def scaling_notes(
    volume: Volume, percentiles: Sequence[tuple[float, float]], done: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Return what `scaling_of` needs to know of a volume, fit for JSON.

    The volume is read once. `tubenet prepare` notes this beside the voxels, from where `scaling_of` takes it.

    Args:
        volume: the volume.
        percentiles: lower and upper ones.
        done: as in `scaling_of`.

    Raises:
        UserError: as `scaling_of`.
    """
    seen, noted = see_on_disk(volume, done), []
    for lower, upper in percentiles:
        scaling = _scaling_of_seen(seen, volume, (lower, upper))
        noted.append({"lower": lower, "upper": upper, "polarity": _polarity(volume, scaling), **asdict(scaling)})
        del noted[-1]["inverted"]  # that is an option's affair
    return {"range": [seen.lowest, seen.highest], "percentiles": percentiles_of(seen), SCALINGS: noted}


def _noted(info: VolumeInfo, percentiles: tuple[float, float]) -> tuple[Scaling, float] | None:
    """Return scaling and polarity that `tubenet prepare` has noted, if it has."""
    with refuse_damaged_notes(info):
        for noted in notes_of(info).get(SCALINGS, ()):
            if (noted["lower"], noted["upper"]) == percentiles:
                low, high, polarity = (float(noted[key]) for key in ("low", "high", "polarity"))
                if not -math.inf < low < high < math.inf:
                    raise ValueError(f"a range from {low:g} to {high:g}")
                return Scaling(low, high, in_double=bool(noted["in_double"])), polarity
    return None


def _scaling_of_seen(seen: Seen, volume: Volume, percentiles: tuple[float, float]) -> Scaling:
    dtype = as_numbers(np.zeros(0, volume.info.dtype)).dtype
    return decide(seen, dtype, volume.info.usable_range(), percentiles, str(volume.info.path))


def _polarity(volume: Volume, scaling: Scaling) -> float:
    """Return the polarity of the blocks that stand for a volume."""
    return polarity_of(lambda box: scaling.apply(volume.read(box)), volume.info.shape, volume.info.affine)


def decide(
    seen: Seen, dtype: np.dtype[Any], stated: tuple[float, float] | None, percentiles: tuple[float, float], name: object
) -> Scaling:
    """Return how a volume that was seen is scaled, before it is inverted.

    Args:
        seen: its intensities.
        dtype: of its voxels.
        stated: the range that its metadata state, which counts if most voxels lie in it.
        percentiles: those that become 0 and 1.
        name: the file, for messages.

    Raises:
        UserError: for a volume whose voxels are all the same.
    """
    low, high = believed(stated, seen, name) or range_of(seen, *percentiles)
    if not high > low:
        problem = f"every voxel is {low:g}, so there is nothing to segment"
        refuse(name, problem, "check the file", EmptyVolumeError)
    tell_of_a_sliver(seen, low, high, name)
    return Scaling(low, high, in_double=not _is_single_enough(dtype, low, high, seen))


def _is_single_enough(dtype: np.dtype[Any], low: float, high: float, seen: Seen) -> bool:
    """Return whether single precision takes a lowest intensity off as exactly as double does."""
    span = high - low
    if dtype == np.float64 or not 2**-100 < span < 2**100 or max(abs(low), abs(high)) > 2**12 * span:
        return False
    return dtype.kind == "f" or max(abs(seen.lowest), abs(seen.highest)) <= MAX_WHOLE_FLOAT32


def is_inverted(invert: str | bool, polarity: Callable[[], float], name: object) -> bool:
    """Return whether a volume is turned inside out.

    Where its polarity decides, which is then asked for, the log gets a line unless vessels are clearly bright.
    """
    if str(invert).lower() != AUTO:
        return str(invert).lower() == "true"
    found = polarity()
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
