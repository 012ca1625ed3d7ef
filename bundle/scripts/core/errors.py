"""One clear line for every failure, whatever MONAI, Ignite and the loader's workers wrapped around it."""

from __future__ import annotations

import builtins
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from types import TracebackType

from tqdm.auto import tqdm

HERE = Path(__file__).resolve().parents[1]
FROM_WORKER = "in DataLoader worker process"
ON_PURPOSE = (ValueError, OSError, MemoryError)  # what this package raises for what it refuses


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, the one it was raised from, and so on to the first."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _is_ours(file: str) -> bool:
    return HERE in Path(file).resolve().parents


def _raised_on_purpose(error: BaseException) -> bool:
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and isinstance(error, ON_PURPOSE) and _is_ours(frames[-1].filename)


def telling(error: BaseException) -> BaseException:
    """Return the exception of a chain that says most: the last raised on purpose here, or the first of all.

    What that was raised from is in a library's words; what was raised from it says that a transform failed.
    """
    return next(filter(_raised_on_purpose, _chain(error)), [*_chain(error)][-1])


def _from_worker(text: str) -> tuple[bool, str]:
    """Do what :func:`telling` does for a worker's chain, which arrives as text: raised on purpose or not, and what."""
    raised: list[tuple[bool, str]] = []
    ours = False
    for line in text.splitlines():
        if frame := re.match(r'\s+File "(.+)", line \d+', line):
            ours = _is_ours(frame[1])
        elif message := re.match(r"((?:\w+\.)*)((\w+): (.+))", line):
            # the only classes of this package are kinds of ValueError
            kind = ValueError if message[1].startswith("scripts.") else getattr(builtins, message[3], Exception)
            expected = issubclass(kind, ON_PURPOSE)
            raised.append((ours and expected, message[4 if expected else 2]))
    return next(filter(itemgetter(0), reversed(raised)), raised[0] if raised else (False, text))


def one_line(error: BaseException) -> str:
    """Return what an exception has to say as one line, whatever was raised around it."""
    told = telling(error)
    text = str(told)
    if FROM_WORKER in text:
        _, text = _from_worker(text)
    elif isinstance(told, OSError) and told.filename and told.strerror:
        text = f"{told.filename}: {told.strerror}"
    elif isinstance(told, KeyboardInterrupt):
        text = "stopped by the keyboard"
    elif not isinstance(told, ON_PURPOSE) or not text:
        text = f"{type(told).__name__}: {text}"
    return " ".join(text.split())


def is_refusal(error: BaseException) -> bool:
    """Tell whether this package raised the exception on purpose, so that its line says all there is to say."""
    told = telling(error)
    if FROM_WORKER in str(told):
        return _from_worker(str(told))[0]
    return isinstance(told, KeyboardInterrupt) or _raised_on_purpose(told)


def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception: its traceback if it was not raised on purpose, and always one line, last."""
    for bar in list(tqdm._instances):  # an open one would be drawn again after the last line
        bar.close()
    if not is_refusal(error):
        traceback.print_exception(kind, error, trace)
    sys.stdout.flush()
    print(f"error: {one_line(error)}", file=sys.stderr)


def install() -> None:
    """Let an uncaught exception of this process end in one line; its exit status stays 1."""
    sys.excepthook = report


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
