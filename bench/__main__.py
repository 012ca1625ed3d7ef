"""`python -m bench`: measure, compare two measurements, draw where the time goes.

Each case runs in a process of its own, so that its peak of memory is its own too.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import torch

from bench.cases import CASES
from bench.gradients import gradients
from bench.limits import ended, limits
from bench.stages import picture, stages_of
from bench.table import comparison, table
from scripts.commands import run_commands
from scripts.core import refuse, refuse_failures, refuse_unknown, write_text

ROOT = Path(__file__).resolve().parents[1]


def measure(output_path: str | Path = "bench.json", only: str = "") -> str:
    """Measure the network, training, prediction, loading and start-up, and the machine itself.

    The machine is measured before and after them.

    Args:
        output_path: the file to write the figures into, as JSON.
        only: part of the name of a case; only cases with it in their names are measured.

    Returns:
        A table in Markdown.

    Raises:
        UserError: if no case has that in its name, or a case fails; if the file cannot be written.
    """
    chosen = [name for name in CASES if str(only) in name]
    if not chosen:
        refuse(f"--only {only}", "is in the name of no case", f"give part of one of these: {'; '.join(CASES)}")
    result: dict[str, Any] = {"machine": _machine(), "before": limits(), "cases": {}}
    for name in chosen:
        print(name, file=sys.stderr, flush=True)
        result["cases"][name] = _in_a_process(name)
    result["after"] = limits()
    write_text(Path(output_path), json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return table(result)


def compare(before: str | Path, after: str | Path) -> str:
    """Compare two measurements: how many times faster is the second?

    A further column allows for the machine's own rate, if that was another.

    Args:
        before: the JSON file of the first measurement.
        after: the JSON file of the second measurement.

    Returns:
        A table in Markdown.

    Raises:
        UserError: for a file that `measure` did not write.
    """
    return comparison(_read(Path(before)), _read(Path(after)))


def case(name: str) -> str:
    """Measure one case in this process; `measure` starts this for each.

    Args:
        name: the whole name of the case.

    Returns:
        Its figures as JSON.

    Raises:
        UserError: for an unknown name.
    """
    if name not in CASES:
        refuse_unknown(name, "there is no such case", name, CASES, f"give one of {'; '.join(CASES)}")
    return json.dumps(CASES[name]())


def _read(path: Path) -> dict[str, Any]:
    """Return the measurement in a file."""
    remedy = "give a file that python -m bench measure wrote"
    if not path.is_file():
        refuse(path, "no such file", remedy, FileNotFoundError)
    with refuse_failures(path, "cannot be read as JSON", remedy):
        result = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(result, dict) or not {"before", "cases", "after"} <= result.keys():
        refuse(path, "is not a measurement", remedy)
    return result


def _machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, threads, PyTorch, GPU."""
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _in_a_process(name: str) -> dict[str, Any]:
    """Measure a case in a process of its own; return its figures with median and peak of memory."""
    command = [sys.executable, "-m", "bench", "case", name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        printed = process.stdout.read()
        status, peak = ended(process)
    if status:
        refuse(name, f"ended with exit status {status}", "read what it printed", OSError)
    figures = json.loads(printed.strip().splitlines()[-1])
    return {"peak_bytes": peak, **figures, "median": median(figures["seconds"])}


COMMANDS = {
    **{"measure": measure, "compare": compare, "picture": picture, "gradients": gradients},
    **{"case": case, "stages_of": stages_of},  # in a process of their own
}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m bench")
