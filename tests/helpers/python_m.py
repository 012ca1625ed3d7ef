"""`python -m MODULE WORDS` as one types it, and the same without paying for PyTorch's imports every time.

Those take seconds, so a `PythonM` keeps one process that has done them and forks it for each command. Arguments,
environment, working directory, output, uncaught exceptions and exit status are as in a process of its own, and none of
the project's modules is imported beforehand. `plain=True` starts a process of its own.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
MOST_SECONDS = 300
ALWAYS_PLAIN = not hasattr(os, "fork")
PRELOADED = [
    *("fire", "ignite.handlers", "imagecodecs", "jsonschema", "matplotlib.backends.backend_agg", "monai.bundle"),
    *("multiprocessing.dummy", "nibabel", "scipy.ndimage", "skimage.measure", "tifffile", "torch.utils.tensorboard"),
    *("torch._dynamo", "torch.profiler"),  # an optimiser's first step imports these, a second's worth
]


@dataclass
class Finished:
    """A command that has ended."""

    status: int
    stdout: str
    stderr: str

    def ok(self):
        assert self.status == 0, self.stderr
        return self

    def refused(self, *words):
        """Assert that it failed in one last line, which says these words, and showed no traceback."""
        lines = self.stderr.strip().splitlines()
        assert self.status == 1, self.stderr
        assert [line for line in lines if line.startswith("error: ")] == lines[-1:], self.stderr
        assert "Traceback" not in self.stderr
        for word in words:
            assert str(word) in lines[-1], lines[-1]


def of_tests():
    """The environment of a command: one thread, no reports to makers, and the bundle finds its scripts by itself."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
    environment.pop("PYTHONPATH", None)
    return environment


class PythonM:
    """Run `python -m MODULE WORDS`."""

    def __init__(self):
        self.server = None

    def __call__(
        self, module, *words, cwd=BUNDLE, environment=None, most_bytes=None, terminal=None, plain=ALWAYS_PLAIN
    ):
        """Return what has come of a command.

        Args:
            module: such as `scripts` or `monai.bundle`.
            words: the rest of the command line.
            cwd: the folder that it runs in.
            environment: variables that it has besides those of tests.
            most_bytes: that a file may have, as on a full disk; the process is always forked then.
            terminal: path of one that takes stderr, which the caller reads; the process is always forked then.
            plain: start a process of its own.
        """
        return self._run(["-m", module, *map(str, words)], cwd, environment or {}, most_bytes, terminal, plain)

    def code(self, text, *words, cwd=BUNDLE, environment=None, plain=ALWAYS_PLAIN):
        """Return what has come of `python -c TEXT WORDS`."""
        return self._run(["-c", text, *map(str, words)], cwd, environment or {}, None, None, plain)

    def _run(self, words, cwd, environment, most_bytes, terminal, plain):
        if plain and most_bytes is None and terminal is None:
            command = [sys.executable, *words]
            how = {"cwd": cwd, "env": of_tests() | environment, "timeout": MOST_SECONDS}
            done = subprocess.run(command, **how, capture_output=True, text=True, check=False)
            return Finished(done.returncode, done.stdout, done.stderr)
        if self.server is None:
            command, pipe = [sys.executable, __file__], subprocess.PIPE
            self.server = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=of_tests(), text=True)
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "stdout", Path(terminal or Path(folder) / "stderr")
            job = {"words": words, "cwd": str(cwd), "stdout": str(out), "stderr": str(err)}
            job |= {"environment": environment, "most_bytes": most_bytes}
            print(json.dumps(job), file=self.server.stdin, flush=True)
            return Finished(int(self.server.stdout.readline()), out.read_text(), "" if terminal else err.read_text())

    def close(self):
        if self.server is not None:
            self.server.terminate()  # its stdin stays open in whatever else was forked meanwhile
            self.server.wait()


def next_job():
    """Fork for each job that stdin brings and tell its exit status; return, in the fork, with the job."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin:
        if os.fork() == 0:
            return json.loads(line)
        print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
    return sys.exit()


def become(job):
    """Make this process the one that a job asks for."""
    signal.alarm(MOST_SECONDS)
    os.chdir(job["cwd"])
    for stream, name in enumerate((os.devnull, job["stdout"], job["stderr"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), stream)
    os.environ |= job["environment"]
    path = os.environ.get("PYTHONPATH")
    (kind, _, *words), cwd = job["words"], job["cwd"]
    sys.path[:1] = [cwd if kind == "-m" else "", *(path.split(os.pathsep) if path else [])]  # as Python does
    sys.argv = [sys.argv[0] if kind == "-m" else "-c", *words]
    if job["most_bytes"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["most_bytes"], job["most_bytes"]))


if __name__ == "__main__":
    job = next_job()
    become(job)
    kind, program = job["words"][:2]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
