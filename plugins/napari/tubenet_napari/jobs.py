"""Jobs: commands of the bundle that run in another process, one after the other, while the viewer stays free.

>>> job = Job("Segmenting", [Step("segment", lambda: bundle_command("segment", "stack.tif", "out"))], done=show)
>>> runner.start(job)  # returns at once; `done` is called in the viewer when all steps have ended well
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from scripts.core import refuse

PROCESS = Path(__file__).parent / "process"
PYTHON = "TUBENET_PYTHON"  # variable of the environment: the interpreter that has the bundle
PATIENCE = 8000  # milliseconds, a little more than what the worker itself waits before it kills
PERCENT = re.compile(r"(?P<what>[^:]*): (?P<percent>\d+) % done, (?P<left>.*)$")
EPOCH = re.compile(r"epoch (?P<epoch>\d+) of (?P<epochs>\d+): ")
PID = re.compile(r"process (\d+)$")
STAMP = re.compile(r"^\d\d:\d\d:\d\d (?P<level>INFO|WARNING|ERROR|DEBUG) ")
NUMBER = re.compile(r"(?<![\w.-])\d[\d.,]*")  # alone, not in a name
DONE, CANCELLED, FAILED = "done", "cancelled", "failed"


def bundle_command(*words: object) -> list[str]:
    """Return what runs `tubenet WORDS`."""
    return [interpreter(), "-m", "tubenet", *map(str, words)]


def cut_command(*words: object) -> list[str]:
    """Return what cuts a box out of a volume (`process/cut.py`)."""
    return [interpreter(), str(PROCESS / "cut.py"), *map(str, words)]


def interpreter() -> str:
    """Return the Python that has the bundle: the one that runs the viewer, or what TUBENET_PYTHON names."""
    return os.environ.get(PYTHON) or sys.executable


@dataclass
class Step:
    """One command of a job.

    Attributes:
        what: it does, for the person who waits.
        command: returns its words, when it is its turn.
        share: of the job's time, in any unit.
    """

    what: str
    command: Callable[[], Sequence[str]]
    share: float = 1.0


@dataclass
class Job:
    """Commands that run one after the other.

    Attributes:
        title: for the person who waits.
        steps: the commands.
        done: is called in the viewer when the last of them has ended well.
        told: is called with each line that they print.
        failed: is called when it was cancelled or has failed.
    """

    title: str
    steps: Sequence[Step]
    done: Callable[[], None]
    told: Callable[[str], None] | None = None
    failed: Callable[[], None] | None = None


class Runner(QObject):
    """Runs one job at a time, each command of it in a process of its own.

    Signals:
        started: with the job's title.
        progressed: percent that are done, -1 if nobody knows, and words.
        said: a line that a command printed, or the command itself.
        warned: the title and a warning of a command, each line once; of those in a job that differ in numbers alone,
            the first.
        ended: the title, one of `DONE`, `CANCELLED` and `FAILED`, and what went wrong.
    """

    started = Signal(str)
    progressed = Signal(int, str)
    said = Signal(str)
    warned = Signal(str, str)
    ended = Signal(str, str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job: Job | None = None
        self.pid: int | None = None  # of the command, not of the worker around it
        self._process: QProcess | None = None
        self._at = 0
        self._cancelled = False
        self._last_error = ""
        self._waiting = ""
        self._kinds: set[str] = set()  # of warnings of this job
        self._warnings: set[str] = set()

    @property
    def is_busy(self) -> bool:
        """Whether a job runs."""
        return self.job is not None

    def start(self, job: Job) -> None:
        """Start a job, and return at once.

        Raises:
            UserError: if another one runs.
        """
        if self.job is not None:
            refuse(job.title, f"another job runs ({self.job.title.lower()})", "wait until it has ended, or cancel it")
        self.job, self._at, self._cancelled, self._kinds = job, 0, False, set()
        self.started.emit(job.title)
        self._begin()

    def cancel(self) -> None:
        """Ask the job to end; what it has started is killed if it does not within seconds."""
        if self._process is None:
            return
        self._cancelled = True
        self.progressed.emit(-1, "ending …")
        process = self._process
        process.closeWriteChannel()  # by which the worker knows
        QTimer.singleShot(PATIENCE, lambda: process.kill() if process is self._process else None)

    def close(self) -> None:
        """End the job now, because the viewer closes."""
        process = self._process
        if process is None:
            return
        self._cancelled = True
        process.blockSignals(True)
        process.closeWriteChannel()
        if not process.waitForFinished(PATIENCE):
            process.kill()
            process.waitForFinished(1000)
        self._kill_command()
        self.job = self._process = self.pid = None

    def _begin(self) -> None:
        step = self.job.steps[self._at]
        try:
            words = list(step.command())
        except Exception as error:
            self._end(FAILED, str(error))
            return
        self.said.emit("$ " + shlex.join(words))
        self.progressed.emit(self._percent(0), f"{step.what} …")
        self._last_error, self._waiting, self.pid = "", "", None
        process = self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        environment.insert("TUBENET_PROGRESS_SECONDS", "0.5")
        environment.remove("QT_API")
        process.setProcessEnvironment(environment)
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.readyReadStandardOutput.connect(self._read)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._not_started)
        process.start(sys.executable, [str(PROCESS / "worker.py"), *words])

    def _read(self) -> None:
        text = self._waiting + bytes(self._process.readAllStandardOutput()).decode(errors="replace")
        *lines, self._waiting = text.split("\n")
        for line in lines:
            self._take(line.rstrip("\r"))

    def _take(self, line: str) -> None:
        if self.pid is None and (match := PID.match(line)):
            self.pid = int(match[1])
            return
        stamp, bare = STAMP.match(line), STAMP.sub("", line).strip()
        step = self.job.steps[self._at]
        if match := PERCENT.search(bare):
            self.progressed.emit(self._percent(int(match["percent"])), f"{step.what}: {match['left']}")
            return  # twice a second, which is nothing for the log
        if match := EPOCH.match(bare):
            done = 100 * int(match["epoch"]) // int(match["epochs"])
            self.progressed.emit(self._percent(done), f"{step.what}: epoch {match['epoch']} of {match['epochs']}")
        if bare:
            self._last_error = bare
            self.said.emit(line)
            if stamp and stamp["level"] == "WARNING":
                self._warn(bare)
            if self.job.told is not None:
                self.job.told(bare)

    def _warn(self, line: str) -> None:
        kind = NUMBER.sub("0", line)
        if kind not in self._kinds and line not in self._warnings:
            self.warned.emit(self.job.title, line)
        self._kinds.add(kind)
        self._warnings.add(line)

    def _percent(self, of_step: int) -> int:
        """Return how far the job is; -1 while its first step has not told anything."""
        shares = [step.share for step in self.job.steps]
        done = sum(shares[: self._at]) * 100 + shares[self._at] * of_step
        return int(done / sum(shares)) or -1

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._end(FAILED, f"{sys.executable}: cannot be started; check that Python is still there")

    def _finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        if self._waiting:
            self._take(self._waiting)
        crashed = status != QProcess.ExitStatus.NormalExit
        if crashed:
            self._kill_command()
        if self._cancelled:
            self._end(CANCELLED)
        elif crashed or code:
            self._end(FAILED, self._why(crashed, code))
        elif self._at + 1 < len(self.job.steps):
            self._at += 1
            self._process.deleteLater()
            self._begin()
        else:
            self._end(DONE)

    def _why(self, crashed: bool, code: int) -> str:
        """Return one line: what the command said last, or how it ended."""
        if crashed:
            return "error: the process that ran it was ended from outside" + (
                f"; its last line was: {self._last_error}" if self._last_error else ""
            )
        return self._last_error or f"error: it ended with status {code} and without a word"

    def _kill_command(self) -> None:
        """Kill what the worker has started, for when it cannot do that itself any more."""
        if self.pid is not None and os.name == "posix":
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def _end(self, outcome: str, problem: str = "") -> None:
        job, process = self.job, self._process
        self.job = self._process = self.pid = None
        if process is not None:
            process.deleteLater()
        if outcome != DONE and job.failed is not None:
            job.failed()
        self.ended.emit(job.title, outcome, problem)
        if outcome == DONE:
            try:
                job.done()  # it may start the next job
            except Exception as error:  # a result that is not what it should be, or a layer that is gone
                self.ended.emit(job.title, FAILED, str(error))
