"""Files that appear whole: written beside their final name, and renamed."""

from __future__ import annotations

import os
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
