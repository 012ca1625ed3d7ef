"""Run cases in a process of their own, with bounds on memory and time, and find what they leave behind."""

import contextlib
import faulthandler
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

from .properties import Finding, Refused

MORE_MEMORY = 512 * 2**20  # bytes that a case may take
SECONDS = 30  # for a case that takes milliseconds, on a machine that is busy
CASES_A_PROCESS = 300


def contents(folder):
    """Return what is in a folder: the bytes of files, and what else there is."""
    return {str(path): path.read_bytes() if _is_plain(path) else "no file" for path in sorted(folder.rglob("*"))}


def _is_plain(path):
    return not path.is_symlink() and path.is_file()


def _no_files(folder, names):
    """Name what is not to be copied: pipes, which would be waited for."""
    paths = [Path(folder) / name for name in names]
    return [path.name for path in paths if not (path.is_symlink() or path.is_file() or path.is_dir())]


class Runner:
    """Runs the cases of one target.

    Args:
        name: of the target, part of the random seed.
        make: function of a random generator and a folder that returns a `Case`.
        seed: with the number of a case, all that decides it.
        keep: folder for the inputs of findings, or None.
        seconds: after which a case is said never to end.
    """

    def __init__(self, name, make, seed, keep=None, seconds=SECONDS):
        self.name, self.make, self.seed, self.keep, self.seconds = name, make, seed, keep, seconds
        self.counts = {"refused": 0, "correct": 0, "finding": 0}
        self.findings = []
        with tempfile.TemporaryDirectory() as folder:  # here, so that each process finds the good files made
            make(random.Random(0), Path(folder))

    def run(self, numbers):
        """Run the cases with these numbers."""
        waiting = list(numbers)
        while waiting:
            with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
                waiting = self._some(Path(folder), waiting)

    def _some(self, folder, waiting):
        """Fork a process that runs some cases; return those that are left when it has ended."""
        some, rest = waiting[:CASES_A_PROCESS], waiting[CASES_A_PROCESS:]
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        if (child := os.fork()) == 0:
            status = 1
            try:
                os.close(read)
                self._child(folder, some, write)
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        with os.fdopen(read) as lines:
            for line in lines:
                self._count(folder, some.pop(0), json.loads(line))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if some and status:  # it died in the first of them
            how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            trace = (folder / "trace").read_text() if (folder / "trace").exists() else ""
            frames = [line.strip() for line in trace.splitlines() if line.strip().startswith("File")]
            kind = "it never ends" if "Timeout" in trace else f"the process died ({how})"
            ours = [frame for frame in frames if "/scripts/" in frame]
            where = " < ".join(_short(frame) for frame in dict.fromkeys([*frames[:1], *ours[:1]]))
            if not (folder / "told").exists():
                raise RuntimeError(f"{self.name}, case {some[0]} of seed {self.seed} could not be made: {trace}")
            told = (folder / "told").read_text()
            verdict = {"verdict": "finding", "kind": kind, "text": "", "where": where, "told": told}
            self._count(folder, some.pop(0), verdict)
        return some + rest

    def _count(self, folder, number, verdict):
        self.counts[verdict["verdict"]] += 1
        if verdict["verdict"] == "finding":
            finding = {"target": self.name, "seed": self.seed, "number": number, **verdict}
            if self.keep is not None and (folder / "in").exists():
                kept = self.keep / f"{self.name}-{self.seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(folder / "in", kept, symlinks=True, ignore=_no_files)
                (kept / "finding.json").write_text(json.dumps(finding, indent=2))
            self.findings.append(finding)

    def _child(self, folder, numbers, write):
        os.setpgid(0, 0)
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder / "tmp")
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "torch")  # made by torch whenever an optimiser steps
        quiet = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(quiet, stream)
        trace = (folder / "trace").open("w", buffering=1)
        faulthandler.enable(trace)
        taken = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
        limit = int(taken.split()[1]) * 1024 + MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MORE_MEMORY, MORE_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with os.fdopen(write, "w") as out, _traced(trace):
            for number in numbers:
                verdict = self._case(folder, number, trace)
                print(json.dumps(verdict), file=out, flush=True)
                if verdict["verdict"] == "finding":
                    return  # the parent keeps what is in the folder, and starts another process

    def _case(self, folder, number, trace):
        rng = random.Random(f"{self.seed}/{self.name}/{number}")
        for name in ("in", "out", "tmp", "here"):
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
        os.chdir(folder / "here")
        (folder / "told").unlink(missing_ok=True)
        case = self.make(rng, folder / "in")
        (folder / "told").write_text(case.told, errors="backslashreplace")
        before = contents(folder / "in")
        faulthandler.dump_traceback_later(self.seconds, exit=True, file=trace)
        verdict = "correct"
        try:
            try:
                case.check()
            except Refused:
                verdict = "refused"
            self._check_left(folder, before, case)
        except Finding as error:
            found = {"kind": error.kind, "text": str(error), "where": error.where, "told": case.told}
            return {"verdict": "finding", **found}
        finally:
            faulthandler.cancel_dump_traceback_later()
        return {"verdict": verdict}

    def _check_left(self, folder, before, case):
        now = contents(folder / "in")
        changed = {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}
        changed |= {path for name in ("out", "tmp", "here") for path in contents(folder / name)}
        if changed := sorted(path for path in changed if not path.startswith(tuple(map(str, case.may_change)))):
            raise Finding("files left or changed", ", ".join(os.path.relpath(path, folder) for path in changed)[:300])


@contextlib.contextmanager
def _traced(file):
    try:
        yield
    except BaseException:
        traceback.print_exc(file=file)
        raise


def _short(frame):
    """Return `file.py:12 name` for a line of faulthandler's."""
    with contextlib.suppress(IndexError):
        _, path, rest = frame.split('"')
        return f"{Path(path).name}:{rest.split()[2]} {rest.split()[-1]}"
    return frame
