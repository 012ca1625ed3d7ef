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

from scripts.core import AUTO, free_memory, refuse, size

from .bfloat16 import Bfloat16Inferer
from .edge_padded import EdgePaddedInferer
from .multiscale import COARSER, MultiscaleInferer
from .resampling import shape_at
from .sliding_window import GridInferer

FLOAT = 4  # bytes
OF_WINDOW = 6.5  # times the first layer's width: numbers that live at once for a voxel of a window, measured
WIDTH = 16  # of the first layer, where the network does not tell its own
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
    before = (
        FLOAT * prod(own) + (FLOAT * prod(seen) if seen != own else 0) + (FLOAT * prod(padded) if padded != seen else 0)
    )
    while_it_runs = before + (logits + FLOAT) * prod(padded) + (_of_window(grid, padded, network) if grid else 0)
    # probabilities are copied once to leave out the background, and once more for the order of the file
    after = (FLOAT + logits) * prod(own) + (2 * FLOAT * (classes - 1) * prod(own) if writes_probability else 0)
    if seen != own:
        after = max(after, before + logits * (prod(padded) + prod(own)))
    if scale == AUTO:  # the coarser ones, each brought back one class at a time
        after += FLOAT * prod(own) + (logits + 2 * FLOAT) * prod(shape_at(COARSER[0], own, affine))
    views = 2 * logits * prod(own) if passes > 1 else 0  # the sum so far, and the view being turned back
    return Estimate(work, int(MARGIN * (max(while_it_runs, after) + views)))


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
    sides = "×".join(map(str, shape))
    problem = f"segmenting its {sides} voxels takes about {size(needed)} of {place}, and {size(free)} are free"
    refuse(path, problem, ", or ".join(helps), MemoryError)


def free_on(device: torch.device) -> int | None:
    """Return the bytes that are free where the network computes; None where nobody says."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()
