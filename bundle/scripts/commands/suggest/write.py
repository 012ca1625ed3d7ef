"""Write suggested blocks, each with what the network finds in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scripts.core import SEGMENTATION, Box, grown, inside_of, refuse, sha256
from scripts.data import checked_images
from scripts.inference import Looker, write_block
from scripts.io import Volume, file_family, read_header, read_volume, result_name, split_name, write_volume
from scripts.transforms import ScaleToUnitd, Scaling

from .record import BLOCKS, RECORD, SuggestedBlock, holds

MARGIN = 16  # voxels around a block that its first segmentation sees besides
RESULTS = "results"
"""Folder of what the evaluator of a `Looker` writes, in the folder for what is written on the way."""


def write_blocks(
    folder: Path,
    volume: Volume,
    scaling: Scaling,
    boxes: Sequence[tuple[Box, float]],
    looker: Looker,
    work: Path,
) -> Iterator[SuggestedBlock]:
    """Write blocks with what the network finds in them, which sees a margin around each besides.

    Args:
        folder: gets `blocks/NAME.EXT` and `blocks/NAME_seg.EXT`.
        volume: they are cut from.
        scaling: of the whole of it.
        boxes: each with its score.
        looker: what it segments goes into `work / "results"`.
        work: a folder for what is written on the way.

    Yields:
        Each block, when its files are written.

    Raises:
        UserError: if a file is there that an earlier run would not have left; nothing is written over.
    """
    info, bounds, placed = volume.info, (scaling.low, scaling.high), {}
    for box, score in boxes:
        name = "_".join([split_name(info.path)[0], *(str(start) for start, _ in box)])
        placed[name] = box, score, grown(box, (MARGIN,) * 3, info.shape)
        write_block(volume, placed[name][2], _on_the_way(work, name), bounds)
        # a run that was killed leaves the image, or both, before it notes the block
        image, segmentation = _files(folder, info.path, name)
        there = next((each for each in (image, segmentation) if each.exists()), None)
        if there and not (there is image and holds(volume, box, image)):
            refuse(there, f"is there, and {RECORD} does not tell of it", "move it away, or choose another folder")
    dataset = looker.parser.get_parsed_content("dataset")
    dataset.data = checked_images(work)
    scale = next(each for each in dataset.transform.transforms if isinstance(each, ScaleToUnitd))
    scale.invert = scaling.inverted  # by the whole, for a block may hold no vessel
    looker.parser.get_parsed_content("evaluator").run()
    for name, (box, score, wide) in placed.items():
        image, segmentation = _files(folder, info.path, name)
        if not image.exists():
            write_block(volume, box, image, bounds)
        found, voxels = read_volume(work / RESULTS / result_name(_on_the_way(work, name), "seg"))
        label = voxels[inside_of(box, wide)].astype(np.uint8)  # (x, y, z) of the block
        if not segmentation.exists():
            write_volume(segmentation, label, like=read_header(image), provenance=found.provenance)
            known = sha256(segmentation)
        else:  # by somebody's hand, if it is another than would be written
            known = sha256(segmentation) if np.array_equal(read_volume(segmentation)[1], label) else ""
        relative = (each.relative_to(folder).as_posix() for each in (image, segmentation))
        yield SuggestedBlock(name, box, score, *relative, known)


def _files(folder: Path, volume: Path, name: str) -> tuple[Path, Path]:
    """Return the files of a block and of its segmentation."""
    suffix = suffix_of_blocks(volume)
    return folder / BLOCKS / f"{name}{suffix}", folder / BLOCKS / f"{name}{SEGMENTATION}{suffix}"


def _on_the_way(work: Path, name: str) -> Path:
    return work / f"{name}.nii"  # it keeps places, ranges and any type of voxel


def suffix_of_blocks(volume: Path) -> str:
    """Return the suffix of files of blocks: the volume's own, if such a file can be written."""
    others = {"zarr": ".ome.tif", "dicom": ".nii.gz", "npy": ".tif"}  # .npy has no place for the intensity range
    return others.get(file_family(volume)) or split_name(result_name(volume, "seg"))[1]
