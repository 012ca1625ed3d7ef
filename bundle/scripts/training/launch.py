"""Several processes, started by `torchrun`: how they find one another, and how they fail with one line and not many.

What each of them does of the work stands in `scripts.shares`.
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
    install_excepthook,
    most_telling,
    one_line,
    refuse,
    report_exception,
)

FROM_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
LOST = ("reset by peer", "closed by peer", "remote process exited")  # in the words of Gloo and of NCCL
# who has scored its volumes waits for those who have more; that a process has died is seen at once, by torchrun
MAX_WAIT = timedelta(days=1)


def backend_for(device: str, local_rank: int) -> str:
    """Return how processes that compute on such a device talk to one another.

    Args:
        device: `cpu` or `cuda`; of the latter each process gets one of its own.
        local_rank: of this process on its machine.

    Raises:
        UserError: for one GPU to be shared by several processes.
    """
    chosen = torch.device(device)
    if chosen.type != "cuda":
        return "gloo"
    if chosen.index is not None:
        refuse(f"--device {device}", "would be shared by all processes", "write cuda, and each gets its own GPU")
    if local_rank >= (there := torch.cuda.device_count()):
        refuse(
            f"--device {device}",
            f"this machine has {there} GPUs, one for each process",
            f"start torchrun with --nproc_per_node={there}, or write --device cpu",
        )
    return "nccl"


def join_processes(device: str) -> None:
    """Join the processes that `torchrun` started, with NCCL on GPUs and Gloo on CPUs; only the first one logs.

    Uncaught exceptions end in one line, that of the process which failed first.

    Args:
        device: `cpu` or `cuda`.

    Raises:
        UserError: where `torchrun` did not start this process, or for a GPU that is not there for each.
    """
    install_excepthook()
    if any(name not in os.environ for name in FROM_TORCHRUN):
        refuse(
            "configs/multi_gpu_*.json",
            "are for several processes and nobody started them",
            "write torchrun --nproc_per_node=GPUS -m monai.bundle run ..., or leave the config out",
        )
    if distributed.is_initialized():
        return
    # the store is torchrun's, and outlives a process that fails
    store, rank, size = next(distributed.rendezvous("env://", timeout=MAX_WAIT))
    sys.excepthook = hook = _FirstToFail(store)
    check_overrides()  # the device among them; once more than needed, but before it is used
    backend = backend_for(device, int(os.environ["LOCAL_RANK"]))
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # from here on, "cuda" is this one
    distributed.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=MAX_WAIT)
    sys.excepthook = hook  # torch has put its own around it, which writes "[rank0]: " before every line
    idist.sync()
    for handler in logging.getLogger().handlers:
        handler.addFilter(RankFilter())


class _FirstToFail:
    """An excepthook: when a process fails the others do too, for want of it, and have nothing to tell."""

    def __init__(self, store: distributed.Store) -> None:
        self.store = store

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """Report the exception, for `torchrun` to repeat it, unless another process has reported one."""
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
        problem = "has ended without a word, killed or out of memory (torchrun says below which and how)"
        refuse("another process", problem, "go on with a training by --resume true", OSError)
