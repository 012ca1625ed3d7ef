"""The command `prepare`: chunked copies of volumes, and notes of what else is looked up."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from pathlib import Path
from typing import Any

from scripts.core import (
    Box,
    Progress,
    advance,
    alone,
    block_sides,
    blocks,
    box_text,
    check_all,
    check_writable,
    make_folder,
    refuse,
    size,
)
from scripts.data import COUNTS, count_label, find_dataset, find_images, is_dataset, labelled_box
from scripts.io import (
    BlockArray,
    Volume,
    VolumeInfo,
    finish_zarr,
    in_unit,
    level_of_label,
    notes_of,
    of_label,
    open_volume,
    read_header,
    storable,
)
from scripts.transforms import scaling_notes, scaling_of
from scripts.weights import ROBUST

logger = logging.getLogger(__name__)

CHUNK = 64  # voxels along each side: a patch touches 18 such chunks at most, and a large volume is not too many files
BLOCK = 2**27  # bytes that are copied at once
SCALINGS = ((0.0, 100.0), tuple(ROBUST.values()))  # of the published weights, and of a training from scratch
UNFINISHED = ".unfinished"  # behind the name of what is not complete
DONE = "done"  # key of the attributes: the number of blocks that were copied, in their order
PLAN = "plan"  # and what is copied
MARGIN = 64


@dataclass(frozen=True)
class _Job:
    """One file to be copied.

    Attributes:
        source: the file.
        target: the Zarr.
        is_label: whether it is a label.
        channel: of the source.
        level: which of its resolutions.
        margin: voxels around what is labelled that are copied too; None copies everything.
        unlabelled_value: the label value that means not labelled, which where to cut depends on.
    """

    source: Path
    target: Path
    is_label: bool
    channel: int | str | None
    level: int
    margin: int | None = None
    unlabelled_value: float | None = None

    @property
    def unfinished(self) -> Path:
        """Where the copy grows."""
        return self.target.with_name(self.target.name + UNFINISHED)

    @property
    def header(self) -> VolumeInfo:
        """What is known of the source besides its voxels."""
        return read_header(self.source, self.channel, self.level)

    def identity(self) -> dict[str, Any]:
        """Return what tells whether a copy is one of this very file."""
        files, nbytes, modified = self.header.state
        told = {"file": str(self.source.resolve()), "files": files, "bytes": nbytes, "modified": modified}
        told |= {"channel": self.channel, "level": self.level, "margin": self.margin}
        return told | ({} if self.margin is None else {"unlabelled_value": self.unlabelled_value})

    def plan(self) -> dict[str, Any]:
        """Return what was planned for the copy that is there; `{}` if it is of another file."""
        if self.target.is_dir():
            found = notes_of(read_header(self.target))
        elif BlockArray.is_begun(self.unfinished):
            found = BlockArray.open(self.unfinished).attributes.get(PLAN, {})
        else:
            return {}
        return found if found.get("source") == self.identity() else {}


def prepare(
    source: str | Path,
    output: str | Path,
    labelled_only: bool = False,
    margin: int = MARGIN,
    channel: int | str | None = None,
    level: int = 0,
    unlabelled_value: float | None = None,
) -> Path:
    """Copy an image or a dataset into Zarr that is read by boxes, and note its range and labels.

    Segmenting and training from disk need no more memory than a few boxes, and begin at once: the range of intensities,
    percentiles, the number of voxels of each class and a map of where these are lie in the copy's attributes. An
    interrupted run goes on where it was when the same command is given again; what is complete is left as it is.

    Args:
        source: an image, a folder of images, or a dataset.
        output: the Zarr of one image, such as scan.zarr; else the folder for the Zarrs, laid out as the source is.
        labelled_only: copy only the box that is labelled and a margin, with the intensity range of the whole.
        margin: voxels around the labelled box; a patch's side is what training can use.
        channel: which channel of images that have several, or depth.
        level: which resolution of a pyramid to copy, 0 the finest.
        unlabelled_value: the label value that means not labelled, besides negative ones.

    Returns:
        The Zarr, or the folder.

    Raises:
        UserError: for files that cannot be read or copied, if the disk is too full, and if something else is where a
            copy is to be.
    """
    if isinstance(margin, bool) or not isinstance(margin, int) or margin < 0:
        refuse(f"--margin {margin}", "is not a whole number of at least 0", "give one such as 64")
    if str(labelled_only).lower() not in ("true", "false"):
        refuse(f"--labelled_only {labelled_only}", "is neither true nor false", "give one of them")
    around = margin if str(labelled_only).lower() == "true" else None
    pairs = list(_jobs(Path(source), Path(output), channel, level, around, unlabelled_value))
    jobs = [job for pair in pairs for job in pair]
    check_writable(Path(output).parent)
    left = [job for job in jobs if not _is_complete(job)]
    if around is None:
        _check_space(left)
    voxels = sum(prod(job.header.shape) for job in left)

    def copy(pair: Sequence[_Job]) -> None:
        """Copy a label and its image, or an image alone."""
        box = None
        for job in pair:
            progress.begin(job.source.name, planned=2 * prod(job.header.shape) if job in left else 0)
            if around is not None and job.is_label:
                box = _box_of(job)
                _check_space([each for each in pair if each in left], box)
            if job in left:
                make_folder(job.target.parent)
                with alone(job.unfinished.with_suffix(".lock"), job.target):
                    if not _is_complete(job):  # by another run, meanwhile
                        _copy(job, box)

    # each is read to be copied, and the copy to be described
    with Progress("preparing", total=2 * voxels) as progress:
        check_all(copy, pairs)  # one that fails does not stop the others
    return Path(output)


def _jobs(
    source: Path, output: Path, channel: int | str | None, level: int, margin: int | None, unlabelled: float | None
) -> Iterator[list[_Job]]:
    """Yield what belongs together: the label, if there is one, and its image."""
    if is_dataset(source):
        if output.resolve() == source.resolve():
            refuse(output, "is the dataset itself", "name another folder")
        for item in find_dataset(source, channel=channel, level=level):
            name = f"{item['name']}.zarr"
            of_it = of_label(channel), level_of_label(item["label"], level), margin, unlabelled
            label = _Job(Path(item["label"]), output / "labels" / name, True, *of_it)
            of_it = channel, level, margin, unlabelled
            yield [label, _Job(Path(item["image"]), output / "images" / name, False, *of_it)]
        return
    if margin is not None:
        refuse("--labelled_only true", f"{source} has no labels", "give a dataset, with images/ and labels/")
    images = find_images(source, channel)
    if source != Path(images[0]["image"]):
        for item in images:
            yield [_Job(Path(item["image"]), output / f"{item['name']}.zarr", False, channel, level)]
    elif output.name.lower().endswith(".zarr"):
        yield [_Job(source, output, False, channel, level)]
    else:
        refuse(output, "does not end in .zarr", "name the Zarr to write, such as scan.zarr")


def _is_complete(job: _Job) -> bool:
    """Tell whether a copy is there already; refuse what else may be in its place."""
    if not job.target.exists():
        return False
    if not (job.target.is_dir() and job.plan()):
        problem = "is there already, and is no such copy of this file as it is now"
        refuse(job.target, problem, "move it, or choose another output", FileExistsError)
    logger.info("%s: is there already, and is left as it is", job.target)
    return True


def _check_space(jobs: Sequence[_Job], box: Box | None = None) -> None:
    """Refuse what may not fit on the disk, of each all or a box; coarser levels add a seventh."""
    if not jobs:
        return
    folder = next(each for each in jobs[0].target.resolve().parents if each.exists())
    needed = 0
    for job in jobs:
        there = sum(file.stat().st_size for file in job.unfinished.rglob("*") if file.is_file())
        shape = [stop - start for start, stop in box] if box else job.header.shape
        needed += max(0, prod(shape) * storable(job.header.dtype).itemsize * 8 // 7 - there)
    free = shutil.disk_usage(folder).free
    problem = f"the copies may take {size(needed)}, less as far as they can be compressed, and {size(free)} are free"
    logger.info(problem)
    if needed > free:
        refuse(folder, problem, "make room, choose another disk, or copy fewer files", OSError)


def _box_of(job: _Job) -> Box:
    """Return the box of what is labelled, with its margin; known if copying has begun."""
    if plan := job.plan():
        return tuple((start, stop) for start, stop in plan["box"])
    with open_volume(job.source, job.channel, job.level) as label:
        box = labelled_box(count_label(label, done=advance), job.unlabelled_value, job.margin or 0)
    if box is None:
        refuse(job.source, "no voxel is labelled", "label some, or leave out --labelled_only")
    logger.info("%s: %s of it is copied, what is labelled and %d voxels around", job.source, box_text(box), job.margin)
    return box


def _copy(job: _Job, box: Box | None) -> None:
    """Copy one file, describe the copy and finish it."""
    with open_volume(job.source, job.channel, job.level) as volume:
        info = volume.info
        box = box or tuple((0, side) for side in info.shape)
        array = _begin(job, volume, box)
        _copy_blocks(array, volume, box)
    plan = array.attributes[PLAN]
    affine = info.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [start for start, _ in box]
    # nothing of the source's format: the copy is an OME-Zarr whatever it was
    like = replace(info, shape=array.shape, dtype=array.dtype, affine=affine, source={"kind": "npy"})
    like = replace(like, intensity_range=plan["stated"])
    copied = _Copied(array, like)
    notes = {**plan, "shape": list(array.shape), "dtype": str(array.dtype)}
    notes |= {"voxel_size": [in_unit(side, info.unit) for side in info.voxel_size], "unit": info.unit}
    if job.is_label:
        notes[COUNTS] = count_label(copied, done=advance).as_notes()
    else:
        notes |= scaling_notes(copied, SCALINGS, advance)
    finish_zarr(array, job.target, like, intensity_range=plan["stated"], notes=notes)
    logger.info("wrote %s", job.target)


def _begin(job: _Job, volume: Volume, box: Box) -> BlockArray:
    """Return the array to copy into, new or as a stopped run left it."""
    shape, dtype = [stop - start for start, stop in box], storable(volume.info.dtype)
    # in chunks: blocks of whole chunks of the copy, so that each is written once, and of the source where that is small
    counts = [ceil(side / CHUNK) for side in shape]
    own = [ceil(side / CHUNK) for side in volume.chunks]
    block = [CHUNK * side for side in block_sides(counts, own, BLOCK // dtype.itemsize // CHUNK**3)]
    plan = {"source": job.identity(), "box": [list(bounds) for bounds in box], "block": block}
    if (found := job.plan()) and {key: found.get(key) for key in plan} == plan:
        logger.info("%s: goes on where it was stopped", job.unfinished)
        if (left := BlockArray.resume(job.unfinished)) is not None:
            return left
    shutil.rmtree(job.unfinished, ignore_errors=True)
    stated = volume.info.usable_range()
    if stated is None and not job.is_label and shape != list(volume.info.shape):
        scaling = scaling_of(volume, **ROBUST)
        stated = (scaling.low, scaling.high)
    array = BlockArray.create(job.unfinished, shape, dtype, [min(CHUNK, side) for side in shape])
    array.update_attributes(**{PLAN: {**plan, "stated": stated}, DONE: 0})
    return array


def _copy_blocks(array: BlockArray, volume: Volume, box: Box) -> None:
    """Copy block by block, and record how many are done."""
    noted = array.attributes
    for number, part in enumerate(blocks(array.shape, noted[PLAN]["block"])):
        if number >= noted[DONE]:
            array.write(part, volume.read(tuple((a + at, b + at) for (a, b), (at, _) in zip(part, box, strict=True))))
            array.update_attributes(**{DONE: number + 1})
        advance(prod(stop - start for start, stop in part))


class _Copied:
    """A copy that is not finished yet, read as a `Volume`."""

    def __init__(self, array: BlockArray, info: VolumeInfo) -> None:
        self.info, self.chunks, self.read = info, array.chunks, array.read
