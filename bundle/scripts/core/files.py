"""Files that appear whole: written beside their final name, and renamed."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let ``write(temporary)`` make a file beside ``path``, then rename it, so that ``path`` is never half a file."""
    write_together([(path, write)])


def write_together(files: Sequence[tuple[Path, Callable[[Path], Any]]]) -> None:
    """Write several files as :func:`write_whole` does, all of them whole before the first gets its name."""
    temporaries = [path.with_name(f".{path.name}.{os.getpid()}.part") for path, _ in files]
    try:
        for temporary, (path, write) in zip(temporaries, files, strict=True):
            _write_to_disk(path, temporary, write)
        for temporary, (path, _) in zip(temporaries, files, strict=True):
            with _told(path):
                temporary.replace(path)
    except BaseException:
        for temporary in temporaries:
            temporary.unlink(missing_ok=True)
        raise


def _write_to_disk(path: Path, temporary: Path, write: Callable[[Path], Any]) -> None:
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Let what fails name the file that was to be written, not the temporary one."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        # for a full disk torch.save has a RuntimeError of its own, which the system's plain word on it precedes
        first = error.__context__ if isinstance(error.__context__, OSError) else error
        reason = getattr(first, "strerror", None) or str(first).partition("\n")[0]
        raise OSError(
            f"{path}: cannot be written ({reason}), what was there before is kept; make room, or choose another folder"
        ) from error


def check_writable(folder: str | os.PathLike[str]) -> Path:
    """Make `folder` if need be and write a file into it, so that a run fails before the work and not after.

    Raises:
        OSError: one line: the folder, what is wrong, what to do.
    """
    folder = Path(folder)
    make_folder(folder)
    trial = folder / f".{uuid.uuid4().hex[:8]}.tmp"
    try:
        trial.write_bytes(b"trial")
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        if trial.exists():
            trial.unlink()
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if need be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> OSError:
    return type(error)(
        f"{folder}: cannot be written to ({error.strerror}); choose another folder (--output_dir, --ckpt_dir)"
    )


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
