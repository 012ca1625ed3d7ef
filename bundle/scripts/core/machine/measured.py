"""What is measured of a machine once, and looked up in the user's cache from then on."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_text

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

CACHE = Path("tubenet", "measured.json")


def measured_once(what: str, device: str | torch.device, measure: Callable[[], float]) -> float:
    """Return what is measured once for each processor or GPU, threads and release of PyTorch.

    So a machine decides the same way each time. Where the cache cannot be written, every process measures.

    Args:
        what: is measured, in words; all that it depends on besides the machine.
        device: on which.
        measure: returns it, 0 or more.
    """
    name = f"{what} on {_machine(str(device))}"
    known = _known()
    if name not in known:
        known[name] = measure()
        try:
            write_text(_path(), json.dumps({**_read(_path()), **known}, indent=1) + "\n")
        except OSError as error:
            logger.debug("%s: cannot be written (%s)", _path(), error)
    return known[name]


@cache
def _known() -> dict[str, float]:
    """What this process knows: the file is read once."""
    return _read(_path())


def _machine(device: str) -> str:
    """Return what a measurement depends on, in words."""
    import torch

    if torch.device(device).type == "cuda":
        on = torch.cuda.get_device_name(device)
    else:
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
        # virtual machines have one name for processors with and without
        known = torch.cpu.get_capabilities()
        has = " ".join(name for name in ("avx512_bf16", "amx_bf16") if known.get(name))
        on = f"{processor()}, {has} {limit}, {torch.get_num_threads()} threads"
    return f"{on}, torch {torch.__version__}"


def processor() -> str:
    """Return the name of the processor's model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _path() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache").expanduser()) / CACHE


def _read(path: Path) -> dict[str, float]:
    """Return what was measured before, or nothing where the file is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in found.items() if math.isfinite(value) and value >= 0}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
