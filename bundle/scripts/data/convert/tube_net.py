"""Convert the authors' published volumes (DOI 10.5522/04/25715604) to a dataset."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.core import check_writable, refuse, whole_folder
from scripts.io import split_name

from ..dataset import check_pair
from ..layout import find_volumes

IMAGES, LABELS, ENDING = "Image data", "Labels", "_labels"


def import_dataset(data_dir: str | Path, output_dir: str | Path) -> Path:
    """Copy the authors' `Image data/NAME.tif` and `Labels/NAME_labels.tif` to a dataset.

    Args:
        data_dir: the downloaded and unpacked dataset.
        output_dir: folder to write `images/NAME.tif` and `labels/NAME.tif` to; it must be empty or not exist yet.

    Returns:
        The dataset. It appears only when complete, after the header of every image was checked against its label's.

    Raises:
        UserError: if a folder, or the image or label of a pair, is missing; if two files have the same name or the
            voxels of a pair do not match; if `output_dir` is not empty, lies in the dataset or cannot be written.
    """
    source, target = Path(data_dir), Path(output_dir).resolve()
    if source.resolve() in (target, *target.parents):
        refuse(target, "lies in the dataset itself", "give another --output_dir")
    pairs = _pairs(source)
    for image, label in pairs.values():
        check_pair(str(image), str(label))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        refuse(target, "is there already", "give another --output_dir", FileExistsError)
    check_writable(target.parent)
    size = sum(file.stat().st_size for pair in pairs.values() for file in pair)
    if (free := shutil.disk_usage(target.parent).free) < size:
        refuse(target, f"needs {size / 1e9:.1f} GB and there are {free / 1e9:.1f} GB", "make room", OSError)
    with whole_folder(target) as dataset:
        for folder in ("images", "labels"):
            (dataset / folder).mkdir()
        for name, (image, label) in pairs.items():
            shutil.copyfile(image, dataset / "images" / image.name)
            shutil.copyfile(label, dataset / "labels" / f"{name}{split_name(label)[1]}")
    return target


def _pairs(source: Path) -> dict[str, tuple[Path, Path]]:
    """Return the image and the label of each volume, by name."""
    for folder in (IMAGES, LABELS):
        if not (source / folder).is_dir():
            refuse(
                source / folder,
                "no such folder",
                f"give the dataset's folder, with {IMAGES}/ and {LABELS}/ in it",
                FileNotFoundError,
            )
    images, labels = find_volumes(source / IMAGES), find_volumes(source / LABELS)
    for name, image in images.items():
        if name + ENDING not in labels:
            refuse(image, f"has no label {source / LABELS / name}{ENDING}.*", "download it", FileNotFoundError)
    if spare := sorted(labels.keys() - {name + ENDING for name in images}):
        refuse(labels[spare[0]], f"has no image in {source / IMAGES}", "download it", FileNotFoundError)
    return {name: (image, labels[name + ENDING]) for name, image in images.items()}
