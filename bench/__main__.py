"""`python -m bench`: measure, compare two measurements, draw where the time goes."""

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
from scripts.commands.cli import run_commands
from scripts.core import refuse, write_whole

ROOT = Path(__file__).resolve().parents[1]


def measure(output_path: str | Path = "bench.json", only: str = "") -> str:
    """Measure every case, each in a process of its own, and what the machine can do before and after them.

    Args:
        output_path: gets the figures as JSON.
        only: part of a name; the cases that hold it are measured, by default all.

    Returns:
        A table.

    Raises:
        UserError: where no case holds that.
        UserError: where a case fails.
    """
    chosen = [name for name in CASES if str(only) in name]
    if not chosen:
        refuse(f"--only {only}", "no case holds that", f"there are {'; '.join(CASES)}")
    result: dict[str, Any] = {"machine": _machine(), "before": limits(), "cases": {}}
    for name in chosen:
        print(name, file=sys.stderr, flush=True)
        result["cases"][name] = _in_a_process(name)
    result["after"] = limits()
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    write_whole(Path(output_path), lambda temporary: temporary.write_text(text))
    return table(result)


def compare(before: str | Path, after: str | Path) -> str:
    """Set two measurements beside one another: how many times faster the second is, also at the machine's rates.

    Args:
        before: JSON that `measure` wrote.
        after: likewise.

    Returns:
        A table.
    """
    return comparison(*(json.loads(Path(path).read_text()) for path in (before, after)))


def case(name: str) -> str:
    """Measure one case in this process and return its figures as JSON."""
    return json.dumps(CASES[name]())


def _machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _in_a_process(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench", "case", name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        printed = process.stdout.read()
        status, peak = ended(process)
    if status:
        refuse(name, f"ended with exit status {status}", "what it printed says why", OSError)
    figures = json.loads(printed.strip().splitlines()[-1])
    return {"peak_bytes": peak, **figures, "median": median(figures["seconds"])}


COMMANDS = {
    **{"measure": measure, "compare": compare, "picture": picture, "gradients": gradients},
    **{"case": case, "stages_of": stages_of},  # in a process of their own
}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m bench")
