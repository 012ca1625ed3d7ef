"""The command `outlines`: a picture of each volume with its segmentation and label outlined."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scripts.core import check_writable, refuse
from scripts.data import DECATHLON, SEGMENTATION, check_pair, find_dataset, find_images, find_volumes, is_result_name
from scripts.io import VolumeInfo, read_volume
from scripts.report import slice_panel

MICROMETRES_PER_MM = 1000.0
MAX_IN_MICROMETRES = 20.0  # mm across; the scale bar of a larger volume is in mm


def draw_outlines(
    dataset_dir: str | Path,
    segmentations_dir: str | Path,
    output_dir: str | Path | None = None,
    channel: int | None = None,
    unlabelled_value: float | None = None,
) -> None:
    """Draw a picture of each volume, with its segmentation and label outlined.

    NAME_outlines.png shows three slices and the maximum along Z. Nothing is drawn before all files have been found and
    checked. One volume at a time is in memory.

    Args:
        dataset_dir: the dataset, folder of images or image that was segmented. Where it has labels, they are outlined
            too.
        segmentations_dir: the folder with NAME_seg.EXT for each image, as configs/inference.json writes them.
        output_dir: the folder for the pictures; by default that of the segmentations.
        channel: which channel of images that have several.
        unlabelled_value: the label value that means "not labelled", as negative values always do.

    Raises:
        UserError: if there is no image, or an image has no segmentation; for a file that cannot be read, two files
            of one name, or a segmentation or label that has other voxels than its image; if a picture cannot be
            written.
    """
    folder = Path(segmentations_dir)
    pictures = folder if output_dir is None else Path(output_dir)
    if not folder.is_dir():
        refuse(folder, "no such folder", "check --segmentations_dir", FileNotFoundError)
    found = find_volumes(folder)
    images = find_images(dataset_dir, channel)
    names = {item["name"] for item in images}
    items = [item for item in images if not is_result_name(item["name"], names)]  # results may lie beside the images
    labels = _labels(Path(dataset_dir), channel)
    for item in items:
        _check(item, found, labels, folder, channel)
    check_writable(pictures)
    for item in items:
        name = item["name"]
        info, image = read_volume(item["image"], channel=channel)
        label = read_volume(labels[name])[1] if name in labels else None
        if label is not None and unlabelled_value is not None:
            label = np.where(label == unlabelled_value, 0, label)
        spacing, unit = _scale_bar(info)
        title = name if label is None else f"{name}, and its label"
        path = slice_panel(
            pictures / f"{name}_outlines.png",
            image,
            label,
            read_volume(found[name + SEGMENTATION])[1],
            title=title,
            spacing=spacing,
            unit=unit,
        )
        print(path, file=sys.stderr)


def _labels(dataset: Path, channel: int | None) -> Mapping[str, str]:
    """Return the labels of a dataset by name; some images, or all, may have none."""
    if dataset.name == DECATHLON or (dataset / DECATHLON).is_file():
        return {item["name"]: item["label"] for item in find_dataset(dataset, channel=channel)}
    return {name: str(path) for name, path in find_volumes(dataset / "labels").items()} if _has_labels(dataset) else {}


def _has_labels(dataset: Path) -> bool:
    """Tell whether a dataset has a folder of labels that is not empty."""
    return (dataset / "labels").is_dir() and any((dataset / "labels").iterdir())


def _check(
    item: Mapping[str, str],
    found: Mapping[str, Path],
    labels: Mapping[str, str],
    folder: Path,
    channel: int | None,
) -> None:
    """Check that an image has a segmentation, and that segmentation and label have its voxels."""
    name, image = item["name"], item["image"]
    if name + SEGMENTATION not in found:
        refuse(
            f"{folder / name}{SEGMENTATION}.*",
            "no such file",
            f"segment {image} with configs/inference.json, or give another --segmentations_dir",
            FileNotFoundError,
        )
    check_pair(image, str(found[name + SEGMENTATION]), channel=channel)
    if name in labels:
        check_pair(image, labels[name], channel=channel)


def _scale_bar(info: VolumeInfo) -> tuple[list[float] | None, str]:
    """Return the voxel size and its unit for a scale bar; None where the file states none."""
    if not info.unit:
        return None, ""
    small = max(size * count for size, count in zip(info.voxel_size, info.shape, strict=True)) < MAX_IN_MICROMETRES
    return [size * (MICROMETRES_PER_MM if small else 1.0) for size in info.voxel_size], "µm" if small else "mm"
