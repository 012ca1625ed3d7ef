"""The command `outlines`: a picture of each volume, what was found, and if it is right."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scripts.core import SEGMENTATION, SPREAD, check_writable, refuse, region_box
from scripts.data import DECATHLON, check_pair, find_dataset, find_images, find_volumes, is_result_name
from scripts.io import VolumeInfo, level_of_label, of_label, read_volume
from scripts.report import slice_panel, theme_of, vessel_or_not

MICROMETRES_PER_MM = 1000.0
MAX_IN_MICROMETRES = 20.0  # mm across; the scale bar of a larger volume is in mm


def draw_outlines(
    dataset_dir: str | Path,
    segmentations_dir: str | Path,
    output_dir: str | Path | None = None,
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
    theme: str = "dark",
    class_names: Sequence[str] | None = None,
    region: str | None = None,
    level: int = 0,
) -> None:
    """Draw a picture of each volume, of what was found, and of how far the label agrees.

    NAME_outlines.png shows a slice with the segmentation outlined, the maximum along Z with the segmentation tinted by
    depth, and two cuts along Z. Where there is a label, it shows what is in both and what is in one alone, and states
    Dice, precision and recall over the labelled voxels. Grey values are shown with local contrast, for display only.
    Where NAME_std.EXT lies beside the segmentation, its maximum along Z is drawn too. Nothing is drawn before all files
    have been found and checked. One volume at a time is in memory.

    Args:
        dataset_dir: the dataset, folder of images or image that was segmented. Its labels, where it has some, are
            compared with the segmentations.
        segmentations_dir: the folder with NAME_seg.EXT for each image, as configs/inference.json writes them.
        output_dir: the folder for the pictures; by default that of the segmentations.
        channel: which channel of images that have several.
        unlabelled_value: the label value that means "not labelled", as negative values always do.
        theme: dark or light.
        class_names: names of the values 1, 2, ... of segmentations with several classes, "['NAME','NAME']".
        region: voxels of the labels that count as labelled, x0:x1,y0:y1,z0:z1, as when they were trained on or scored.
        level: which resolution of a pyramid was segmented, 0 the finest.

    Raises:
        UserError: if there is no image, or an image has no segmentation; for a file that cannot be read, two files
            of one name, or a segmentation or label that has other voxels than its image; for a region that does not
            fit one; for a theme that does not exist; if a picture cannot be written.
    """
    theme_of(theme)
    folder = Path(segmentations_dir)
    pictures = folder if output_dir is None else Path(output_dir)
    if not folder.is_dir():
        refuse(folder, "no such folder", "check --segmentations_dir", FileNotFoundError)
    found = find_volumes(folder)
    images = find_images(dataset_dir, channel)
    names = {item["name"] for item in images}
    items = [item for item in images if not is_result_name(item["name"], names)]  # results may lie beside the images
    labels = labels_of(Path(dataset_dir), channel, level)
    if region and not labels:
        refuse(f"--region {region}", "no image has a label, of which it would be the labelled part", "leave it out")
    for item in items:
        _check(item, found, labels, folder, channel, region, level)
    check_writable(pictures)
    for item in items:
        name = item["name"]
        info, image = read_volume(item["image"], channel, level)
        label = None
        if name in labels:
            box = region_box(region, info.shape, name)
            _, voxels = read_volume(labels[name], of_label(channel), level_of_label(labels[name], level))
            label = vessel_or_not(voxels, unlabelled_value, box)
        spacing, unit = _scale_bar(info)
        path = slice_panel(
            pictures / f"{name}_outlines.png",
            image,
            label,
            read_volume(found[name + SEGMENTATION])[1],
            title=name,
            spread=read_volume(found[name + SPREAD])[1] if name + SPREAD in found else None,
            spacing=spacing,
            unit=unit,
            theme=theme,
            names=[str(each) for each in np.atleast_1d(class_names)] if class_names is not None else [],
        )
        print(path, file=sys.stderr)


def labels_of(dataset: Path, channel: int | str | None, level: int = 0) -> Mapping[str, str]:
    """Return the labels of a dataset by name; some images, or all, may have none."""
    if dataset.name == DECATHLON or (dataset / DECATHLON).is_file():
        return {item["name"]: item["label"] for item in find_dataset(dataset, channel=channel, level=level)}
    return {name: str(path) for name, path in find_volumes(dataset / "labels").items()} if _has_labels(dataset) else {}


def _has_labels(dataset: Path) -> bool:
    """Tell whether a dataset has a folder of labels that is not empty."""
    return (dataset / "labels").is_dir() and any((dataset / "labels").iterdir())


def _check(
    item: Mapping[str, str],
    found: Mapping[str, Path],
    labels: Mapping[str, str],
    folder: Path,
    channel: int | str | None,
    region: str | None,
    level: int,
) -> None:
    """Check that an image has a segmentation, and that segmentation and label have its voxels."""
    name, image = item["name"], item["image"]
    if name + SEGMENTATION not in found:
        refuse(
            f"{folder / name}{SEGMENTATION}.*",
            "no such file",
            f"segment {image} first, or give another --segmentations_dir",
            FileNotFoundError,
        )
    for ending in (SEGMENTATION, SPREAD):
        if name + ending in found:
            check_pair(image, str(found[name + ending]), channel=channel, level=level, label_level=0)
    if name in labels:
        check_pair(image, labels[name], region, channel, level=level)


def _scale_bar(info: VolumeInfo) -> tuple[list[float] | None, str]:
    """Return the voxel size and its unit for a scale bar; None where the file states none."""
    if not info.unit:
        return None, ""
    small = max(size * count for size, count in zip(info.voxel_size, info.shape, strict=True)) < MAX_IN_MICROMETRES
    return [size * (MICROMETRES_PER_MM if small else 1.0) for size in info.voxel_size], "µm" if small else "mm"
