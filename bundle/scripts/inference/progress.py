"""Tell of each volume before it is read, and show how far a run over volumes is."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.utils import CommonKeys as Keys

from scripts.core import Progress, counted, device_name, peak_memory, size
from scripts.data import BY_BLOCKS, FAILED, HEADER

from .estimate import Estimate, check_fits, estimate_volume, precision

logger = logging.getLogger(__name__)

SCORED = 9  # bytes for a voxel: the label, and what the scores make of it, measured


def estimate_of(
    item: Mapping[str, Any],
    evaluator: SupervisedEvaluator,
    writes_probability: bool = False,
    scale: float | None = None,
) -> Estimate:
    """Return what a volume takes in an evaluator's hands; nothing if its header is not known.

    Args:
        item: the volume, with its `header` (`VolumeInfo`).
        evaluator: runs its inferer and its network over the volume.
        writes_probability: whether the probabilities are written too.
        scale: instead of the inferer's own.
    """
    header = item.get(HEADER)
    if header is None:
        return Estimate(work=1, nbytes=0)
    scored = SCORED if Keys.LABEL in item else 0  # bytes a voxel
    classes = (getattr(evaluator.network, "arguments", None) or {}).get("out_channels", 2)
    how = (evaluator.inferer, evaluator.network, classes, writes_probability, scale)
    found = estimate_volume(header.shape, header.affine, *how)
    if BY_BLOCKS in item:
        return Estimate(found.work, item[BY_BLOCKS])
    return Estimate(found.work, found.nbytes + scored * prod(header.shape))


def check_volume_fits(
    item: Mapping[str, Any], evaluator: SupervisedEvaluator, writes_probability: bool = False
) -> None:
    """Refuse a volume that will not fit into memory, as `check_fits` does.

    Args:
        item: the volume, with `image` and its `header`.
        evaluator: runs its inferer and its network over the volume.
        writes_probability: whether the probabilities are written too.

    Raises:
        UserError: also a `MemoryError`.
    """
    if (header := item.get(HEADER)) is None:
        return

    def at(scale: float | None) -> Estimate:
        return estimate_of(item, evaluator, writes_probability, scale)

    check_fits(item["image"], header.shape, at, torch.device(evaluator.state.device or "cpu"))


@contextmanager
def told_volumes(
    evaluator: SupervisedEvaluator,
    volumes: Sequence[Mapping[str, Any]],
    task: str = "segmenting",
    heading: bool = True,
    writes_probability: bool = False,
) -> Iterator[None]:
    """Log each volume before it is read, with its shape and voxel size, and show a progress bar.

    Of volumes that are to be scored, each has to fit into memory, or none is read.

    Args:
        evaluator: runs over the volumes inside the `with` block, one in each batch.
        volumes: the items of its dataset, each with `name`, and with its `header` or else with `failed`.
        task: what the run does, such as `segmenting`.
        heading: log a line about the whole run first: device, precision and memory.
        writes_probability: whether the probabilities are written too, for the memory.

    Raises:
        UserError: if a volume that is to be scored does not fit into memory; then it is a `MemoryError` too.
    """
    order = list(getattr(evaluator.data_loader, "sampler", range(len(volumes))))  # this process's share
    tried = [index for index, volume in enumerate(volumes) if FAILED not in volume]
    needs = {index: estimate_of(volumes[index], evaluator, writes_probability) for index in tried if index in order}
    for index in needs:
        if Keys.LABEL in volumes[index] and BY_BLOCKS not in volumes[index]:
            check_volume_fits(volumes[index], evaluator)
    if heading and needs:
        device = torch.device(evaluator.state.device or "cpu")
        told = f"{task} {counted(len(tried), 'volume')} on {device_name(device)} in {precision(evaluator.inferer)}"
        shared = f" in each of {processes} processes" if (processes := idist.get_world_size()) > 1 else ""
        logger.info("%s, %s%s", told, _memory(max(each.nbytes for each in needs.values()), device), shared)
    progress = Progress(task, total=sum(each.work for each in needs.values()))

    def begin() -> None:
        """Tell of the volume that is read next."""
        index = order[evaluator.state.iteration % len(order)]
        if index not in needs:
            return
        number = f"volume {tried.index(index) + 1} of {len(tried)}, " if len(tried) > 1 else ""
        name, header = volumes[index]["name"], volumes[index].get(HEADER)
        if header is not None:
            logger.info("%s%s: %s", number, name, header.description)
        progress.begin(f"{number}{name}", planned=needs[index].work)

    with progress, evaluator.add_event_handler(Events.GET_BATCH_STARTED, begin):
        yield


def _memory(nbytes: int, device: torch.device) -> str:
    """Return the most memory that a run will take, in words."""
    if device.type == "cuda":
        return f"about {size(nbytes + torch.cuda.memory_allocated(device))} of GPU memory"
    return f"about {size(nbytes + (peak_memory() or 0))} of memory"
