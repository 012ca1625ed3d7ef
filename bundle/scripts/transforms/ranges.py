"""Which intensities of a volume become 0 and 1."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.core import refuse

from .seen import NO_DATA, Seen, see

logger = logging.getLogger(__name__)

Voxels = npt.NDArray[Any]

BULK = (0.05, 99.95)  # percentiles between which lies what an image shows, but for its rarest structures
REACH = 3  # times the span of the bulk; the maxima of ten real volumes lie within twice it
FEW = (1, 99)  # percentiles of what is not background where that is nearly all there is
MAX_FILLED = 0.5  # of the voxels; what is more than half is a background
SLIVER = 1 / 50  # of the range
MOST = 0.9  # of the voxels
TOLD = (0.001, 0.05, 1, 5, 25, 50, 75, 95, 99, 99.95, 99.999)  # percentiles that describe a volume
MAX_LOOKED_AT = 2**18  # voxels that decide whether the log gets a line


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

    Percentiles of more than 2^24 voxels (`MAX_SORTED`) are those of as many that are drawn, always the same ones for
    volumes of one shape.

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
    return range_of(see(voxels, name), lower, upper)


def range_of(seen: Seen, lower: float = 0.0, upper: float = 100.0) -> tuple[float, float]:
    """Return the `intensity_range` of a volume that was seen."""
    lowest, highest = seen.lowest, seen.highest
    if (lower, upper) == (0, 100) or lowest == highest:
        return lowest, highest
    drawn = seen.drawn
    if seen.there != (lowest, highest):
        drawn, (lowest, highest) = drawn[np.abs(drawn) < NO_DATA], seen.there
        if not drawn.size:
            return lowest, highest
    looked_at = _without_fill(drawn, lowest)
    if len(looked_at) < len(drawn):
        lowest = looked_at[0].item()
    *bulk, asked_low, asked_high = _percentiles(looked_at, *BULK, lower, upper)
    if bulk[0] >= bulk[1] and (few := drawn[drawn != bulk[0]]).size:
        ends = _percentiles(few, *FEW)
        bulk = [min(bulk[0], ends[0]), max(bulk[0], ends[1])]
    reach = REACH * (bulk[1] - bulk[0])
    low = lowest if lower == 0 else max(asked_low, bulk[1] - reach)
    high = highest if upper == 100 else min(asked_high, bulk[0] + reach)
    return next(((a, b) for a, b in ((low, high), bulk) if b > a), (lowest, highest))


def _without_fill(ordered: Voxels, lowest: float) -> Voxels:
    """Return a volume's voxels without those that a program has filled in, or just the voxels."""
    filled = np.searchsorted(ordered, ordered.dtype.type(lowest), side="right")
    if not BULK[0] / 100 < filled / ordered.size < MAX_FILLED:  # fewer do not reach the bulk
        return ordered
    there = ordered[filled:]
    low, high = _percentiles(there, *BULK)
    # in Python's numbers, for those of the file may not hold the difference
    return there if low - lowest > REACH * (high - low) > 0 else ordered


def _percentiles(ordered: Voxels, *percentiles: float) -> list[float]:
    """Return percentiles of ascending voxels, rounded inwards to what some voxel has.

    So of two voxels or more the outermost is none of them, unless 0 or 100 asks for it.
    """
    last = ordered.size - 1
    return [ordered[(math.ceil if each < 50 else math.floor)(last * each / 100)].item() for each in percentiles]


def percentiles_of(seen: Seen, percentiles: Sequence[float] = TOLD) -> dict[str, float]:
    """Return percentiles of a volume that was seen, by their numbers as text."""
    return dict(zip(map(str, percentiles), _percentiles(seen.drawn, *percentiles), strict=True))


def check_percentiles(lower: float, upper: float) -> None:
    """Refuse two numbers that are not percentiles in order."""
    if not 0 <= lower < upper <= 100:
        refuse(
            "--normalisation",
            f"lower {lower} and upper {upper} are not percentiles",
            "give two numbers from 0 to 100, lower first",
        )


def believed(stated: tuple[float, float] | None, seen: Seen, name: object) -> tuple[float, float] | None:
    """Return the range that a block states of its parent, if most of its voxels lie in it."""
    if stated is None or not stated[1] > stated[0]:
        return None
    low, high = float(stated[0]), float(stated[1])
    middle = seen.drawn[[(seen.drawn.size - 1) // 2, seen.drawn.size // 2]].astype(np.float64).mean()  # the median
    if (low <= seen.lowest and seen.highest <= high) or low <= middle <= high:
        return low, high
    told = "%s: states the intensity range %g to %g, and most of its voxels, %g to %g, lie outside: its own is used"
    logger.warning(told, name, low, high, seen.lowest, seen.highest)
    return None


def tell_of_a_sliver(seen: Seen, low: float, high: float, name: object) -> None:
    """Log a line where most voxels have nearly the same intensity once they are scaled."""
    ordered = seen.drawn[:: max(1, seen.drawn.size // MAX_LOOKED_AT)]
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
