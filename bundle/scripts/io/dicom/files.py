"""Which files of a folder are DICOM, whatever they are called, and their headers."""

from __future__ import annotations

import logging
import stat
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.core import UserError, refuse, refuse_failures

from ..extra import extra_library, has_library
from ..formats import READ_SUFFIXES, content_of

REMEDY = "copy or export it again"
SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")

_DEFLATED = "1.2.840.10008.1.2.1.99"
_START = 132  # bytes: the preamble and DICM
_MAX_LOOKED_AT = 1000  # files of a folder that are opened to find out whether any is DICOM


def holds_series(folder: Path) -> bool:
    """Return whether a folder is one volume, because it holds DICOM slices.

    One that holds multi-frame files holds volumes, as any folder of files does.

    Raises:
        UserError: if it holds other volumes beside slices.
    """
    others, first = [], None
    for number, path in enumerate(_files(folder)):
        named = path.name.lower().endswith(READ_SUFFIXES)
        if named and path.suffix.lower() != ".dcm":
            others.append(path)
        elif first is None and (named or number < _MAX_LOOKED_AT) and _is_slice(path):
            first = path
    if first is not None and others:
        problem = f"it holds DICOM slices such as {first.name}, and other volumes such as {others[0].name}"
        refuse(folder, problem, "give the slices a folder of their own")
    return first is not None


def dicom_files(folder: Path) -> list[Path]:
    """List the files of a folder that are DICOM, sorted by name."""
    return [path for path in _files(folder) if _is_dicom(path)]


def read_dataset(path: Path, tags: Sequence[str]) -> Any:
    """Read a DICOM file without its voxels, as pydicom's `Dataset`.

    Args:
        path: the file.
        tags: the keywords of what to read.

    Raises:
        UserError: for a file that cannot be read.
    """
    pydicom = extra_library("pydicom", path)
    with discreet(path, "cannot be read as DICOM"):
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == _DEFLATED:  # whose length nothing bounds
            refuse(path, "all of it is compressed (deflated)", "export it as Explicit VR Little Endian")
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*tags])
        for part in (meta, dataset.file_meta, dataset):
            for _ in part.iterall():  # pydicom understands a value when it is first asked for, and may then fail
                pass
        return dataset


@contextmanager
def discreet(path: Path, problem: str, tell: bool = False) -> Iterator[None]:
    """Turn what a DICOM library raises into a refusal, and silence what it warns of.

    Its words may hold a value of the header, such as a name or a date of birth, and none may get into a log.

    Args:
        path: the file, for messages.
        problem: what could not be done.
        tell: whether to repeat the library's words, where it has only voxels in its hands.

    Raises:
        UserError: of `problem` and the kind of exception, or its words.
    """
    settings = extra_library("pydicom.config", path).settings
    modes = settings.reading_validation_mode, settings.writing_validation_mode
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    levels = [logger.level for logger in loggers]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # what breaks DICOM's rules without making voxels doubtful, such as a misspelt date, is taken over as it is
            settings.reading_validation_mode = settings.writing_validation_mode = 0
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        by_the_system = error.errno is not None
        words = error.strerror if by_the_system else type(error).__name__
        refuse(path, f"{problem} ({words})", REMEDY, OSError if by_the_system else ValueError)
    except Exception as error:
        words = str(error).strip().partition("\n")[0].rstrip(".") if tell else ""
        refuse(path, f"{problem} ({words or type(error).__name__})", REMEDY)
    finally:
        settings.reading_validation_mode, settings.writing_validation_mode = modes
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _files(folder: Path) -> list[Path]:
    """List the regular files of a folder, but for hidden ones and the index of a DICOM disc."""
    with refuse_failures(folder, "cannot be listed", "check the path and its permissions"):
        found = sorted(folder.iterdir())
    return [path for path in found if not path.name.startswith(".") and path.name != "DICOMDIR" and _is_regular(path)]


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):  # gone, or a broken link
        return False


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return content_of(file.read(_START)) == "DICOM"
    except OSError:  # whoever reads the folder as files tells
        return False


def _is_slice(path: Path) -> bool:
    """Return whether a file is DICOM without frames; without pydicom, whether it is DICOM."""
    if not _is_dicom(path):
        return False
    if not has_library("pydicom"):
        return True
    try:
        return int(read_dataset(path, ["NumberOfFrames"]).get("NumberOfFrames") or 1) == 1
    except (UserError, TypeError, ValueError):  # it is refused when the series is read
        return True
