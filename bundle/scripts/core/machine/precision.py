"""Whether bfloat16 is faster here than float32, by measurement: what `--amp auto` goes by.

That a processor has instructions for bfloat16 does not tell: of two that have `avx512_bf16`, one multiplies matrices
four times as fast with it as in float32, and the other half as fast. So a convolution of the network's own size is
timed in both, which takes less than half a second, once (`measured.py`).
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from .measured import measured_once

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

WORTH_IT = 1.05  # bfloat16 is less exact, so it has to be faster by this
CHANNELS, SIDE, SMALL = 16, 64, 16  # of the shipped network's first level; and a side that tells whether that is safe
PATIENCE = 1.0  # seconds for a convolution in bfloat16; where it is only imitated, it takes six, and a training hours
REPEATS = {False: 2, True: 1}  # of a prediction, and of a training step, which takes three times as long


def gain_of_bfloat16(device: str | torch.device, training: bool) -> float:
    """Return how many times as fast the network is in bfloat16 as in float32, measured once.

    Args:
        device: to compute on, which must be able to.
        training: whether gradients are computed, too.
    """
    what = "training" if training else "prediction"
    return measured_once(what, device, lambda: measure_gain(device, training))


def measure_gain(device: str | torch.device, training: bool) -> float:
    """Time a convolution, and its gradient if asked to, in both types.

    Returns:
        Float32's time over bfloat16's; 0 where a small convolution says that bfloat16 is only imitated.
    """
    import torch

    small = min(_seconds(device, torch.bfloat16, SMALL, training=False) for _ in range(3))
    if small * (SIDE / SMALL) ** 3 > PATIENCE:
        return 0.0
    types = torch.float32, torch.bfloat16
    for type_ in types:  # the first time PyTorch makes its plan
        _seconds(device, type_, SIDE, training)
    rounds = [[_seconds(device, type_, SIDE, training) for type_ in types] for _ in range(REPEATS[training])]
    whole, half = (min(each[at] for each in rounds) for at in (0, 1))
    logger.debug("a convolution: %.1f ms in fp32, %.1f ms in bf16", 1000 * whole, 1000 * half)
    return whole / half


def _seconds(device: str | torch.device, dtype: torch.dtype, side: int, training: bool) -> float:
    import torch
    from torch.nn import functional as F

    def tensor(*shape: int) -> torch.Tensor:
        ones = torch.ones(shape, dtype=dtype, device=device)
        return ones.contiguous(memory_format=torch.channels_last_3d).requires_grad_(training)

    def now() -> float:
        if torch.device(device).type == "cpu":
            return time.thread_time()
        torch.cuda.synchronize(device)
        return time.perf_counter()

    image, weights = tensor(1, CHANNELS, side, side, side), tensor(CHANNELS, CHANNELS, 3, 3, 3)
    threads = torch.get_num_threads()
    # the time that one thread computes, for several wait for one another, and long where other programs compute too
    torch.set_num_threads(1)
    try:
        start = now()
        with torch.set_grad_enabled(training):
            found = F.conv3d(image, weights, padding=1)  # (1, C, side, side, side)
            if training:
                found.backward(found.detach())
        return now() - start
    finally:
        torch.set_num_threads(threads)
