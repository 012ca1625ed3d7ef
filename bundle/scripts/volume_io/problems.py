"""Failures told in one line: `PATH: what is wrong; what to do`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class VolumeError(ValueError):
    """A file that cannot be read or written as it is. Its message is one line: file, what is wrong, what to do.

    It takes one string and nothing else, so that a DataLoader worker can hand it to the parent process.
    """


def first_line(error: BaseException) -> str:
    """The first line of a library's message (its class name where it has none), without a closing full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def refusal(path: str | Path, wrong: str, cure: str) -> VolumeError:
    """The error to raise about `path`."""
    return VolumeError(" ".join(f"{path}: {wrong}; {cure}".split()))


@contextmanager
def told_in_one_line(path: str | Path, wrong: str, cure: str) -> Iterator[None]:
    """Turn whatever a library raises inside the block into a `VolumeError` about `path`.

    Raises:
        VolumeError: for any other exception. OSErrors about the file itself and MemoryErrors keep their class,
            so that a missing file or a full disk can be told apart from a damaged file.
    """
    try:
        yield
    except (VolumeError, FileNotFoundError):
        raise
    except MemoryError as error:
        cure = "if that is its true size, cut it into blocks; else export it again"
        raise MemoryError(f"{path}: it does not fit into memory ({first_line(error)}); {cure}") from error
    except OSError as error:
        if error.errno is None:  # raised by a decoder (gzip, for one), not by the operating system
            raise refusal(path, f"{wrong} ({first_line(error)})", cure) from error
        raise type(error)(f"{path}: {wrong} ({error.strerror}); {cure}") from error
    except Exception as error:
        raise refusal(path, f"{wrong} ({first_line(error)})", cure) from error
