"""`python -m monai.bundle ...` as one types it, and the same without paying for MONAI's imports every time.

Those take seconds, so a `BundleCommand` keeps one process that has done them and forks it for each command. Arguments,
working directory, output, uncaught exceptions and exit status are as in a process of its own, and none of the bundle's
modules is imported beforehand. `plain=True` starts a process of its own.
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
PRELOADED = ["ignite.handlers", "imagecodecs", "jsonschema", "monai.bundle", "nibabel", "scipy.ndimage", "tifffile"]
TINY_CHANNELS = [4, 4, 8, 8, 8, 8]
TINY_NETWORK = {"network_def#channels": TINY_CHANNELS, "patch_size": [32, 32, 32]}
TINY_TRAINING = {**TINY_NETWORK, "epochs": 1, "iterations_per_epoch": 1, "batch_size": 2}
LEFT_BY_TRAINING = ["epochs.csv", "model_best.json", "model_best.pt", "model_last.json", "model_last.pt", "resume.pt"]


def network_arguments(overlay):
    """The network's arguments that an overlay changes, where there are no weights to take them from."""
    config = json.loads((BUNDLE / "configs" / "overlays" / f"{overlay}.json").read_text())
    return {
        path.removeprefix("network_def#"): value["otherwise"] if isinstance(value, dict) else value
        for path, value in config.items()
    }


def contents(folder):
    """All that is in a folder, to be compared with what was there before."""
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in sorted(folder.rglob("*"))}


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


class BundleCommand:
    """Run `python -m monai.bundle WORDS`."""

    def __init__(self):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment["MLFLOW_DISABLE_TELEMETRY"] = "true"  # tests tell nobody
        environment.pop("PYTHONPATH", None)  # the bundle has to find its scripts by itself
        self.how = {"env": environment, "text": True}
        self.server = None

    def __call__(self, *words, cwd=BUNDLE, plain=ALWAYS_PLAIN, terminal=None):
        """Run it; `terminal` is the path of one that takes stderr, which the caller reads."""
        words = [str(word) for word in words]
        if plain:
            command = [sys.executable, "-m", "monai.bundle", *words]
            done = subprocess.run(command, cwd=cwd, capture_output=True, timeout=MOST_SECONDS, check=False, **self.how)
            return Finished(done.returncode, done.stdout, done.stderr)
        if self.server is None:
            command, pipe = [sys.executable, __file__], subprocess.PIPE
            self.server = subprocess.Popen(command, stdin=pipe, stdout=pipe, **self.how)
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder) / "stdout", Path(terminal or Path(folder) / "stderr")
            job = {"words": words, "cwd": str(cwd), "stdout": str(out), "stderr": str(err)}
            print(json.dumps(job), file=self.server.stdin, flush=True)
            return Finished(int(self.server.stdout.readline()), out.read_text(), "" if terminal else err.read_text())

    def run(self, configs="inference", cwd=BUNDLE, plain=ALWAYS_PLAIN, **options):
        """`monai.bundle run` of one config by name, or of several, with options."""
        folder = "configs" if Path(cwd) == BUNDLE else f"{BUNDLE}/configs"
        files = [f"{folder}/{name}.json" for name in ([configs] if isinstance(configs, str) else configs)]
        given = [word for name, value in options.items() for word in (f"--{name}", value)]
        return self("run", "--config_file", files[0] if len(files) == 1 else files, *given, cwd=cwd, plain=plain)

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


if __name__ == "__main__":
    job = next_job()
    signal.alarm(MOST_SECONDS)
    os.chdir(job["cwd"])
    for stream, name in enumerate((os.devnull, job["stdout"], job["stderr"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), stream)
    sys.argv[1:] = job["words"]
    sys.path[0] = job["cwd"]  # as `python -m` does
    runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
