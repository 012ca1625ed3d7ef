"""Look at segmentations: a picture of each volume, with what was found outlined, and the label where there is one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.datasets import DECATHLON, check_pair, find_images, find_study
from scripts.report import slice_panel
from scripts.volume_io import SUFFIXES, check_writable, read_volume

MICROMETRES_PER_MM = 1000.0
LARGEST_IN_MICROMETRES = 20.0  # mm across; larger fields are measured in mm


def draw_outlines(dataset_dir: str | Path, segmentations_dir: str | Path, output_dir: str | Path | None = None) -> None:
    """Draw each image with its segmentation outlined, ``NAME_outlines.png``: three slices and the maximum along Z.

    A volume at a time is in memory. What is missing or does not fit shows before anything is drawn.

    Args:
        dataset_dir: the study, folder or file that was segmented; the labels of a study are outlined too.
        segmentations_dir: with ``NAME_seg.EXT`` of each image, as ``configs/inference.json`` leaves them.
        output_dir: gets the pictures; by default the folder of the segmentations.

    Raises:
        FileNotFoundError: where an image has no segmentation, or there is no image.
        ValueError: for a file that cannot be read, or a segmentation of other voxels than its image.
        OSError: where a picture cannot be written.
    """
    folder = Path(segmentations_dir)
    pictures = folder if output_dir is None else Path(output_dir)
    items = find_images(dataset_dir)
    labels = _labels(Path(dataset_dir))
    found = {item["name"]: _segmentation_of(item, folder) for item in items}
    check_writable(pictures)
    for item in items:
        name = item["name"]
        info, image = read_volume(item["image"])
        label = read_volume(labels[name])[1] if name in labels else None
        spacing, unit = _scale_bar(info)
        title = name if label is None else f"{name}, and its label"
        path = slice_panel(
            pictures / f"{name}_outlines.png",
            image,
            label,
            read_volume(found[name])[1],
            title=title,
            spacing=spacing,
            unit=unit,
        )
        print(path, file=sys.stderr)


def _labels(study: Path) -> Mapping[str, str]:
    labelled = (study / "labels").is_dir() or study.name == DECATHLON or (study / DECATHLON).is_file()
    return {item["name"]: item["label"] for item in find_study(study)} if labelled else {}


def _segmentation_of(item: Mapping[str, str], folder: Path) -> str:
    for suffix in SUFFIXES:
        path = folder / f"{item['name']}_seg{suffix}"
        if path.is_file():
            check_pair(item["image"], str(path))
            return str(path)
    raise FileNotFoundError(
        f"{folder / item['name']}_seg.*: no such file; segment {item['image']} with configs/inference.json first, "
        "or correct --segmentations_dir"
    )


def _scale_bar(info):
    """Return the voxel size and its unit for a scale bar, or None where the file states none."""
    if not info.unit:
        return None, ""
    small = max(size * count for size, count in zip(info.spacing, info.shape, strict=True)) < LARGEST_IN_MICROMETRES
    return [size * (MICROMETRES_PER_MM if small else 1.0) for size in info.spacing], "µm" if small else "mm"
