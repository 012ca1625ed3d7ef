"""Find the volumes of a dataset, and check that images and labels match."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import CacheDataset, load_decathlon_datalist

from scripts.core import refuse, region_box
from scripts.io import SUFFIXES, file_family, read_header, split_name, whole_volumes

logger = logging.getLogger(__name__)

DECATHLON = "dataset.json"
TEXT_SUFFIXES = (".txt", ".md", ".json", ".csv", ".xml", ".log", ".pdf", ".py")


def find_images(dataset_dir: str | Path) -> list[dict[str, str]]:
    """List the images in a dataset or in a folder of images, or the one image of a file.

    Args:
        dataset_dir: path of the dataset, folder or file.

    Returns:
        `[{"name": ..., "image": path}, ...]`, sorted by name.

    Raises:
        UserError: if there is no image that can be read, or if two files have the same name.
    """
    if not isinstance(dataset_dir, str | Path):
        refuse(dataset_dir, "is read as a list", "give one file or folder, ./NAME if its name has a comma")
    path = Path(dataset_dir)
    if path.is_file() and path.name != DECATHLON:
        return [{"name": split_name(path)[0], "image": str(path)}]
    if (path / DECATHLON).is_file() or path.name == DECATHLON:
        return _decathlon(path, keys=("image",))
    folder = path / "images" if (path / "images").is_dir() else path
    return [{"name": name, "image": str(file)} for name, file in sorted(find_volumes(folder).items())]


def checked_images(dataset_dir: str | Path, channel: int | None = None) -> list[dict[str, str]]:
    """List images as `find_images` does and check each header, so that none fails after hours.

    Raises:
        UserError: as `find_images` does, and if a file is damaged or is not one volume.
    """
    items = find_images(dataset_dir)
    for item in items:
        read_header(item["image"], channel=channel)
    return items


def find_dataset(
    dataset_dir: str | Path | Sequence[str | Path] | None, region: str | None = None, channel: int | None = None
) -> list[dict[str, Any]]:
    """List the labelled volumes of one or several datasets, after checking their headers.

    Args:
        dataset_dir: a dataset (`images/NAME.EXT` and `labels/NAME.EXT`, or a Medical Decathlon `dataset.json`), or a
            list of datasets; None gives no volumes.
        region: voxels that count as labelled, `x0:x1,y0:y1,z0:z1`.
        channel: which channel to use of an image that has several.

    Returns:
        One item for each volume: `name`, the paths `image` and `label`, `shape` (X, Y, Z), `affine` 4x4 in mm, `region`
        as a box, and `dataset`: the path of its dataset if there are several, else the volume's name.

    Raises:
        UserError: if a folder is missing or empty, an image has no label, two files have the same name, or the voxels
            of an image and its label do not match.
    """
    folders = [dataset_dir] if isinstance(dataset_dir, str | Path) else list(dataset_dir or ())
    items = [
        # dataset_weights applies to the volumes of one dataset, or to several datasets
        {**item, "dataset": item["name"] if len(folders) == 1 else str(folder)}
        for folder in folders
        for item in _dataset_files(Path(folder))
    ]
    names = [item["name"] for item in items]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(", ".join(twice), "used as a name in two datasets", "rename one of them")
    return [{**item, **check_pair(item["image"], item["label"], region, channel)} for item in items]


def _dataset_files(path: Path) -> list[dict[str, str]]:
    if (path / DECATHLON).is_file() or path.name == DECATHLON:
        return _decathlon(path)
    if not (path / "images").is_dir() or not (path / "labels").is_dir():
        missing = next(name for name in ("images", "labels") if not (path / name).is_dir())
        found = "has no folder" if path.is_dir() else "is not a folder, and a dataset needs one with"
        refuse(path, f"{found} {missing}/", "a dataset is images/NAME.EXT with labels/NAME.EXT", FileNotFoundError)
    images, labels = find_volumes(path / "images"), find_volumes(path / "labels")
    if bare := sorted(images.keys() - labels.keys()):
        refuse(
            images[bare[0]],
            f"has no label {path / 'labels' / bare[0]}.*"
            + (f" (and {len(bare) - 1} more like it)" if bare[1:] else ""),
            "add it, or take the image away",
            FileNotFoundError,
        )
    if unused := sorted(labels.keys() - images.keys()):
        logger.warning("labels without an image are not used: %s", ", ".join(unused))
    return [{"name": name, "image": str(images[name]), "label": str(labels[name])} for name in sorted(images)]


def _decathlon(path: Path, keys: Sequence[str] = ("image", "label")) -> list[dict[str, str]]:
    file = path / DECATHLON if path.is_dir() else path
    if not file.is_file():
        refuse(file, "no such file", "check --dataset_dir", FileNotFoundError)
    try:
        items = load_decathlon_datalist(str(file), is_segmentation=True, data_list_key="training")
    except (ValueError, TypeError) as error:
        refuse(file, f"is not a Medical Decathlon list ({error})", "correct the file, or give its folder of images")
    if not items:
        refuse(file, "lists no volume under training", "add some", FileNotFoundError)
    for number, item in enumerate(items):
        if wrong := [key for key in keys if not isinstance(item.get(key), str)]:
            refuse(file, f"volume {number} under training names no {wrong[0]} file", "add it, or take it away")
    volumes = [{"name": split_name(item["image"])[0], **{key: item[key] for key in keys}} for item in items]
    names = [item["name"] for item in volumes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        refuse(file, f"two volumes have the same name {twice[0]!r}", "rename one of the two")
    return volumes


def find_volumes(folder: Path) -> dict[str, Path]:
    """Find the volumes in a folder.

    Returns:
        The path of each volume, by name.

    Raises:
        UserError: if there is no volume, if two files have the same name, or if all are slices of one stack.
    """
    if not folder.exists():
        refuse(folder, "no such file or folder", "check --dataset_dir", FileNotFoundError)
    volumes: dict[str, Path] = {}
    ignored: list[str] = []
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        if not file.name.lower().endswith(SUFFIXES):
            ignored.append(file.name)
            continue
        name = split_name(file)[0]
        if name in volumes:
            refuse(file, f"{volumes[name].name} has the same name {name!r}", "rename or remove one of the two")
        volumes[name] = file
    if ignored:
        logger.warning("%s: ignored, names do not look like volumes: %s", folder, ", ".join(ignored))
    if not volumes:
        for name in ignored:
            if not name.lower().endswith(TEXT_SUFFIXES):
                file_family(folder / name)  # names a converter for a microscope's or scanner's own format
        also = f" (found {', '.join(ignored[:3])})" if ignored else ""
        refuse(folder, f"holds no volume{also}", f"expected one of {' '.join(SUFFIXES)}", FileNotFoundError)
    whole = set(whole_volumes(folder, volumes.values()))
    return {name: file for name, file in volumes.items() if file in whole}


def check_pair(
    image: str, label: str, region: str | None = None, channel: int | None = None, compare_place: bool = True
) -> dict[str, Any]:
    """Check from their headers that the voxels of an image and its label match.

    Args:
        image: path of the image.
        label: path of the label.
        region: voxels that count as labelled, `x0:x1,y0:y1,z0:z1`.
        channel: which channel to use of an image that has several.
        compare_place: compare voxel size and position too, if both files state them.

    Returns:
        `shape` (X, Y, Z), `affine` 4x4 in mm, `region` as a box.

    Raises:
        UserError: if a file is missing, damaged or not one volume, or if the two do not match.
    """
    one, two = read_header(image, channel=channel), read_header(label, channel=0)  # 0 is there in any file
    if two.channel is not None:
        problem = f"a label has one whole number a voxel, this has axes {two.axes} with shape {two.stored_shape}"
        refuse(label, problem, "save one channel of it, or the classes as one image of 0, 1, 2 ..., as the label")
    if one.shape != two.shape:
        refuse(label, f"has {two.shape} voxels (X, Y, Z), its image {image} has {one.shape}", "align them")
    # a label that states no voxel size cannot contradict the image
    if compare_place and one.unit and two.unit and not _same_place(one.affine, two.affine):
        refuse(label, f"has another voxel size or position than its image {image}", "resample it to the image")
    box = region_box(region, one.shape, image)
    return {"shape": one.shape, "affine": one.affine, "region": box}


def _same_place(one: np.ndarray, two: np.ndarray) -> bool:
    # programs round: allow half a voxel in position, and 0.1 % in voxel size and direction
    off = np.abs(np.linalg.solve(one[:3, :3], two[:3] - one[:3]))  # (3, 4)
    return bool(off[:, :3].max() < 1e-3 and off[:, 3].max() < 0.5)


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
        super().__init__(data if volumes is None else volumes, **kwargs)
