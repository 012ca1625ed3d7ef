"""What users are told when something fails: one line, with problem and remedy.

`refuse` raises that line as a `UserError`. It is the last line on stderr, whatever MONAI, Ignite or a DataLoader worker
wraps around it. Any other exception also ends in one line, with its traceback above.

    >>> refuse("a.tif", "no such file", "check --dataset_dir", FileNotFoundError)
    Traceback (most recent call last):
    scripts.core.errors.UserFileNotFoundError: a.tif: no such file; check --dataset_dir
"""

from __future__ import annotations

import atexit
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn, TypeVar

from tqdm.auto import tqdm

from .terminal import make_logs_printable, printable

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

FROM_WORKER = "in DataLoader worker process"
MAX_PART = 2000
"""Characters of each part of a refusal: a value that somebody mistyped, or a sidecar, may have millions."""


class UserError(ValueError):
    """Something that a user gave cannot be used; the message is one line.

    It takes a single string, so that a DataLoader worker can pass it to the main process.
    """

    def __reduce__(self) -> tuple[type[UserError], tuple[object, ...]]:
        """Pickle the class and the string.

        Left to itself, tblib, by which Dask pickles exceptions, fails on those that are two kinds at once.
        """
        return type(self), self.args


class UserFileNotFoundError(UserError, FileNotFoundError):
    """A file or folder does not exist."""


class UserFileExistsError(UserError, FileExistsError):
    """A file or folder is in the way."""


class UserOSError(UserError, OSError):
    """The disk, the network or another process failed; trying again later may work."""


class UserConnectionError(UserOSError, ConnectionError):
    """Another server cannot be reached, or fails."""


class UserMemoryError(UserError, MemoryError):
    """Something does not fit into memory."""


class EmptyVolumeError(UserError):
    """Every voxel of a volume is the same; in a folder, such a tile has an empty segmentation."""


_CLASSES: dict[type[Exception], type[UserError]] = {
    ValueError: UserError,
    FileNotFoundError: UserFileNotFoundError,
    FileExistsError: UserFileExistsError,
    OSError: UserOSError,
    ConnectionError: UserConnectionError,
    MemoryError: UserMemoryError,
    EmptyVolumeError: EmptyVolumeError,
}


def refuse(subject: object, problem: str, remedy: str, kind: type[Exception] = ValueError) -> NoReturn:
    """Raise a `UserError` that says `SUBJECT: PROBLEM; REMEDY` in one line.

    Args:
        subject: the file, option or value that cannot be used.
        problem: what is wrong with it.
        remedy: what to do about it.
        kind: the exception to raise it as: `ValueError`, `FileNotFoundError`, `FileExistsError`, `OSError`,
            `ConnectionError`, `MemoryError` or `EmptyVolumeError`.
    """
    raise _CLASSES[kind](_as_line("{}: {}; {}".format(*map(_shortened, (subject, problem, remedy)))))


@contextmanager
def refuse_failures(subject: object, problem: str, remedy: str) -> Iterator[None]:
    """Turn any exception raised inside the block into a refusal, its message in parentheses.

    A `UserError` raised inside stays as it is. A missing file, a failing disk and a lack of memory keep their kinds, so
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
        by_the_system = error.errno is not None  # else a decoder such as gzip raised it
        words = error.strerror if by_the_system else _first_line(error)
        refuse(subject, f"{problem} ({words})", remedy, OSError if by_the_system else ValueError)
    except Exception as error:
        refuse(subject, f"{problem} ({_first_line(error)})", remedy)


def check_all(check: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call a function on each item, and refuse all that it refuses, not only the first.

    Returns:
        What the function returns for each.

    Raises:
        UserError: the first refusal; if there are several, it says so and the log has all of them.
    """
    results: list[Result] = []
    refused: list[UserError] = []
    for item in items:
        try:
            results.append(check(item))
        except UserError as error:
            refused.append(error)
    if len(refused) > 1:
        for each in refused:
            logger.error("%s", each)
        more = len(refused) - 1
        told = f"{refused[0]} (and {more} more file{'s' * (more > 1)}, listed above)"
        raise type(refused[0])(told) from refused[0]
    if refused:
        raise refused[0]
    return results


def most_telling(error: BaseException) -> BaseException:
    """Return the most helpful exception of a chain: the last `UserError`, or else the original.

    What caused a `UserError` is in a library's words; what it caused only says that a transform failed.
    """
    chain = [*_chain(error)]
    return next((each for each in chain if _is_user_error(each)), chain[-1])


def _is_user_error(error: BaseException) -> bool:
    # by name, because MONAI Label loads this bundle's modules anew, and then has two classes of each name
    return any(kind.__name__ == UserError.__name__ for kind in type(error).__mro__)


def one_line(error: BaseException) -> str:
    """Return an exception's message as one line, whatever was raised around it."""
    told = most_telling(error)
    if FROM_WORKER in str(told):
        return _as_line(_from_worker(str(told))[1])
    if isinstance(told, OSError) and told.filename and told.strerror:
        return _as_line(f"{told.filename}: {told.strerror}")
    if isinstance(told, KeyboardInterrupt):
        return _as_line(f"stopped by the keyboard {told}")
    if _is_lack_of_memory(told):
        return _as_line(f"not enough memory ({_first_line(told)}); give a smaller --patch_size or --batch_size")
    plain = isinstance(told, ValueError | OSError | MemoryError) and str(told)
    return _as_line(str(told) if plain else f"{type(told).__name__}: {told}")


def is_refusal(error: BaseException) -> bool:
    """Return whether an exception needs no traceback: a `UserError`, Ctrl-C or a lack of memory."""
    told = most_telling(error)
    if FROM_WORKER in str(told):
        return _from_worker(str(told))[0]
    return isinstance(told, KeyboardInterrupt) or _is_user_error(told) or _is_lack_of_memory(told)


def _is_lack_of_memory(error: BaseException) -> bool:
    """Tell whether memory ran out, which PyTorch tells by errors of its own."""
    torch = sys.modules.get("torch")  # not imported here: it takes two seconds, which a mistyped option should not
    kinds = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    known = isinstance(error, kinds) and not _is_user_error(error)
    return known or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def failure_of(path: str, error: BaseException) -> str:
    """Return the line that says why one file of several failed; log what nobody foresaw in full."""
    if not is_refusal(error):
        logger.error("%s", "".join(traceback.format_exception(error)))
    line = one_line(error)
    return line if path in line else f"{path}: {line}"


def list_failures(failures: Iterable[str]) -> None:
    """Log the files that failed at the end of a run, a line each."""
    for line in failures:
        logger.error("failed: %s", line)


def refuse_failed(failures: Sequence[str], total: int, task: str, remedy: str, what: str = "volumes") -> NoReturn:
    """Log the files that failed at the end of a run, and refuse them.

    Args:
        failures: the line of each.
        total: how many volumes there were.
        task: what could not be done with them, such as `segmented`.
        remedy: what to do, and what became of the others.
        what: there were so many of.

    Raises:
        UserError: with the line of the file itself if it is the only one.
    """
    list_failures(failures)
    if len(failures) == 1:
        raise UserError(f"{failures[0]} (this 1 of {total} {what} could not be {task}; {remedy})")
    refuse(f"{len(failures)} of {total} {what}", f"could not be {task}, each is named above", remedy)


def report_exception(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception: a traceback unless it is a refusal, then its message as the last line."""
    for bar in list(tqdm._instances):  # an open bar would be redrawn after the last line
        bar.close()
    if not is_refusal(error):
        sys.stderr.write(printable("".join(traceback.format_exception(kind, error, trace))))
    sys.stdout.flush()
    print(f"error: {one_line(error)}", file=sys.stderr)
    # what evaluates text at the end of a process makes Python forget that Ctrl-C ended it, and exit with 1; this does,
    # where the package tabulate is installed, and what it writes is for PyTorch's developers
    if (told := getattr(sys.modules.get("torch._dynamo.utils"), "dump_compile_times", None)) is not None:
        atexit.unregister(told)


def install_excepthook() -> None:
    """Make uncaught exceptions in this process end in one line; the exit status stays 1.

    Neither that line nor the log sends a terminal the control characters of a file name.
    """
    sys.excepthook = report_exception
    make_logs_printable()


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, the one it was raised from, and so on to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _from_worker(text: str) -> tuple[bool, str]:
    """Find out whether a worker's chain, which arrives as text, was a refusal, and its message."""
    raised = [*re.finditer(r"^((?:\w+\.)*)(\w+): (.+)$", text, re.MULTILINE)]
    refused = [each[3] for each in raised if each[1] == f"{__name__}."]
    if refused:
        return True, refused[-1]
    if not raised:
        return False, text
    name, message = raised[0][2], raised[0][3]
    return False, message if name in ("ValueError", "MemoryError") or name.endswith("OSError") else f"{name}: {message}"


def _first_line(error: BaseException) -> str:
    """Return the first line of an exception's message without a full stop, or its class name."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _shortened(part: object) -> str:
    """Return a part of a refusal; of a very long one its beginning and its end."""
    text = str(part)
    half = MAX_PART // 2
    return text if len(text) <= MAX_PART else f"{text[:half]} ... {text[-half:]}"


def _as_line(text: str) -> str:
    # spaces inside a line stay, because a file name may have several in a row
    return printable(" ".join(line.strip() for line in text.splitlines()).strip())
