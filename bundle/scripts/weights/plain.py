"""Read PyTorch files as plain tensors and values, without ever unpickling code."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import torch

from scripts.core import check_regular, refuse, refuse_failures

ZIP = b"PK\x03\x04"
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""Types that weights may be stored in."""


def read_bytes(path: Path) -> bytes:
    """Return a regular file's bytes.

    Raises:
        UserError: if the file cannot be read; this says nothing about whether it is damaged.
    """
    remedy = "check the file, its permissions and the disk"
    check_regular(path, remedy)
    with refuse_failures(path, "cannot be read", remedy):
        return path.read_bytes()


def is_plain(value: Any) -> bool:
    """Return whether a value is a tensor of floating-point numbers that are all in memory."""
    return (
        isinstance(value, torch.Tensor)
        and value.device.type == "cpu"
        and value.layout == torch.strided
        and value.dtype in DTYPES
        # an expanded tensor states any shape with one stored number
        and value.numel() * value.element_size() <= value.untyped_storage().nbytes()
    )


def load_plain(content: bytes, path: Path, problem: str, remedy: str) -> Any:
    """Unpack the bytes of a PyTorch file onto the CPU.

    Args:
        content: the file's bytes.
        path: the file, for the message.
        problem: what to say if it holds anything but tensors and plain values, or is damaged.
        remedy: what to do then.

    Raises:
        UserError: with this problem and remedy; also for a file that would unpack to more bytes than it has.
        MemoryError: if the tensors do not fit into memory.
    """
    if content.startswith(ZIP):  # otherwise torch takes it for one of its old files, which compress nothing
        _check_sizes(content, path, problem, remedy)
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:
        # torch may raise UnpicklingError, RuntimeError, EOFError and others, and its words would advise to unpickle
        refuse(path, problem, remedy)


def _check_sizes(content: bytes, path: Path, problem: str, remedy: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except Exception:  # zipfile raises many kinds for a damaged archive
        refuse(path, problem, remedy)
    unpacked = sum(part.file_size for part in parts)
    if unpacked > len(content):  # torch never compresses
        refuse(path, f"would unpack to {unpacked} bytes and has {len(content)}, so it was not loaded", remedy)
