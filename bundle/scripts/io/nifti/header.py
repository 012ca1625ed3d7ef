"""A NIfTI header, refused where it contradicts itself or the length of its file.

nibabel repairs what it can, or reads on: a file whose voxels begin inside the header, whose bits per voxel are not
those of its type, or that is longer than its header says, was read as voxels that nobody had saved.
"""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np

from scripts.core import by, refuse, refuse_failures

from ..formats import START, content_of

REMEDY = "copy or export it again"
BLOCK = 1 << 20  # bytes read at a time
UNIT_CODES = {0: "", 1: "m", 2: "mm", 3: "µm"}
"""Units of length, in the lowest three bits of `xyzt_units`."""
COMMENT = 6  # the extension code for plain text
HEADERS: dict[int, Any] = {540: nib.Nifti2Header, 348: nib.Nifti1Header}

_MAX_COMMENT = 1 << 24  # bytes; longer ones are passed over
_MAX_CODE = 5  # of sform and qform: NIFTI_XFORM_TEMPLATE_OTHER
_MAX_PACKED = 1032  # deflate makes at most so many bytes of one


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """What stands before the voxels.

    Attributes:
        header: nibabel's, checked.
        shape: lengths of all stored axes.
        stored: the type of the voxels on disk, with its byte order.
        offset: bytes before the first voxel, once decompressed.
        comments: the extensions that hold plain text.
    """

    header: Any
    shape: tuple[int, ...]
    stored: np.dtype
    offset: int
    comments: list[bytes]

    @property
    def length(self) -> int:
        """Bytes that the whole file has, once decompressed."""
        return self.offset + math.prod(self.shape) * self.stored.itemsize

    @property
    def plane(self) -> int:
        """Bytes of one plane across the third axis."""
        return math.prod(self.shape[:2]) * self.stored.itemsize


@contextmanager
def open_nifti(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, decompressed if its name ends in `.gz`."""
    if path.suffix.lower() == ".gz":
        with gzip.open(path) as unzipped:
            yield unzipped  # type: ignore[misc]  # GzipFile has all that BinaryIO is used for here
    else:
        with path.open("rb") as file:
            yield file


def read_head(path: Path, file: BinaryIO) -> NiftiHeader:
    """Read and check what stands before the voxels; leave `file` somewhere before them.

    Raises:
        UserError: where the header contradicts itself, or states more than a file of this length can hold.
    """
    start = file.read(START)
    if content_of(start) != "NIfTI":  # only of a compressed file is this not known yet
        found = content_of(start) or "something else"
        refuse(path, f"holds no NIfTI but {found}, compressed", "export it again, or give it the suffix of what it is")
    size = 540 if start[4:8] == b"n+2\0" else 348
    start += file.read(max(0, size + 4 - len(start)))
    endianness = next((each for each in "<>" if start[:4] == struct.pack(f"{each}i", size)), None)
    if endianness is None:  # nibabel guesses, and mends it
        refuse(path, f"its header states another length than its {size} bytes (sizeof_hdr)", REMEDY)
    header = HEADERS[size](start[:size], endianness, check=False)
    shape = _checked_shape(path, header)
    offset = _checked_offset(path, header, size + 4)
    raw = header.copy()
    with refuse_failures(path, "its header is damaged", REMEDY):
        header.check_fix(error_level=40)  # mends what is harmless, such as a pixdim[0] that is not 1 or -1
        stored = header.get_data_dtype()
    head = NiftiHeader(header, shape, stored, offset, [])
    _check_fields(path, head, raw)
    _check_length(path, file, head)
    if start[size : size + 1] != b"\0":
        head.comments.extend(_comments(path, file, offset - size - 4, header.endianness))
    return head


def _checked_shape(path: Path, header: Any) -> tuple[int, ...]:
    dim = [int(length) for length in header["dim"]]
    if not 1 <= dim[0] <= 7:
        refuse(path, f"its header states {dim[0]} axes, and NIfTI has 1 to 7", REMEDY)
    shape = tuple(dim[1 : dim[0] + 1])
    if min(shape) < 1:
        refuse(path, f"its header states the shape {shape}, and every axis has at least 1 voxel", REMEDY)
    return shape


def _checked_offset(path: Path, header: Any, first: int) -> int:
    offset = float(header["vox_offset"])
    if header["magic"].item() == b"ni1" and offset < first:
        remedy = "join the two (nibabel.save(nibabel.load('NAME.hdr'), 'NAME.nii'))"
        refuse(path, "is the header of a pair of files, .hdr and .img, without the voxels", remedy)
    if not (offset >= first and offset.is_integer()):  # not >=, because of NaN
        problem = f"its voxels begin at byte {offset:g} (vox_offset), and the header alone takes {first}"
        refuse(path, problem if offset < first else f"vox_offset is {offset:g} and no whole number", REMEDY)
    return int(offset)


def _check_fields(path: Path, head: NiftiHeader, raw: Any) -> None:
    """Refuse fields that contradict others or mean nothing.

    Args:
        path: the file, for messages.
        head: what was read of it.
        raw: nibabel's header before it was mended.
    """
    if head.stored.kind not in "buif":
        kinds = {"c": "complex numbers", "V": "colours (a structured type)"}
        refuse(
            path, f"its voxels are {kinds.get(head.stored.kind, head.stored)}", "save real numbers (integers or floats)"
        )
    if (bits := int(raw["bitpix"])) not in (0, 8 * head.stored.itemsize):
        kind = head.stored.newbyteorder("=")
        refuse(path, f"its header states {bits} bits a voxel (bitpix) and the type {kind} (datatype)", REMEDY)
    for name in ("sform_code", "qform_code"):  # nibabel takes an unknown one for 0, and another affine then counts
        if not 0 <= (code := int(raw[name])) <= _MAX_CODE:
            refuse(path, f"{name} is {code}, and NIfTI has 0 to {_MAX_CODE}", "set sform or qform again")
    if (unit := int(head.header["xyzt_units"]) & 7) not in UNIT_CODES:
        refuse(path, f"its unit of length is {unit} (xyzt_units), and NIfTI has 0 to 3", "set it to 2, millimetres")
    sizes = raw["pixdim"][1:4]
    if raw["sform_code"] == 0 and raw["qform_code"] > 0 and not np.all(sizes):
        refuse(path, f"its voxel size is {by((f'{size:g}' for size in sizes), ' × ')}", "set sform or qform again")
    slope, inter = float(head.header["scl_slope"]), float(head.header["scl_inter"])
    # a slope of 0 says that values are not scaled; nibabel takes NaN for the same
    if math.isinf(slope) or (slope and not math.isnan(slope) and not math.isfinite(inter)):
        refuse(path, f"its values are scaled by scl_slope {slope:g} and scl_inter {inter:g}", "correct the two")


def _check_length(path: Path, file: BinaryIO, head: NiftiHeader) -> None:
    """Refuse a header that states another length than the file has; leave `file` where it is.

    Of a compressed file only what can be known without decompressing it.
    """
    found = path.stat().st_size
    if path.suffix.lower() == ".gz":
        if head.length > _MAX_PACKED * found:
            refuse(path, f"it is cut short, {found} compressed bytes cannot hold {head.length}", REMEDY)
    else:
        here = file.tell()
        file.seek(min(found, head.length))
        check_end(path, file, head, min(found, head.length))
        file.seek(here)


def check_end(path: Path, file: BinaryIO, head: NiftiHeader, at: int) -> None:
    """Read a file on to its end, and refuse another length than its header states.

    It is read no further than a plane beyond. Fewer zeros are padding, as of a file that was copied in blocks. The end
    of a compressed file holds the checksum, which is compared only by whoever reads it.

    Args:
        path: the file, for messages.
        file: open, decompressed.
        head: its header.
        at: the byte where `file` stands.

    Raises:
        UserError: for a file that is shorter, or has anything but a little padding behind its voxels.
    """
    behind = False
    while at < head.length + head.plane and (block := file.read(BLOCK)):
        behind |= bool(block[max(0, head.length - at) :].strip(b"\0"))
        at += len(block)
    if at < head.length:
        refuse(path, f"it is cut short, {at} bytes of {head.length} are there", REMEDY)
    what = f"{head.stored.newbyteorder('=')} of shape {head.shape}"
    problem = f"it goes on after the {head.length} bytes that its header states for {what}"
    if at >= head.length + head.plane:
        refuse(path, problem, "export it again, with the shape that the voxels have")
    if behind:
        refuse(path, f"{problem}, with {at - head.length} that are no padding", f"{REMEDY}, or take them off")


def _comments(path: Path, file: BinaryIO, length: int, endianness: str) -> Iterator[bytes]:
    """Yield the plain text among the extensions: `length` bytes from where `file` stands.

    nibabel reads them as well, but as many bytes at once as a damaged size says.
    """
    while length >= 16:
        esize, code = struct.unpack(f"{endianness}2i", _take(file, 8))
        if not 8 <= esize <= length:
            refuse(path, f"an extension of its header has {esize} bytes, {length} are there before the voxels", REMEDY)
        content = _take(file, esize - 8, keep=code == COMMENT and esize <= _MAX_COMMENT)
        if code == COMMENT:
            yield content
        length -= esize


def _take(file: BinaryIO, count: int, keep: bool = True) -> bytes:
    kept = b""
    while count and (block := file.read(min(count, BLOCK))):
        kept += block if keep else b""
        count -= len(block)
    return kept
