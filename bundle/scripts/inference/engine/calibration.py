"""Calibrate int8 for weights that were just trained, by what trained them."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from monai.data import MetaTensor
from monai.utils import CommonKeys as Keys
from torch import nn

from scripts.core import most_telling, one_line, slices
from scripts.weights import Checkpoint

from ..edge_padded import DIVISOR, edge_padded
from .libraries import has_nncf
from .quantised import CALIBRATED, file_beside, fingerprint, quantise, save
from .windows import spread_windows

logger = logging.getLogger(__name__)


def calibrate(
    ckpt_dir: str | Path,
    network: nn.Module,
    volumes: Sequence[Mapping[str, Any]],
    transform: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    patch_size: Sequence[int],
) -> None:
    """Keep the best weights of a training in int8, too, beside them.

    Nothing is done without NNCF, which the extra `fast` installs, nor by any but the first of several processes. What
    fails is told, and does no harm: they are calibrated again when they are used.

    Args:
        ckpt_dir: with `model_best.pt`; without it nothing is done.
        network: of these weights; it is left as it is.
        volumes: items that trained.
        transform: gives their `image`, `(1, X, Y, Z)`.
        patch_size: sides (X, Y, Z) of a window, in voxels.
    """
    best = Path(ckpt_dir) / "model_best.pt"
    if not has_nncf() or not best.is_file() or idist.get_rank() > 0:
        return
    some = volumes[:: ceil(len(volumes) / CALIBRATED)]
    windows: list[torch.Tensor] = []
    try:
        network = copy.deepcopy(network).cpu()
        Checkpoint(best, network).load_into(network)
        for volume in some:
            windows += windows_of(transform(volume)[Keys.IMAGE], patch_size, ceil(CALIBRATED / len(some)))
        logger.info("calibrating int8 by %d windows of what trained", len(windows))
        save(file_beside(best), quantise(network, windows), fingerprint(network))
    except Exception as error:  # the training is done
        logger.warning("the weights are not kept in int8: %s", one_line(most_telling(error)))


def windows_of(image: torch.Tensor, window: Sequence[int], count: int) -> list[torch.Tensor]:
    """Return windows of an image as the network sees them.

    Args:
        image: `(C, X, Y, Z)`.
        window: sides (X, Y, Z) in voxels; along a thin axis they are what the image has, padded.
        count: how many.
    """
    voxels = image.as_tensor() if isinstance(image, MetaTensor) else image
    fitting = [min(side, size) for side, size in zip(window, voxels.shape[1:], strict=True)]
    found = spread_windows(voxels.shape[1:], lambda box: voxels[(slice(None), *slices(box))], fitting, count)
    return list(edge_padded(found, DIVISOR))  # each (C, X, Y, Z)
