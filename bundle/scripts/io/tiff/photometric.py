"""From the numbers that a TIFF stores to the voxels that they mean.

- *White is zero*: whoever writes that stores bright as 0, so the numbers are turned over, and bright is bright. ImageJ
  is the exception: it says so of an image whose look-up table is inverted and stores the numbers as they are; a mask
  that ImageJ draws in black is 255 in the file and returned as 255.
- *ImageJ's calibration* of signed 16-bit images, which it stores + 32768, and any other that adds a whole number, is
  applied. A scale is not: no result depends on it, and labels stay whole numbers (a mask inherits the calibration of
  the image that it was made from). Nor is a curve such as optical density: ImageJ shows the numbers as stored, too.
- *Orientation*: mirrored rows and columns are put upright, and mirrored again by the writer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import refuse

logger = logging.getLogger(__name__)

ORIENTATION = 274  # the tag
WHITE_IS_ZERO = 0
_MIRRORED = {1: (False, False), 2: (True, False), 3: (True, True), 4: (False, True)}  # along X, along Y
_STRAIGHT_LINE = 0  # ImageJ's number for a calibration c0 + c1 * value


@dataclass(frozen=True)
class Meaning:
    """What is done to the stored numbers.

    Attributes:
        dtype: of the voxels, in native byte order.
        mask: the bits that are turned over, 0 for none, -1 for all.
        shift: a whole number to add.
        orientation: 1 to 4, the value of TIFF's tag.
    """

    dtype: np.dtype
    mask: int = 0
    shift: int = 0
    orientation: int = 1

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """Return the voxels `(X, Y, Z)` that the stored numbers `(X, Y, Z)` mean, upright.

        The stored array may be changed.
        """
        return mirrored(self.values(stored), self.orientation)

    def values(self, stored: np.ndarray) -> np.ndarray:
        """Return the values that stored numbers mean, where they are; the array may be changed."""
        voxels = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        if self.mask and voxels.dtype == bool:
            voxels = ~voxels
        elif self.mask:
            voxels ^= voxels.dtype.type(self.mask)
        if self.shift:
            # exact although the parts wrap around: the sum fits, see _shifted
            voxels = np.add(voxels, self.shift, dtype=self.dtype, casting="unsafe")
        return voxels


def meaning_of(path: Path, page: Any, kind: str, description: Mapping[str, Any]) -> Meaning:
    """Find out what the numbers of a page mean.

    Args:
        path: the file, for messages.
        page: tifffile's first page.
        kind: `imagej`, `ome` or `tiff`.
        description: ImageJ's, as tifffile parses it.

    Raises:
        UserError: for fractions with white as zero, and for an image that lies on its side.
    """
    dtype = page.dtype.newbyteorder("=")
    orientation = int(page.tags.valueof(ORIENTATION, 1) or 1)
    if orientation not in _MIRRORED:
        problem = f"it lies on its side (TIFF Orientation {orientation}), and its voxel size may or may not do so too"
        refuse(path, problem, "save it upright (Orientation 1)")
    if kind == "imagej":
        shift = _calibration(path, dtype, description)
        return Meaning(_shifted(dtype, shift), 0, shift, orientation)
    if page.photometric != WHITE_IS_ZERO:
        return Meaning(dtype, orientation=orientation)
    if dtype.kind not in "bui":
        problem = f"white is zero in it, and there is no largest {dtype} by which to turn the values over"
        refuse(path, problem, "save it with black as zero (PhotometricInterpretation BlackIsZero)")
    mask = 2**page.bitspersample - 1 if dtype.kind == "u" else -1
    return Meaning(dtype, mask, 0, orientation)


def mirrored(array: np.ndarray, orientation: int) -> np.ndarray:
    """Return a view of `(..., X, Y, Z)`, mirrored as an orientation says; twice is as before."""
    along_x, along_y = _MIRRORED[orientation]
    return array[..., :: -1 if along_x else 1, :: -1 if along_y else 1, :]


def is_mirrored(orientation: int) -> tuple[bool, bool, bool]:
    """Return whether X, Y and Z run against the stored columns, rows and pages."""
    return (*_MIRRORED[orientation], False)


def _calibration(path: Path, dtype: np.dtype, description: Mapping[str, Any]) -> int:
    """Return the whole number that ImageJ's calibration adds to each stored number, or 0."""
    function, c0, c1 = (description.get(key) for key in ("cf", "c0", "c1"))
    if function is None or (function, c0, c1) == (_STRAIGHT_LINE, 0, 1):
        return 0
    whole = c0 is not None and _is_whole(c0) and dtype.kind in "ui" and dtype.itemsize <= 2
    if whole and function == _STRAIGHT_LINE and c1 == 1:
        # ImageJ adds 32768 to a signed 16-bit file as it reads it, and counts from there
        return int(c0 or 0) + (2**15 if dtype == np.int16 else 0)
    logger.info("%s: ImageJ's calibration of its values (function %s) is not applied", path, function)
    return 0


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | float) and abs(number) < 2**31 and number == int(number)


def _shifted(dtype: np.dtype, shift: int) -> np.dtype:
    """Return the smallest integer type for every value of `dtype` plus the shift."""
    if not shift:
        return dtype
    lowest, highest = (int(bound) + shift for bound in (np.iinfo(dtype).min, np.iinfo(dtype).max))
    types = (np.iinfo(each) for each in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64))
    return next(each.dtype for each in types if each.min <= lowest and highest <= each.max)
