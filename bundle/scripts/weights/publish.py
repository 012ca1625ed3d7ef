"""Weights to share: in half precision, with a note on what they were trained on."""

from __future__ import annotations

from pathlib import Path

from .checkpoint import Checkpoint, save_state


def publish(ckpt_path: str | Path, output_path: str | Path, trained_on: str | None = None) -> Path:
    """Write weights to share: half precision, half the size, stating what they were trained on.

    Args:
        ckpt_path: `X.pt` that a training wrote.
        output_path: `Y.pt` to write.
        trained_on: what the new sidecar states as training data; by default what the old one states.

    Returns:
        `Y.pt`.

    Raises:
        UserError: if weights or sidecar are missing or damaged, or the new ones cannot be written.
    """
    checkpoint = Checkpoint(ckpt_path)
    sidecar = checkpoint.sidecar | ({} if trained_on is None else {"trained_on": trained_on})
    save_state(output_path, {name: value.half() for name, value in checkpoint.state().items()}, sidecar)
    return Path(output_path)
