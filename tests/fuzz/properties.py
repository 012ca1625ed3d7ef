"""What has to hold for any input: one clear line, or a correct result, and nothing left behind."""

import logging
import re
import traceback
import unicodedata
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scripts.core import UserError, most_telling, one_line
from scripts.core.errors import is_refusal
from scripts.io import read_header, read_volume, split_name, write_volume

LIBRARIES = ("tifffile", "nibabel", "nibabel.global", "py.warnings")
MAX_LINE = 4500  # characters of a refusal
CONTROL, TURNS = ("Cc", "Cs", "Zl", "Zp"), "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MAX_RATIO = 1100  # deflate shrinks zeros by 1032; a small file that promises more than that cannot keep it


class Case(NamedTuple):
    """One input.

    Attributes:
        told: what was spoilt, in words.
        check: function that runs the code on it; it raises `Refused` or `Finding`, or returns.
        may_change: files that `check` may write, change or delete.
    """

    told: str
    check: Any
    may_change: tuple[Path, ...] = ()


class Refused(Exception):  # noqa: N818 - the good outcome
    """The input was refused by one clear line."""


class Finding(Exception):  # noqa: N818
    """What should hold does not.

    Attributes:
        kind: the property, in a few words.
        where: the innermost places in the code, if an exception was raised.
    """

    def __init__(self, kind, text="", where=""):
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind, self.where = kind, where


def places_of(error):
    """Return the innermost line of the bundle and the innermost of all that an exception came through."""
    frames = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    ours = [
        f"{Path(f.filename).name}:{f.lineno} {f.name}"
        for f in traceback.extract_tb(error.__traceback__)
        if "/scripts/" in f.filename
    ]
    return " < ".join(dict.fromkeys([*frames[-1:], *ours[-1:]]))


def _ran_out(error):
    """Whether an exception was raised because memory had been asked for, and not because a file states its size."""
    while error is not None and (not isinstance(error, MemoryError) or isinstance(error, UserError)):
        error = error.__context__
    return error is not None


@contextmanager
def told(*subjects):
    """Turn a refusal into `Refused` if its line is clear and names a subject; anything else is a finding."""
    try:
        yield
    except (Refused, Finding):
        raise
    except Exception as error:
        first, line = most_telling(error), one_line(error)
        where = places_of(first)
        if not is_refusal(error):
            raise Finding(
                "an exception that is not one line", f"{type(first).__name__}: {first}"[:400], where
            ) from error
        if _ran_out(first):  # no input here is so large; where memory is not bounded, it would be taken
            raise Finding("more memory than a small input may take", line, where) from error
        if any(unicodedata.category(each) in CONTROL or each in TURNS for each in line.replace("\t", " ")) or not line:
            raise Finding("a line with control characters", repr(line), where) from error
        if len(line) > MAX_LINE:
            raise Finding("a line without end", f"{len(line)} characters, {line[:200]}", where) from error
        if subjects and not any(str(subject) in line for subject in subjects):
            raise Finding("a line that does not name what it is about", line, where) from error
        raise Refused(line) from error


class _Records(logging.Handler):
    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(f"{record.name}: {record.getMessage()}"[:200])


@contextmanager
def library_warnings():
    """Collect what the libraries that read files complain of, in a list that is complete after the block."""
    handler = _Records()
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield handler.lines
        handler.lines += [
            str(each.message)[:200] for each in caught if not issubclass(each.category, DeprecationWarning)
        ]
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@dataclass
class Stored:
    """A file of one volume, and what is known of it after it was spoilt.

    Attributes:
        path: the file.
        voxels: (X, Y, Z) as they were before.
        same: `order` if nothing of them can have changed, `values` if only their places can, `bytes` if header and
            voxels can still be compared by their number of bytes, `scaled` if all of them are others now, or "" if
            nothing is known.
        channel: the option.
        channels: how many there are, each of as many voxels.
    """

    path: Path
    voxels: np.ndarray
    same: str = ""
    channel: int | None = None
    channels: int = 1
    libraries: list[str] = field(default_factory=list)

    def check(self):
        """Read header and voxels, compare, write a result and read it back."""
        with library_warnings() as self.libraries:
            with told(self.path):
                header = read_header(self.path, self.channel)
            if header.nbytes > MAX_RATIO * self.path.stat().st_size + 2**20:
                raise Finding("a header that promises more than the file can hold", f"{header.shape} {header.dtype}")
            with told(self.path):
                info, voxels = read_volume(self.path, self.channel)
        self._check_header(header, info, voxels)
        self._check_voxels(info, voxels)
        self._check_result(info, voxels)

    def _check_header(self, header, info, voxels):
        if (header.shape, header.dtype) != (info.shape, info.dtype) or not np.array_equal(header.affine, info.affine):
            raise Finding("the header alone says something else than with the voxels", f"{header} {info}")
        if voxels.shape != info.shape or voxels.dtype != info.dtype:
            raise Finding("the array is not what the header says", f"{voxels.shape} {voxels.dtype} {info}")
        if not np.isfinite(voxels).all():
            raise Finding("voxels that are not finite")
        with np.errstate(all="ignore"):
            inverse = np.linalg.inv(info.affine) if np.linalg.det(info.affine) else np.full((4, 4), np.nan)
        if not np.isfinite(info.affine).all() or not np.isfinite(inverse).all() or min(info.voxel_size) <= 0:
            raise Finding("an affine that has no inverse", f"{info.affine.tolist()}")

    def _check_voxels(self, info, voxels):
        equal = np.array_equal(voxels, self.voxels)
        if self.same == "order" and not equal:
            raise Finding("other voxels than are stored", f"{info.shape} {info.dtype} {self._what_differs(voxels)}")
        if self.same == "values" and not np.array_equal(np.sort(voxels.ravel()), np.sort(self.voxels.ravel())):
            raise Finding("other values than are stored", f"{info.shape} {info.dtype} {self._what_differs(voxels)}")
        stored, there = int(np.prod(info.stored_shape)) * info.dtype.itemsize, self.voxels.nbytes * self.channels
        if self.same == "bytes" and stored != there:
            raise Finding("header and voxels differ in size", f"{info.stored_shape} {info.dtype}, {there} stored")
        if self.libraries and not equal and self.same != "scaled":
            where = re.sub(r"-?\d[\d.e+-]*", "N", self.libraries[0])
            raise Finding(
                "a library warned, and other voxels were returned", f"{info.shape} {self.libraries[:2]}", where
            )

    def _what_differs(self, voxels):
        return f"was {self.voxels.shape} {self.voxels.ravel()[:4]}, is {voxels.ravel()[:4]}"

    def _check_result(self, info, voxels):
        stem, suffix = split_name(self.path)
        path = self.path.parent.parent / "out" / f"{stem}_seg{suffix}"
        mask = (voxels > np.median(voxels)).astype(np.uint8)
        try:
            with told(path):
                write_volume(path, mask, like=info)
                there, again = read_volume(path)
        except Refused as error:
            raise Finding("read, but its result cannot be written", str(error), places_of(error.__cause__)) from error
        if [each.name for each in path.parent.iterdir()] != [path.name]:
            raise Finding("files beside the result", str(sorted(each.name for each in path.parent.iterdir())))
        path.unlink()
        if not np.array_equal(again, mask):
            raise Finding("a result that reads back otherwise", f"{again.shape} {mask.shape}")
        if there.unit != info.unit or not np.allclose(there.affine, info.affine, rtol=1e-5, atol=0):
            old, new = (f"{one.unit} {np.diag(one.affine)[:3]}" for one in (info, there))
            raise Finding("a result with another geometry", f"{old}, then {new}")
