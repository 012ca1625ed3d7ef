"""The decision rule: from logits to log-odds and to a segmentation."""

from __future__ import annotations

import torch

SLAB = 1 << 21  # voxels to process at a time, so that intermediate results stay small


def foreground_log_odds(logits: torch.Tensor, channel: int | None = None) -> torch.Tensor:
    """Return the log-odds that each voxel is vessel of any class, or of one class.

    Args:
        logits: `(K, ...)`, background first.
        channel: class to compare with all others; None compares all vessel classes with the background.

    Returns:
        `(...)`, float32.
    """
    logits = logits.float()
    if channel is None:
        return _log_sum(logits[1:]) - logits[0]
    return logits[channel] - _log_sum(torch.cat((logits[:channel], logits[channel + 1 :])))


def _log_sum(logits: torch.Tensor) -> torch.Tensor:
    return logits[0] if len(logits) == 1 else torch.logsumexp(logits, dim=0)


def is_finite(logits: torch.Tensor) -> bool:
    """Return whether no logit is NaN or infinite, in one pass and no further memory."""
    lowest, highest = torch.aminmax(logits)  # NaN if any is
    return bool(lowest.isfinite() & highest.isfinite())


def apply_threshold(probability: torch.Tensor, threshold: float) -> torch.Tensor:
    """Decide each voxel's class: vessel if all vessel classes together exceed `threshold`.

    Args:
        probability: `(K, ...)`, background first.
        threshold: probability between 0 and 1.

    Returns:
        `(1, ...)` uint8: 0, or the likeliest vessel class.
    """
    if len(probability) == 2:
        return (probability[1:] > threshold).to(torch.uint8)  # (1, ...)
    vessel = probability[1:].sum(dim=0, keepdim=True) > threshold  # (1, ...)
    likeliest = probability[1:].argmax(dim=0, keepdim=True) + 1  # (1, ...)
    return (vessel * likeliest).to(torch.uint8)


def segmentation_of(logits: torch.Tensor, threshold: float) -> torch.Tensor:
    """Decide each voxel's class from its logits, one slab at a time to save memory.

    Args:
        logits: `(K, X, Y, Z)`, background first.
        threshold: see `apply_threshold`.

    Returns:
        `(1, X, Y, Z)` uint8.
    """
    slabs = logits.split(planes_per_slab(logits), dim=1)
    return torch.cat([apply_threshold(torch.softmax(slab.float(), dim=0), threshold) for slab in slabs], dim=1)


def planes_per_slab(volume: torch.Tensor) -> int:
    """Return how many planes along X of a volume `(C, X, Y, Z)` make a slab."""
    return max(1, SLAB // max(1, volume[0, 0].numel()))
