"""Files and folders that appear whole: written beside their final name, and renamed. Nothing else renames."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError, refuse

PART = ".part-"
"""How the names of unfinished files begin; hidden, so that nobody takes one for a volume."""
MAX_NAME = 100  # characters of a file's name that its temporary name repeats; file systems take 255 bytes


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write(temporary)` make a file beside `path`, then rename it, so that `path` is never half a file.

    The temporary name ends as that of `path` does, for libraries go by it.

    Raises:
        UserError: where it cannot be written; what was there before is kept.
    """
    write_together([(path, write)])


def write_text(path: Path, text: str) -> None:
    """Write a text whole, in UTF-8."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_together(files: Sequence[tuple[Path, Callable[[Path], Any]]]) -> None:
    """Write several files as `write_whole` does, all of them whole before the first gets its name."""
    for path, _ in files:
        make_folder(path.parent)
    temporaries = [_temporary(path) for path, _ in files]
    try:
        for temporary, (path, write) in zip(temporaries, files, strict=True):
            with _naming(path):
                write(temporary)
                _flush(temporary)
        for temporary, (path, _) in zip(temporaries, files, strict=True):
            with _naming(path):
                temporary.replace(path)
    except BaseException:  # also a keyboard interrupt: nothing unfinished stays behind
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` that takes its name at the end of the block, or is gone where that fails.

    Args:
        path: of a folder that does not exist yet, or is empty.

    Raises:
        UserError: where it cannot be written.
    """
    temporary = _temporary(path)
    try:
        make_folder(temporary)
        with _naming(path):
            yield temporary
            if path.exists():
                path.rmdir()
            temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_into(folder: Path, paths: Sequence[Path]) -> None:
    """Move files of the same file system into a new folder."""
    folder.mkdir()
    for path in paths:
        path.replace(folder / path.name)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if need be.

    Raises:
        UserError: where it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _refuse_folder(folder, error)


def check_writable(folder: str | os.PathLike[str]) -> Path:
    """Make `folder` if need be and write a file into it, so that a run fails before the work and not after.

    Raises:
        UserError: where it cannot be written to.
    """
    folder = Path(folder)
    make_folder(folder)
    trial = _temporary(folder / "trial")
    try:
        trial.write_bytes(b"trial")
    except OSError as error:
        _refuse_folder(folder, error)
    finally:
        trial.unlink(missing_ok=True)
    return folder


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _temporary(path: Path) -> Path:
    return path.with_name(f"{PART}{uuid.uuid4().hex[:8]}-{path.name[-MAX_NAME:]}")


def _flush(path: Path) -> None:
    """Have the disk hold what was written: a rename may otherwise outlive the bytes in a power cut."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let what fails name the file that was to be written, not the temporary one."""
    try:
        yield
    except UserError:
        raise
    except (OSError, RuntimeError) as error:
        # for a full disk torch.save has a RuntimeError of its own, which the system's plain word on it precedes
        first = error.__context__ if isinstance(error.__context__, OSError) else error
        reason = getattr(first, "strerror", None) or str(first).partition("\n")[0]
        problem = f"cannot be written ({reason}), what was there before is kept"
        refuse(path, problem, "make room, or choose another folder", OSError)


def _refuse_folder(folder: Path, error: OSError) -> None:
    problem = f"cannot be written to ({error.strerror})"
    refuse(folder, problem, "choose another folder (--output_dir, --ckpt_dir)", OSError)
