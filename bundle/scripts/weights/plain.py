"""Read PyTorch files as plain tensors and values, without ever unpickling code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from scripts.core import refuse, refuse_failures


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        UserError: if the file cannot be read; this says nothing about whether it is damaged.
    """
    with refuse_failures(path, "cannot be read", "check the file, its permissions and the disk"):
        return path.read_bytes()


def load_plain(content: bytes, path: Path, problem: str, remedy: str) -> Any:
    """Unpack the bytes of a PyTorch file onto the CPU.

    Args:
        content: the file's bytes.
        path: the file, for the message.
        problem: what to say if it holds anything but tensors and plain values, or is damaged.
        remedy: what to do then.

    Raises:
        UserError: with this problem and remedy.
        MemoryError: if the tensors do not fit into memory.
    """
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:
        # torch may raise UnpicklingError, RuntimeError, EOFError and others, and its words would advise to unpickle
        refuse(path, problem, remedy)
