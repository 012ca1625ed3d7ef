"""What a volume will take, worked out from its header: work for the network, and memory.

The figures for memory are sums of the arrays that live at the same time, and docs/explanation/speed.md has them beside
what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer

from scripts.core import AUTO, by, free_memory, refuse, size
from scripts.transforms import MAX_LABELLED, MAX_LOOKED_AT

from .bfloat16 import Bfloat16Inferer
from .edge_padded import EdgePaddedInferer
from .multiscale import COARSER, MultiscaleInferer
from .resampling import shape_at
from .sliding_window import GridInferer
from .voxelwise import IN_BLOCK, OF_DESCRIBED, AdaptedInferer, TaughtInferer

FLOAT = 4  # bytes
OF_WINDOW = 6.5  # times the first layer's width: numbers that live at once for a voxel of a window, measured
WIDTH = 16  # of the first layer, where the network does not tell its own
RAW = 4  # bytes for a voxel as its file has it, or of the copy that a batch is made of
OF_RIDGES = 110  # bytes for a voxel of which vessels are found to be bright or dark, measured
MASKS = 3  # bytes for a voxel: a segmentation, its copy that is cleaned, and a mask of either
OF_PIECES = 32  # bytes for a voxel of the box in which pieces and holes are numbered
LIBRARIES = 30 * 10**6  # bytes that libraries take when they first compute, measured
MARGIN = 1.15  # of what is worked out, for what was not thought of
SMALLER = 0.5  # the scale that a refusal proposes


@dataclass(frozen=True)
class Estimate:
    """What segmenting a volume takes.

    Attributes:
        work: voxels that the network sees, each as often as a window has it, at the scales that are sure to run.
        nbytes: most bytes that live at once, besides what the process holds before.
    """

    work: int
    nbytes: int


def chain(inferer: Any) -> Iterator[Any]:
    """Yield an inferer, the one inside, and so on to the innermost."""
    while inferer is not None:
        yield inferer
        inferer = getattr(inferer, "inferer", None)


def precision(inferer: Inferer) -> str:
    """Return the precision that the inferers let the network compute in, `fp32` or `bf16`."""
    return "bf16" if any(isinstance(each, Bfloat16Inferer) and each.enabled for each in chain(inferer)) else "fp32"


def estimate_volume(
    shape: Sequence[int],
    affine: np.ndarray,
    inferer: Inferer,
    network: Callable[..., torch.Tensor],
    classes: int = 2,
    writes_probability: bool = False,
    scale: float | str | None = None,
) -> Estimate:
    """Return what running an inferer over a volume takes.

    Args:
        shape: voxels along X, Y and Z.
        affine: 4x4.
        inferer: the outermost of a chain; those that this function does not know count as taking nothing.
        network: the network, whose first width decides how much memory a window takes.
        classes: number of classes that the network tells apart.
        writes_probability: whether the probabilities are written too.
        scale: instead of the inferer's own.
    """
    parts = {type(each): each for each in chain(inferer)}
    multiscale, edge, grid = (parts.get(kind) for kind in (MultiscaleInferer, EdgePaddedInferer, GridInferer))
    passes = prod(getattr(each, "passes", 1) for each in chain(inferer))
    scale = (multiscale.scale if multiscale else 1) if scale is None else scale
    own = tuple(shape)
    seen = own if scale == AUTO else shape_at(float(scale), own, affine)
    divisor = edge.divisor if edge else 1
    padded = tuple(side + -side % divisor for side in seen)
    work = passes * (grid.work(padded) if grid else prod(padded))

    logits = FLOAT * classes
    loaded = (FLOAT + RAW) * prod(own) + OF_RIDGES * min(prod(own), MAX_LOOKED_AT)
    before = (
        FLOAT * prod(own) + (FLOAT * prod(seen) if seen != own else 0) + (FLOAT * prod(padded) if padded != seen else 0)
    )
    found = before + (logits + FLOAT) * prod(padded) + (_of_window(grid, padded, network) if grid else 0)
    if seen != own:
        found = max(found, before + logits * (prod(padded) + prod(own)))
    if scale == AUTO:  # the coarser ones, each brought back one class at a time
        brought_back = (2 * FLOAT + logits) * prod(own) + (logits + 2 * FLOAT) * prod(shape_at(COARSER[0], own, affine))
        found = max(found, brought_back)
    spread = FLOAT if passes > 1 and writes_probability else 0  # bytes a voxel, twice while views are added
    if passes > 1:  # the sum so far, and the view; when it is turned back, the network's own copy is gone
        found += (logits + FLOAT + 2 * spread) * prod(own)
    helped = getattr(parts.get(TaughtInferer), "classifier", None) is not None
    # a block's features, and the teacher or the classifier's logits
    if getattr(parts.get(AdaptedInferer), "enabled", False) or helped:
        taught = (logits if helped else FLOAT) * prod(own) + OF_DESCRIBED * min(prod(own), IN_BLOCK)
        found = max(found, (FLOAT + logits + spread) * prod(own) + taught)
    cleaned = MASKS * prod(own) + OF_PIECES * min(prod(own), MAX_LABELLED)
    # probabilities are copied once to leave out the background, and once more for the order of the file
    written = 2 * FLOAT * (classes - 1) * prod(own) if writes_probability else 0
    after = (FLOAT + logits + spread) * prod(own) + max(cleaned, written)
    return Estimate(work, LIBRARIES + int(MARGIN * max(loaded, found, after)))


def _of_window(grid: GridInferer, shape: Sequence[int], network: Any) -> int:
    """Return the bytes that the network's layers take for the windows that it sees at once."""
    width = (getattr(network, "arguments", None) or {}).get("channels", [WIDTH])[0]
    window = prod(map(min, grid.roi_size, shape))
    at_once = min(grid.sw_batch_size, grid.work(shape) // window)
    return int(OF_WINDOW * width * FLOAT * at_once * window)


def check_fits(
    path: str | Path, shape: Sequence[int], estimate_at: Callable[[float | None], Estimate], device: torch.device
) -> None:
    """Refuse a volume that will not fit into the memory that is free, before it is read.

    Args:
        path: the file, for the message.
        shape: voxels along X, Y and Z.
        estimate_at: returns the estimate at a scale, or at the one that is set.
        device: the device that computes; a GPU has memory of its own.

    Raises:
        UserError: also a `MemoryError`; it names what helps.
    """
    needed = estimate_at(None).nbytes
    free = free_on(device)
    if free is None or needed <= free:
        return
    helps = [f"cut it into {ceil(needed / (0.8 * free))} blocks" if free else "cut it into blocks"]
    if estimate_at(SMALLER).nbytes <= free:
        helps.insert(0, f"give --scale {SMALLER:g}, which sees less detail")
    if device.type == "cuda":
        if (host := free_memory()) is None or needed <= host:
            helps.insert(0, "give --device cpu")
        place = "GPU memory"
    else:
        helps.append("use a machine with more memory")
        place = "memory"
    problem = f"segmenting its {by(shape)} voxels takes about {size(needed)} of {place}, and {size(free)} are free"
    refuse(path, problem, ", or ".join(helps), MemoryError)


def free_on(device: torch.device) -> int | None:
    """Return the bytes that are free where the network computes; None where nobody says."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()
