"""Write files and folders under a temporary name, then rename them; only this module does."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from .errors import UserError, refuse
from .parts import part_of, sweep

MAX_NAME = 255  # bytes of the name of a file or folder in the usual file systems


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file with `write(temporary)`, then rename it to `path`, so it is never half done.

    The temporary name ends in the same suffix as `path`, because libraries go by it.

    Raises:
        UserError: if the file cannot be written; an earlier file of that name is kept.
    """
    write_together([(path, write)])


def write_text(path: Path, text: str) -> None:
    """Write text to a file in UTF-8, as `write_whole` does."""
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_together(files: Sequence[tuple[Path, Callable[[Path], Any]]]) -> None:
    """Write several files as `write_whole` does, and rename them only when all are complete."""
    for path, _ in files:
        make_folder(path.parent)
        check_name_length(path)
        sweep(path.parent)
    temporaries = [part_of(path) for path, _ in files]
    try:
        for temporary, (path, write) in zip(temporaries, files, strict=True):
            with _naming(path):
                write(temporary)
                _flush(temporary)
        for temporary, (path, _) in zip(temporaries, files, strict=True):
            with _naming(path):
                temporary.replace(path)
    except BaseException:  # including Ctrl-C: leave nothing unfinished behind
        for temporary in temporaries:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder; rename it to `path` after the block, or delete it on failure.

    Args:
        path: the final folder, which must not exist yet or must be empty.
        replace: whether a folder that is there is replaced; it is kept on failure.

    Raises:
        UserError: if it cannot be written.
    """
    temporary, before = part_of(path), part_of(path)
    check_name_length(path)
    sweep(path.parent)
    try:
        make_folder(temporary)
        with _naming(path):
            yield temporary
            if replace and path.is_dir():
                path.replace(before)
            elif path.exists():
                path.rmdir()
            try:
                temporary.replace(path)
            except BaseException:
                if before.exists():
                    before.replace(path)
                raise
    finally:
        for folder in (temporary, before):
            shutil.rmtree(folder, ignore_errors=True)


def temporary_folder(name: str) -> Path:
    """Return the path of a new folder in the system's temporary one; it is not made yet.

    What a process that was killed left there is removed, as `check_writable` does.
    """
    path = part_of(Path(tempfile.gettempdir()) / name)
    sweep(path.parent)
    return path


def move(path: Path, target: Path) -> None:
    """Rename a file or folder; both are in one file system, and nothing is at `target`."""
    path.replace(target)


def move_into(folder: Path, paths: Sequence[Path]) -> None:
    """Move files into a new folder on the same file system."""
    folder.mkdir()
    for path in paths:
        path.replace(folder / path.name)


@contextmanager
def alone(lock: Path, work: Path) -> Iterator[None]:
    """Let no other process do in the block what this one does.

    Args:
        lock: a file that is made, and removed in the end.
        work: what is being made, for the message.

    Raises:
        UserError: if another process is at it.
    """
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        refuse(work, "another run is at work there", "wait for it, or choose another place for the result")
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes it on its own
            lock.unlink()  # while it is held, so that it is nobody else's
        held.release()


def make_folder(folder: Path, option: str = "") -> None:
    """Make a folder and its parents if they do not exist.

    Args:
        folder: the folder.
        option: the option that names it, for the message.

    Raises:
        UserError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError for a name with a null character
        _refuse_folder(folder, error, option)


def check_writable(folder: str | os.PathLike[str], option: str = "") -> Path:
    """Make `folder` if needed and try writing to it, so that a run fails before the work.

    What a run that was killed left unfinished there is removed.

    Args:
        folder: the folder.
        option: the option that names it, `output_dir` for `--output_dir`, for the message.

    Raises:
        UserError: if it cannot be written to.
    """
    folder = Path(folder)
    make_folder(folder, option)
    sweep(folder)
    trial = part_of(folder / "trial")
    try:
        trial.write_bytes(b"trial")
    except OSError as error:
        _refuse_folder(folder, error, option)
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)
    return folder


def check_name_length(path: Path) -> None:
    """Check that a file's name is not longer than its folder's file system allows.

    Raises:
        UserError: if it is.
    """
    try:
        longest = os.pathconf(path.parent, "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # on Windows, or where the folder does not tell
        longest = MAX_NAME
    length = len(os.fsencode(path.name))
    if length > longest > 0:
        refuse(
            path, f"the name has {length} bytes, and {longest} are allowed there", "shorten the name it is made from"
        )


def is_plain_name(name: object) -> bool:
    """Return whether a value is what a file can be called in a folder, and no path to another."""
    if not isinstance(name, str) or name in ("", ".", "..") or any(sign in name for sign in "/\\\0"):
        return False
    try:
        return len(os.fsencode(name)) <= MAX_NAME
    except UnicodeEncodeError:  # half of a UTF-16 pair, as JSON may hold it
        return False


def check_regular(path: Path, remedy: str, missing: str = "no such file") -> int:
    """Check that a path is a regular file, or a link to one.

    A named pipe or a device must never be opened: reading it would wait for ever, or never end.

    Args:
        path: the path.
        remedy: what to do if it is none.
        missing: what to say if there is nothing of that name.

    Returns:
        Its length in bytes.

    Raises:
        UserError: for a file that is missing, a folder, a pipe, socket or device, or one that may not be looked at.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        refuse(path, missing, remedy, FileNotFoundError)
    except ValueError:  # a NUL, or a lone surrogate that stands for no byte
        refuse(ascii(str(path)), "no file can have such a name", remedy, FileNotFoundError)
    except OSError as error:
        refuse(path, f"cannot be opened ({error.strerror})", remedy, OSError)
    if stat.S_ISDIR(found.st_mode):
        refuse(path, "is a folder and not a file", remedy, OSError)
    if not stat.S_ISREG(found.st_mode):
        refuse(path, "is a pipe, socket or device and not a file", remedy, OSError)
    return found.st_size


def state_of(*paths: Path) -> tuple[int, int, int]:
    """Return what changes with files and folders: number, bytes and newest time of their files.

    Args:
        paths: files and folders that exist.
    """
    files = [path for path in paths if path.is_file()]
    files += [Path(place, name) for path in paths for place, _, names in os.walk(path) for name in names]
    states = [file.stat() for file in files]
    return len(states), sum(each.st_size for each in states), max((each.st_mtime_ns for each in states), default=0)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Force a file to disk, or a power cut could leave the new name without the content."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Make errors name the final file, not the temporary one."""
    try:
        yield
    except UserError:
        raise
    except (OSError, RuntimeError) as error:
        # on a full disk torch.save raises its own RuntimeError after the system's clearer OSError
        first = error.__context__ if isinstance(error.__context__, OSError) else error
        reason = getattr(first, "strerror", None) or str(first).partition("\n")[0]
        problem = f"cannot be written ({reason}), what was there before is kept"
        refuse(path, problem, "make room, or choose another folder", OSError)


def _refuse_folder(folder: Path, error: Exception, option: str) -> NoReturn:
    problem = f"cannot be written to ({getattr(error, 'strerror', None) or error})"
    refuse(folder, problem, f"choose another folder{option and f' by --{option}'}", OSError)
