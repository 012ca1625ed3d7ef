"""What users are told when something cannot be done: one line that names the thing, the problem and the remedy.

`refuse` raises that line as a `UserError`. Whatever MONAI, Ignite or a loader's worker wraps around it, it is the last
line on stderr; an exception that nobody raised by `refuse` keeps its traceback above it.

    >>> refuse("a.tif", "no such file", "check --dataset_dir", FileNotFoundError)
    Traceback (most recent call last):
    scripts.core.errors.UserFileNotFoundError: a.tif: no such file; check --dataset_dir
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn

from tqdm.auto import tqdm

FROM_WORKER = "in DataLoader worker process"


class UserError(ValueError):
    """Something that a user gave cannot be used; the message is one line.

    It takes one string and nothing else, so that a loader's worker can hand it to the main process.
    """


class UserFileNotFoundError(UserError, FileNotFoundError):
    """A file or folder that is not there."""


class UserFileExistsError(UserError, FileExistsError):
    """A file or folder that is in the way."""


class UserOSError(UserError, OSError):
    """What the disk, the network or another process failed; the same may succeed later."""


class UserMemoryError(UserError, MemoryError):
    """What does not fit into memory."""


_CLASSES: dict[type[Exception], type[UserError]] = {
    ValueError: UserError,
    FileNotFoundError: UserFileNotFoundError,
    FileExistsError: UserFileExistsError,
    OSError: UserOSError,
    MemoryError: UserMemoryError,
}


def refuse(subject: object, problem: str, remedy: str, kind: type[Exception] = ValueError) -> NoReturn:
    """Raise a `UserError` that says `SUBJECT: PROBLEM; REMEDY` in one line.

    Args:
        subject: the file, option or value that cannot be used.
        problem: what is wrong with it.
        remedy: what to do about it.
        kind: the built-in exception that it also is: `ValueError`, `FileNotFoundError`, `FileExistsError`, `OSError` or
            `MemoryError`.
    """
    raise _CLASSES[kind](_as_line(f"{subject}: {problem}; {remedy}"))


@contextmanager
def refuse_failures(subject: object, problem: str, remedy: str) -> Iterator[None]:
    """Refuse whatever a library raises inside the block, its own message in parentheses after `problem`.

    What was refused inside stays as it is. A missing file, a failing disk and a lack of memory keep their kinds, so
    that they can be told apart from a damaged file.
    """
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        refuse(subject, f"{problem} ({error.strerror or _first_line(error)})", remedy, FileNotFoundError)
    except MemoryError as error:
        problem = f"it does not fit into memory ({_first_line(error)})"
        refuse(subject, problem, "if that is its true size, cut it into blocks; else export it again", MemoryError)
    except OSError as error:
        by_the_system = error.errno is not None  # else a decoder raised it (gzip, for one)
        words = error.strerror if by_the_system else _first_line(error)
        refuse(subject, f"{problem} ({words})", remedy, OSError if by_the_system else ValueError)
    except Exception as error:
        refuse(subject, f"{problem} ({_first_line(error)})", remedy)


def most_telling(error: BaseException) -> BaseException:
    """Return the exception of a chain that says most: the last that is a `UserError`, or else the first of all.

    What a `UserError` was raised from is in a library's words; what was raised from it says that a transform failed.
    """
    chain = [*_chain(error)]
    return next((each for each in chain if isinstance(each, UserError)), chain[-1])


def one_line(error: BaseException) -> str:
    """Return what an exception has to say as one line, whatever was raised around it."""
    told = most_telling(error)
    if FROM_WORKER in str(told):
        return _as_line(_from_worker(str(told))[1])
    if isinstance(told, OSError) and told.filename and told.strerror:
        return _as_line(f"{told.filename}: {told.strerror}")
    if isinstance(told, KeyboardInterrupt):
        return "stopped by the keyboard"
    plain = isinstance(told, ValueError | OSError | MemoryError) and str(told)
    return _as_line(str(told) if plain else f"{type(told).__name__}: {told}")


def is_refusal(error: BaseException) -> bool:
    """Tell whether an exception is a `UserError` or the user's own Ctrl-C, so that its line says all."""
    told = most_telling(error)
    if FROM_WORKER in str(told):
        return _from_worker(str(told))[0]
    return isinstance(told, UserError | KeyboardInterrupt)


def report_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception: its traceback if it is no refusal, and always one line, last."""
    for bar in list(tqdm._instances):  # an open one would be drawn again after the last line
        bar.close()
    if not is_refusal(error):
        traceback.print_exception(kind, error, trace)
    sys.stdout.flush()
    print(f"error: {one_line(error)}", file=sys.stderr)


def install_excepthook() -> None:
    """Let an uncaught exception of this process end in one line; its exit status stays 1."""
    sys.excepthook = report_exception


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, the one it was raised from, and so on to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _from_worker(text: str) -> tuple[bool, str]:
    """Do what `most_telling` does for a worker's chain, which arrives as text: whether it was refused, and what."""
    raised = [*re.finditer(r"^((?:\w+\.)*)(\w+): (.+)$", text, re.MULTILINE)]
    refused = [each[3] for each in raised if f"{each[1]}" == f"{__name__}."]
    if refused:
        return True, refused[-1]
    if not raised:
        return False, text
    name, message = raised[0][2], raised[0][3]
    return False, message if name in ("ValueError", "MemoryError") or name.endswith("OSError") else f"{name}: {message}"


def _first_line(error: BaseException) -> str:
    """The first line of a library's message (its class name where it has none), without a closing full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _as_line(text: str) -> str:
    return " ".join(text.split())
