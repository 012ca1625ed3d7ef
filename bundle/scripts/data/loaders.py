"""Loaders whose workers are as many as the machine can use, and end when their parent does."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from typing import Any

import monai.data
from monai.data.utils import worker_init_fn
from torch.utils.data import DataLoader, Dataset

from scripts.core import refuse

logger = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


class PatchLoader(DataLoader):
    """Torch's `DataLoader` with workers that are bounded and end with their parent.

    Args:
        dataset: the dataset.
        num_workers: how many workers are asked for; see `usable_workers`.
        kwargs: further arguments of torch's loader.
    """

    def __init__(self, dataset: Dataset, num_workers: int = 0, **kwargs: Any) -> None:
        super().__init__(dataset, num_workers=usable_workers(num_workers), worker_init_fn=EndWithParent(), **kwargs)


class VolumeLoader(monai.data.DataLoader):
    """MONAI's `DataLoader` with workers that are bounded and end with their parent.

    Args:
        dataset: the dataset.
        num_workers: how many workers are asked for; see `usable_workers`.
        kwargs: further arguments of MONAI's loader.
    """

    def __init__(self, dataset: Dataset, num_workers: int = 0, **kwargs: Any) -> None:
        init = EndWithParent(seed=True)
        super().__init__(dataset, num_workers=usable_workers(num_workers), worker_init_fn=init, **kwargs)


def usable_workers(asked: int) -> int:
    """Return how many workers to start: those asked for, but at most two for each CPU.

    Results do not depend on their number.

    Raises:
        UserError: for what is not a whole number of at least 0.
    """
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 0:
        refuse(f"--num_workers {asked}", "is not a whole number of at least 0", "give one such as 2")
    most = 2 * _cpus()
    if asked > most:
        logger.warning("--num_workers %s: this machine has %d CPUs, so %d are started", str(asked)[:20], _cpus(), most)
    return min(asked, most)


class EndWithParent:
    """Called in each new worker: lets it end when its parent does, however that ends.

    Args:
        seed: seed MONAI's random transforms too, as MONAI's loader does.
    """

    def __init__(self, seed: bool = False) -> None:
        self.seed, self.parent = seed, os.getpid()

    def __call__(self, worker: int) -> None:
        """Ask the kernel to end this process with its parent; where it cannot, look every second."""
        if self.seed:
            worker_init_fn(worker)
        if sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        threading.Thread(target=self._watch, daemon=True).start()  # also where the parent ended before the line above

    def _watch(self) -> None:
        while os.getppid() == self.parent:
            time.sleep(1)
        os._exit(1)


def _cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
