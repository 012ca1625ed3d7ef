"""Whether to compute in bfloat16: the option `amp`, by default if the device supports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import refuse
from ..options import AUTO, BOOLEAN, read_boolean

if TYPE_CHECKING:
    import torch


def has_bfloat16(device: str | torch.device) -> bool:
    """Return whether a device has instructions for bfloat16, and so is faster with it."""
    import torch  # takes two seconds, which other users of this package should not pay for

    kind = torch.device(device).type
    if kind == "cuda":
        return torch.cuda.is_available() and torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    if kind == "cpu":  # never chosen on ARM, where we have measured nothing
        known = torch.cpu.get_capabilities()
        return bool(known.get("avx512_bf16") or known.get("amx_bf16"))
    return False


def bfloat16(amp: bool | str, device: str | torch.device) -> bool:
    """Return whether the option `amp` asks for bfloat16.

    Args:
        amp: true, false, or `auto`, which means if the device supports it.
        device: the device to compute on.

    Raises:
        UserError: for any other value.
    """
    if str(amp).lower() == AUTO:
        return has_bfloat16(device)
    if not BOOLEAN.accepts(amp):
        refuse(f"--amp {amp}", f"is neither {AUTO} nor {BOOLEAN.name}", "give one of these")
    return read_boolean("amp", amp)
