"""Find the volumes of a dataset, and check that images and labels match."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.data import CacheDataset

from scripts.core import check_all, refuse, region_box
from scripts.io import difference, is_volume, level_of_label, of_label, read_header

from .layout import DECATHLON, HEADER, PAIRS_OF_FOLDERS, list_images, list_pairs, volume_name

_HOW_TO_ALIGN = (
    " (nibabel.processing.resample_from_to(label, image, order=0)), or if its voxels fit and only its "
    "header is wrong, give it the image's affine"
)


def is_dataset(path: Path) -> bool:
    """Tell whether a path looks like a dataset with labels, by the names in it alone."""
    pairs = (all(os.path.isdir(path / name) for name in each) for each in PAIRS_OF_FOLDERS)
    return path.name == DECATHLON or os.path.isfile(path / DECATHLON) or any(pairs)


def find_images(dataset_dir: str | Path, channel: int | str | None = None) -> list[dict[str, str]]:
    """List the images in a dataset or in a folder of images, or the one image of a file.

    Args:
        dataset_dir: path of the dataset, folder or file.
        channel: which channel to use, where the channels of an image are files of their own (nnU-Net).

    Returns:
        `[{"name": ..., "image": path}, ...]`, sorted by name.

    Raises:
        UserError: if there is no image that can be read, or if two files have the same name.
    """
    if not isinstance(dataset_dir, str | Path):
        refuse(dataset_dir, "is read as a list", "give one file or folder, ./NAME if its name has a comma")
    path = Path(dataset_dir)
    if path.name != DECATHLON and is_volume(path):
        return [{"name": volume_name(path), "image": str(path)}]
    return list_images(path, channel)


def find_dataset(
    dataset_dir: str | Path | Sequence[str | Path] | None,
    region: str | None = None,
    channel: int | str | None = None,
    level: int = 0,
) -> list[dict[str, Any]]:
    """List the labelled volumes of one or several datasets, after checking their headers.

    Args:
        dataset_dir: a dataset (`images/NAME.EXT` and `labels/NAME.EXT`, a Medical Decathlon `dataset.json`, or an
            nnU-Net raw dataset), or a list of datasets; None gives no volumes.
        region: voxels that count as labelled, `x0:x1,y0:y1,z0:z1`.
        channel: which channel to use of an image that has several.
        level: which resolution to use of a pyramid.

    Returns:
        One item for each volume: `name`, the paths `image` and `label`, `shape` (X, Y, Z), `affine` 4x4 in mm, `region`
        as a box, the image's `header` (`VolumeInfo`), and `dataset`: the path of its dataset if there are several, else
        the volume's name.

    Raises:
        UserError: if a folder is missing or empty, an image has no label, two files have the same name, or the voxels
            of an image and its label do not match.
    """
    items = list_datasets(dataset_dir, channel)

    def checked(item: dict[str, Any]) -> dict[str, Any]:
        """Check the headers of a volume."""
        return {**item, **check_pair(item["image"], item["label"], region, channel, level=level)}

    return check_all(checked, items)


def list_datasets(
    dataset_dir: str | Path | Sequence[str | Path] | None, channel: int | str | None = None
) -> list[dict[str, Any]]:
    """List the labelled volumes of one or several datasets by their names; no file is opened.

    Args:
        dataset_dir: as in `find_dataset`.
        channel: as in `find_dataset`.

    Returns:
        One item for each volume: `name`, the paths `image` and `label`, and `dataset`.

    Raises:
        UserError: if a folder is missing or empty, an image has no label, or two files have the same name.
    """
    folders = [dataset_dir] if isinstance(dataset_dir, str | Path) else list(dataset_dir or ())
    items = [
        # dataset_weights applies to the volumes of one dataset, or to several datasets
        {**item, "dataset": item["name"] if len(folders) == 1 else str(folder)}
        for folder in folders
        for item in list_pairs(Path(folder), channel)
    ]
    names = [item["name"] for item in items]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(", ".join(twice), "used as a name in two datasets", "rename one of them")
    return items


def check_pair(
    image: str,
    label: str,
    region: str | None = None,
    channel: int | str | None = None,
    compare_place: bool = True,
    level: int = 0,
    label_level: int | None = None,
) -> dict[str, Any]:
    """Check from their headers that the voxels of an image and its label match.

    Args:
        image: path of the image.
        label: path of the label.
        region: voxels that count as labelled, `x0:x1,y0:y1,z0:z1`.
        channel: which channel to use of an image that has several.
        compare_place: compare what both files state of voxel size, directions and position too.
        level: which resolution to use of a pyramid.
        label_level: that of the label, by default `level_of_label`'s; of a segmentation of that level it is 0.

    Returns:
        `shape` (X, Y, Z), `affine` 4x4 in mm, `region` as a box, and the image's `header` (`VolumeInfo`).

    Raises:
        UserError: if a file is missing, damaged or not one volume, or if the two do not match.
    """
    one = read_header(image, channel, level)
    label_level = level_of_label(label, level) if label_level is None else label_level
    two = read_header(label, of_label(channel) or 0, label_level)  # channel 0 is there in any file
    if two.channel is not None:
        problem = f"a label has one whole number a voxel, this has axes {two.axes} with shape {two.stored_shape}"
        refuse(label, problem, "save one channel of it, or the classes as one image of 0, 1, 2 ..., as the label")
    if one.shape != two.shape:
        refuse(label, f"has {two.shape} voxels (X, Y, Z), its image {image} has {one.shape}", "align them")
    if compare_place and (found := difference(two, one)):
        remedy = "resample it to the image" + (_HOW_TO_ALIGN if one.has_place and two.has_place else "")
        refuse(label, f"has another voxel size or position than its image {image}, {found}", remedy)
    box = region_box(region, one.shape, image)
    return {"shape": one.shape, "affine": one.affine, "region": box, HEADER: one}


class CachedVolumes(CacheDataset):
    """MONAI's `CacheDataset`, which may load other volumes than those in `data`.

    Args:
        data: items that MONAI Label may replace.
        volumes: items to load, by default `data`.
        kwargs: further arguments of MONAI's `CacheDataset`.
    """

    def __init__(
        self, data: Sequence[dict[str, Any]], volumes: Sequence[dict[str, Any]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data if volumes is None else volumes, **{"progress": False} | kwargs)
