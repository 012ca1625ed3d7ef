"""Which device to compute on, and whether in bfloat16: the options `device` and `amp`."""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from ..errors import refuse
from ..kinds import AUTO, BOOLEAN, INT8
from ..options import read_boolean
from .precision import WORTH_IT, gain_of_bfloat16

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

CPU, CUDA, MPS = "cpu", "cuda", "mps"


def best_device() -> str:
    """Return the device to compute on where nobody names one.

    That is a GPU that PyTorch calls `cuda`, else the GPU of a Mac (`mps`) if it has every operation that the network
    needs (`can_run_network`), else the CPU.
    """
    there = devices()
    if CUDA in there:
        return CUDA
    if MPS in there:
        if can_run_network(MPS):
            return MPS
        told = "this Mac's GPU lacks an operation that the network needs, so the CPU computes"
        logger.info("%s; PYTORCH_ENABLE_MPS_FALLBACK=1 in the environment lets the CPU do that one alone", told)
    return CPU


def devices() -> list[str]:
    """Return the kinds of device that PyTorch can use here."""
    import torch  # takes two seconds, which other users of this package should not pay for

    found = {CUDA: torch.cuda.is_available(), MPS: torch.backends.mps.is_available(), CPU: True}
    return [kind for kind, there in found.items() if there]


@cache
def can_run_network(device: str) -> bool:
    """Return whether a device has every operation that the network needs, by trying each.

    PyTorch gained them on Macs one by one, transposed convolution in version 2.8 and pooling after that.
    """
    import torch
    from torch.nn import functional as F

    try:
        x = torch.arange(128.0, device=device).reshape(1, 2, 4, 4, 4).requires_grad_()  # (B, C, X, Y, Z)
        weights = torch.ones(2, 2, 3, 3, 3, device=device).to(memory_format=torch.channels_last_3d)
        y = F.group_norm(F.conv3d(x, weights, padding=1), 1)  # (B, C, X, Y, Z)
        y = F.conv_transpose3d(F.max_pool3d(y, 2), weights[..., :2, :2, :2], stride=2)  # (B, C, X, Y, Z)
        y = F.interpolate(F.pad(y, [0, 4] * 3, mode="replicate"), size=(4, 4, 4), mode="area")  # (B, C, X, Y, Z)
        y = F.interpolate(y, size=(8, 8, 8), mode="trilinear").softmax(dim=1)  # (B, C, 2X, 2Y, 2Z)
        (slope,) = torch.autograd.grad(y[:, :1].sum(), x)
        lowest, highest = torch.aminmax(slope)
        return bool(lowest.isfinite() & highest.isfinite())
    except (NotImplementedError, RuntimeError):
        return False


def has_float64(device: str | torch.device) -> bool:
    """Return whether a device computes in double precision, which the GPU of a Mac does not."""
    import torch

    return torch.device(device).type != MPS


def has_bfloat16(device: str | torch.device) -> bool:
    """Return whether a device has instructions for bfloat16, and so may be faster with it."""
    import torch

    kind = torch.device(device).type
    if kind == CUDA:
        return torch.cuda.is_available() and torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    if kind == CPU:  # never chosen on ARM, where we have measured nothing
        known = torch.cpu.get_capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False  # not on a Mac's GPU either: PyTorch has no transposed convolution in bfloat16 for it


def bfloat16(amp: bool | str, device: str | torch.device, training: bool = False) -> bool:
    """Return whether the option `amp` asks for bfloat16.

    Processes that work together take it if it is faster for each of them.

    Args:
        amp: true, false, or `auto`, which means if it is faster on the device, as `precision` measures it; `int8` for
            prediction, which means the same for what is not in int8.
        device: the device to compute on.
        training: whether it is to train.

    Raises:
        UserError: for any other value.
    """
    if str(amp).lower() in ((AUTO,) if training else (AUTO, INT8)):
        return _is_worth_it(device, training)
    if not BOOLEAN.accepts(amp):
        refuse(f"--amp {amp}", f"is neither {AUTO} nor {BOOLEAN.name}", "give one of these")
    return read_boolean("amp", amp)


def _is_worth_it(device: str | torch.device, training: bool) -> bool:
    import torch

    has_it = has_bfloat16(device)
    gain = gain_of_bfloat16(device, training) if has_it else 0.0
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        gains = [gain] * torch.distributed.get_world_size()
        torch.distributed.all_gather_object(gains, gain)  # also by those without it, for which the others would wait
        gain = min(gains)
    worth_it = gain >= WORTH_IT
    if has_it:
        told = f"{gain:.2g} times as fast here as fp32" if gain else "only imitated here"
        logger.info("--amp auto: %s, for bf16 is %s", "bf16" if worth_it else "fp32", told)
    return worth_it


def device_name(device: str | torch.device) -> str:
    """Return what the log calls a device: `cpu`, or a GPU with the name of its model."""
    import torch

    chosen = torch.device(device)
    return f"{chosen} ({torch.cuda.get_device_name(chosen)})" if chosen.type == CUDA else str(chosen)
