"""Segment a folder: what is wrong with one volume does not stop the others."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import torch
from monai.data import Dataset
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.transforms import Compose
from monai.utils import CommonKeys as Keys

from scripts.core import (
    AUTO,
    EmptyVolumeError,
    check_name_length,
    counted,
    duration,
    failure_of,
    list_failures,
    most_telling,
    one_line,
    peak_memory,
    refuse,
    refuse_failed,
    size,
    tell_result,
)
from scripts.data import BY_BLOCKS, FAILED, HEADER, WEIGHTS_HASH
from scripts.io import SaveVolumed, file_family, read_header

from .blockwise import Blockwise
from .earlier import EarlierResults, listed
from .progress import check_volume_fits, told_volumes

logger = logging.getLogger(__name__)

PATH, EMPTY = "path", "empty"
NO_CHANCE = -1e4  # a logit whose softmax against 0 is exactly 0


class FolderDataset(Dataset):
    """Loads images; of several, one that cannot be loaded becomes the line that says why.

    An item has the image's `path` and either what the transform makes of it, or `failed`. If every voxel is the same,
    it has the image as it was loaded and `empty`. A single image raises instead.

    Args:
        data: items as `scripts.data.checked_images` lists them; they may be replaced later.
        transform: MONAI's `Compose`; the first of its transforms loads the image.
        empty: whether an image without any contrast is passed on; by default where there are several images.
    """

    def __init__(self, data: Sequence[Mapping[str, Any]], transform: Compose, empty: bool | None = None) -> None:
        super().__init__(data, transform)
        self.empty = empty

    def _transform(self, index: int) -> dict[str, Any]:
        """Load one image; MONAI's `Dataset` calls this for each index."""
        path, alone = str(self.data[index][Keys.IMAGE]), len(self.data) == 1
        item = {**{key: value for key, value in self.data[index].items() if key != HEADER}, PATH: path}
        if FAILED in item:
            return {PATH: path, FAILED: item[FAILED]}
        if BY_BLOCKS in item:
            return {PATH: path, BY_BLOCKS: True}
        try:
            return self.transform(item)
        except Exception as error:  # whatever it is, the others are segmented
            told = most_telling(error)
            if isinstance(told, EmptyVolumeError) and (not alone if self.empty is None else self.empty):
                logger.warning("%s; its segmentation is empty", told)
                return {**Compose(self.transform.transforms[:1])(item), EMPTY: True}
            if alone:
                raise
            return {PATH: path, FAILED: failure_of(path, error)}


class FolderEvaluator(SupervisedEvaluator):
    """MONAI's evaluator, which keeps the failures of volumes and goes on.

    It stops where a single volume fails, and where results cannot be written, as on a full disk.

    Args:
        classes: number of classes that the network tells apart.
        kwargs: arguments of MONAI's `SupervisedEvaluator`; its loader gives the items of a `FolderDataset`, one in
            each batch.

    Attributes:
        failures: a line for each volume that failed.
        blockwise: segments the volumes that are not loaded.
    """

    def __init__(self, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classes = classes
        self.failures: list[str] = []
        self.blockwise: Blockwise | None = None

    def _iteration(self, engine: SupervisedEvaluator, batchdata: dict[str, Any]) -> dict[str, Any]:
        """Segment one volume and write its results; Ignite's engine calls this for each batch."""
        if FAILED in batchdata:
            self.failures.extend(batchdata[FAILED])
            return {}
        alone = len(engine.data_loader) == 1
        try:
            if BY_BLOCKS in batchdata and self.blockwise is not None:
                self.blockwise.segment(Path(batchdata[PATH][0]), alone)
                return {}
            return self._write_empty(batchdata) if EMPTY in batchdata else super()._iteration(engine, batchdata)
        except Exception as error:
            if alone or isinstance(most_telling(error), OSError):
                raise
            self.failures.append(failure_of(batchdata[PATH][0], error))
            engine.state.output = {}  # it may be why memory is short
            return {}

    def _write_empty(self, batchdata: dict[str, Any]) -> dict[str, Any]:
        """Post-process logits by which every voxel is background."""
        image = batchdata[Keys.IMAGE]  # (1, C, X, Y, Z)
        logits = torch.full((1, self.classes, *image.shape[2:]), NO_CHANCE)  # (1, K, X, Y, Z)
        logits[:, 0] = 0
        self.state.output = {Keys.IMAGE: image, Keys.LABEL: None, Keys.PRED: logits}
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output


def segment_folder(
    evaluator: FolderEvaluator, dataset: FolderDataset, postprocessing: Compose, blockwise: Blockwise | None = None
) -> None:
    """Segment all volumes of a dataset, then list those that failed, a line each.

    Names and sizes of the results are checked before, and whether each volume fits into memory. The log tells of each
    volume before it is read, and of the time that is left for all; at the end, of the earlier results that were
    replaced, and of those in the same folder that are not of this run.

    Args:
        evaluator: segments the volumes and writes the results.
        dataset: the volumes.
        postprocessing: the evaluator's; what is a `SaveVolumed` in it writes a file for each volume.
        blockwise: segments what does not fit into memory; by default such volumes fail.

    Raises:
        UserError: if a volume failed; if the results cannot have their names, or the disk has no room for them; if a
            single volume does not fit into memory.
    """
    started = time.monotonic()
    writers = [each for each in postprocessing.flatten().transforms if isinstance(each, SaveVolumed)]
    writes_probability = any(writer.output_dtype.kind == "f" for writer in writers)
    if blockwise is not None and writers:
        blockwise.use(evaluator, dataset.transform, postprocessing.flatten().transforms)
        evaluator.blockwise = blockwise
    dataset.data = _fitting(check_outputs(dataset.data, writers), evaluator, writes_probability)
    total = len(dataset.data)
    for item in dataset.data:
        if FAILED in item:
            logger.warning("left out: %s", item[FAILED])
    images = [Path(str(item[Keys.IMAGE])) for item in dataset.data]
    earlier = EarlierResults(writers[0].output_dir, images) if writers else None
    try:
        with told_volumes(evaluator, dataset.data, writes_probability=writes_probability):
            evaluator.run()
    except BaseException:
        list_failures(evaluator.failures)
        if total > 1 and (untried := total - evaluator.state.iteration):
            logger.error("%d of %d volumes were not tried", untried, total)
        raise
    replaced = earlier.replaced if earlier is not None else []
    if earlier is not None:
        earlier.tell_left()
    if evaluator.failures:
        if replaced:
            tell_result("earlier results replaced: %s", listed(replaced))
        refuse_failed(evaluator.failures, total, "segmented", "correct them, the others are done")
    if (peak := peak_memory()) is not None:
        logger.debug("this process has held %s of memory at most", size(peak))
    where = f", into {writers[0].output_dir}" if writers else ""
    where += f"; earlier results replaced: {listed(replaced)}" if replaced else ""
    tell_result("%s segmented in %s%s", counted(total, "volume"), duration(time.monotonic() - started), where)


def _fitting(
    data: Sequence[Mapping[str, Any]], evaluator: FolderEvaluator, writes_probability: bool
) -> list[dict[str, Any]]:
    """Return the items; those that do not fit into memory go by blocks, or have `failed`.

    A single one is refused.
    """
    checked, blockwise = [], evaluator.blockwise
    for item in data:
        checked.append({**item})
        if FAILED in item or HEADER not in item:
            continue
        try:
            if blockwise is not None and blockwise.mode == "true":
                checked[-1][BY_BLOCKS] = blockwise.plan(item[HEADER]).nbytes
            else:
                check_volume_fits(item, evaluator, writes_probability)
        except MemoryError as error:
            if blockwise is not None and blockwise.mode == AUTO and not blockwise.needs_all:
                logger.info("%s: it is segmented by blocks", one_line(error).partition(";")[0])
                checked[-1][BY_BLOCKS] = blockwise.plan(item[HEADER]).nbytes
            elif len(data) == 1:
                raise
            else:
                checked[-1][FAILED] = one_line(error)
    return checked


def check_outputs(data: Sequence[Mapping[str, Any]], writers: Sequence[SaveVolumed]) -> list[dict[str, Any]]:
    """Check before the work whether results can have their names, and have room on the disk.

    Args:
        data: items as `scripts.data.checked_images` lists them.
        writers: what writes a file for each volume.

    Returns:
        The items; one whose results cannot have their names has `failed` now.

    Raises:
        UserError: for such a name of a single volume, if a result would replace a file that is none, and if files that
            are not compressed need more room than the disk has. How small compressed ones become is not known.
    """
    checked, needed = [], 0
    images = {Path(str(item[Keys.IMAGE])).resolve() for item in data}
    for item in data:
        try:
            outputs = [writer.output_path(Path(str(item[Keys.IMAGE]))) for writer in writers]
            for path in outputs:
                check_name_length(path)
                _check_is_free(path, item, images)
        except FileExistsError:
            raise
        except ValueError as error:
            if len(data) == 1:
                raise
            checked.append({FAILED: one_line(error), **item})
            continue
        checked.append({**item})
        sizes = [_size(item, writer) for writer in writers]
        needed += sum(size - _present(path) for path, size in zip(outputs, sizes, strict=True) if size)
    if writers and needed > (free := shutil.disk_usage(writers[0].output_dir).free):
        problem = f"the results need {needed / 1e9:.1f} GB, and the disk has {free / 1e9:.1f} GB left"
        refuse(writers[0].output_dir, problem, "make room, or choose another --output_dir", OSError)
    return checked


def _check_is_free(path: Path, item: Mapping[str, Any], images: Set[Path]) -> None:
    """Refuse to replace what may be somebody's work; an earlier result says that it is one."""
    remedy = "move it, or choose another --output_dir"
    if path.resolve() in images:
        refuse(path, "is itself an image to segment, and a result would replace it", remedy, FileExistsError)
    if not path.exists():
        return
    beside = path.resolve().parent == Path(str(item[Keys.IMAGE])).resolve().parent
    if file_family(path) == "npy" and not beside:  # it cannot say what it is
        return
    try:
        is_ours = WEIGHTS_HASH in read_header(path).provenance
    except Exception:  # whatever it is, no result of this bundle
        is_ours = False
    if not is_ours:
        refuse(path, "exists, does not say that it is a result, and would be replaced", remedy, FileExistsError)


def _size(item: Mapping[str, Any], writer: SaveVolumed) -> int:
    """Return the bytes that a result has at least; 0 if it will be compressed or is not known."""
    header = item.get(HEADER)
    if header is None:
        return 0
    name = writer.output_path(Path(str(item[Keys.IMAGE]))).name.lower()
    compressed = name.endswith((".gz", ".dcm", ".zarr"))  # a DICOM segmentation takes a bit a voxel
    compressed |= header.source.get("compression", "NONE") != "NONE" or header.source.get("compressed", False)
    voxels = header.shape[0] * header.shape[1] * header.shape[2]
    return 0 if compressed else voxels * writer.output_dtype.itemsize


def _present(path: Path) -> int:
    """Return the bytes of an earlier result, which the new one replaces."""
    return path.stat().st_size if path.is_file() else 0
