"""Weights for others: half precision, and a word on what they were trained on."""

from __future__ import annotations

from pathlib import Path

from .checkpoint import _read_state, _write_pair, read_sidecar


def publish(ckpt_path: str | Path, output_path: str | Path, trained_on: str | None = None) -> Path:
    """Write weights for others: in half precision, half the size, and with a word on what they were trained on.

    Args:
        ckpt_path: `X.pt` that a training wrote.
        output_path: `Y.pt`.
        trained_on: for the sidecar, in place of what it says; by default that stays.

    Returns:
        `Y.pt`.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for a file that is not a plain state dict.
    """
    sidecar = read_sidecar(ckpt_path)
    if trained_on is not None:
        sidecar["trained_on"] = trained_on
    state = _read_state(Path(ckpt_path))
    _write_pair(Path(output_path), {name: value.half() for name, value in state.items()}, sidecar)
    return Path(output_path)
