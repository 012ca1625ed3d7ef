"""Processes started by `torchrun`: how they connect, and how they fail with a single line.

How they share the work is in `distributed.py`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import ignite.distributed as idist
import torch
from monai.utils import RankFilter
from torch import distributed

from scripts.core import (
    UserError,
    check_overrides,
    most_telling,
    one_line,
    refuse,
    report_exception,
    set_up_process,
)

FROM_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
LOST = ("reset by peer", "closed by peer", "remote process exited")  # how Gloo and NCCL report a lost process
# a process that has scored its volumes waits for those with more; torchrun notices at once when a process dies
MAX_WAIT = timedelta(days=1)


def backend_for(device: str, local_rank: int) -> str:
    """Return the backend over which processes on such a device communicate.

    Args:
        device: `cpu`, or `cuda` for one GPU per process.
        local_rank: number of this process on its machine.

    Raises:
        UserError: if several processes would share one GPU.
    """
    chosen = torch.device(device)
    if chosen.type != "cuda":
        return "gloo"
    if chosen.index is not None:
        refuse(f"--device {device}", "would be shared by all processes", "write cuda, and each gets its own GPU")
    if local_rank >= (there := torch.cuda.device_count()):
        refuse(
            f"--device {device}",
            f"this machine has {there} GPU(s), and each process needs its own",
            f"start torchrun with --nproc_per_node={there}, or write --device cpu",
        )
    return "nccl"


def join_processes(device: str, verbosity: str = "normal") -> None:
    """Join the processes that `torchrun` started, with NCCL on GPUs and Gloo on CPUs.

    Only the first process logs. An uncaught exception ends in one line, from the process that failed first.

    Args:
        device: device to compute on, `cpu` or `cuda`.
        verbosity: how much the first process logs, as in `scripts.core.set_up_process`.

    Raises:
        UserError: if `torchrun` did not start this process, or if there is not a GPU for each process.
    """
    set_up_process(verbosity)
    if any(name not in os.environ for name in FROM_TORCHRUN):
        refuse(
            "configs/multi_gpu_*.json",
            "are for several processes, but torchrun did not start this one",
            "write torchrun --nproc_per_node=GPUS -m monai.bundle run ..., or leave the config out",
        )
    if distributed.is_initialized():
        return
    # the store belongs to torchrun, and survives a process that fails
    store, rank, size = next(distributed.rendezvous("env://", timeout=MAX_WAIT))
    sys.excepthook = hook = _FirstToFail(store)
    check_overrides()  # MONAI's run checks them again, but the device must be right before it is used
    backend = backend_for(device, int(os.environ["LOCAL_RANK"]))
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # from here on, "cuda" is this one
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=MAX_WAIT)
    sys.excepthook = hook  # torch has wrapped it in its own, which puts "[rank0]: " before every line
    idist.sync()
    for handler in logging.getLogger().handlers:
        handler.addFilter(RankFilter())


class _FirstToFail:
    """Excepthook that reports only the first process to fail; the others fail because of it."""

    def __init__(self, store: distributed.Store) -> None:
        self.store = store

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report the exception, which `torchrun` repeats, unless another process has reported one."""
        try:
            first = self.store.add("failed", 1) == 1
        except RuntimeError:  # torchrun itself has ended
            first = True
        if not first:
            return
        try:
            _refuse_if_others_are_lost(error)
        except UserError as lost:
            kind, error, trace = type(lost), lost, lost.__traceback__
        if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
            Path(path).write_text(json.dumps({"message": one_line(error), "timestamp": int(time.time())}))
        report_exception(kind, error, trace)


def _refuse_if_others_are_lost(error: BaseException) -> None:
    if any(words in str(most_telling(error)) for words in LOST):
        problem = "has ended without a message, killed or out of memory (torchrun says below which and how)"
        refuse("another process", problem, "continue a training with --resume true", OSError)
