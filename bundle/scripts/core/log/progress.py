"""How far a run is: a bar on a terminal, and elsewhere one line a minute, or as asked for.

>>> with Progress("segmenting", total=40) as progress:
...     progress.begin("volume 1 of 2, a", planned=20)
...     for window in windows:
...         advance(1)  # from wherever the work is done
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from types import TracebackType
from typing import TextIO

from tqdm.auto import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from ..terminal import printable
from .words import about

logger = logging.getLogger(__name__)

LINE_EVERY = 60.0  # seconds
SECONDS = "TUBENET_PROGRESS_SECONDS"  # variable of the environment: how often a program that shows the lines wants one
WARM_UP = 2  # steps: code is loaded in the first, and after it MONAI adds up the weights of all windows
FIRST, FIRST_STEPS = 4.0, 3  # seconds and steps after these, when the rate is known well enough to be told
WORTH_TELLING = 20.0  # seconds
BAR = "{desc} |{bar:24}| {percentage:3.0f} %{postfix}"

_running: ContextVar[Progress | None] = ContextVar("running", default=None)


class Progress:
    """The progress of a run that has several parts, such as the volumes of a folder.

    Inside its `with` block, `expect` and `advance` reach it from anywhere in the same thread. It shows nothing where
    this module's logger is set above INFO. The time left is that of all parts; the first steps, which are slow,
    do not count for the rate.

    Args:
        task: what runs, such as `segmenting`.
        total: how much work there is, in any unit.
        stream: where the bar goes, by default stderr.
        clock: returns the time in seconds.

    Attributes:
        left: what is said of the time that is left, with a place for it.
    """

    def __init__(
        self, task: str, total: float, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.task, self.total, self.clock = task, max(float(total), 1e-9), clock
        self.stream = stream
        self.done = self.part_start = self.planned = self.expected = 0.0
        self.part, self.left = "", "{} left"
        self.steps = 0
        self.first: tuple[float, float] | None = None  # time, and work done, after the first steps
        self.told_estimate = False
        self.every = LINE_EVERY
        with suppress(ValueError):
            self.every = max(0.0, float(os.environ.get(SECONDS, LINE_EVERY)))
        self.bar: tqdm | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Progress:
        """Begin, with a bar on a terminal."""
        self.last_line = self.clock()
        stream = self.stream or sys.stderr
        if logger.isEnabledFor(logging.INFO) and stream.isatty():
            bar = tqdm(total=self.total, desc=self.task, bar_format=BAR, file=stream, leave=False, dynamic_ncols=True)
            self.bar = self._stack.enter_context(bar)
            self._stack.enter_context(logging_redirect_tqdm(tqdm_class=tqdm))  # log lines go above the bar
        token = _running.set(self)
        self._stack.callback(_running.reset, token)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and take the bar away."""
        self._stack.close()

    def begin(self, part: str, planned: float = 0.0) -> None:
        """Begin a part.

        Args:
            part: its name, such as `volume 3 of 7, NAME`.
            planned: its share of the total; what the part before left undone counts as done.
        """
        self._to(self.part_start + max(self.planned, self.expected))
        self.part, self.part_start, self.planned, self.expected = printable(part), self.done, planned, 0.0
        if self.bar is not None:
            self.bar.set_description_str(self.part)

    def expect(self, amount: float) -> None:
        """Announce work of this part; what goes beyond its share adds to the total."""
        before = max(self.planned, self.expected)
        self.expected += amount
        self.total += max(self.planned, self.expected) - before
        if self.bar is not None:
            self.bar.total = self.total

    def advance(self, amount: float = 1.0) -> None:
        """Count work as done, and show it."""
        self._to(self.done + amount)
        now = self.clock()
        self.steps += 1
        if self.steps == WARM_UP:
            self.first = now, self.done
        left = self.seconds_left()
        if left is None:
            return
        words = self.left.format(about(left))
        if self.bar is not None:
            self.bar.set_postfix_str(words, refresh=False)
        if not self.told_estimate and self._is_known(now):
            self.told_estimate = True
            if left >= WORTH_TELLING:
                logger.info("%s: %s", self.task, words)
                self.last_line = now
        elif self.bar is None and now - self.last_line >= self.every:
            logger.info("%s: %.0f %% done, %s", self.part or self.task, 100 * self.done / self.total, words)
            self.last_line = now

    def _is_known(self, now: float) -> bool:
        """Tell whether the rate rests on enough steps to be told."""
        return self.first is not None and now - self.first[0] >= FIRST and self.steps >= WARM_UP + FIRST_STEPS

    def seconds_left(self) -> float | None:
        """Return how long the rest will take at the rate so far; None until it can be told."""
        if self.first is None or self.done <= self.first[1]:
            return None
        rate = (self.clock() - self.first[0]) / (self.done - self.first[1])
        return rate * max(0.0, self.total - self.done)

    def _to(self, done: float) -> None:
        done = min(done, self.total)
        if self.bar is not None:
            self.bar.update(done - self.done)
        self.done = done


def expect(amount: float) -> None:
    """Announce work to the progress that runs in this thread, if any does."""
    if (progress := _running.get()) is not None:
        progress.expect(amount)


def advance(amount: float = 1.0) -> None:
    """Count work as done in the progress that runs in this thread, if any does."""
    if (progress := _running.get()) is not None:
        progress.advance(amount)
