"""Copy images and labels of a published data set to a new dataset, whole or not at all."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scripts.core import check_all, check_writable, refuse, whole_folder
from scripts.io import difference, read_header, read_volume, split_name, write_volume

from ..dataset import check_pair
from ..layout import find_volumes, volume_name

logger = logging.getLogger(__name__)


class Case(NamedTuple):
    """A volume of a published data set.

    Attributes:
        name: what it is to be called in the dataset.
        image: file of the image.
        label: file of its label.
    """

    name: str
    image: Path
    label: Path


Relabel = Callable[[Case, np.ndarray], np.ndarray]
"""Makes the label `(X, Y, Z)` of the dataset from that of the data set."""


def vessels(case: Case, label: np.ndarray) -> np.ndarray:
    """Return a label in which all that is above 0 is vessel, 1, as uint8."""
    return (label > 0).astype(np.uint8)


def pair_up(images: Path, labels: Path, image_ending: str = "", label_ending: str = "", prefix: str = "") -> list[Case]:
    """Find the label of each image.

    Args:
        images: folder of the images, `NAME` and `image_ending`.
        labels: folder of the labels, `NAME` and `label_ending`.
        image_ending: what the names of images end in, before the suffix.
        label_ending: what those of labels end in.
        prefix: what is put before NAME in the dataset, where names are mere numbers.

    Raises:
        UserError: if a folder is missing or holds no volume, an image has no label or a label no image.
    """
    for folder in (images, labels):
        if not folder.is_dir():
            remedy = f"give the folder of the data set, with {images.name}/ and {labels.name}/ in it"
            refuse(folder, "no such folder", remedy, FileNotFoundError)
    by_name = {volume_name(file).removesuffix(image_ending): file for file in find_volumes(images).values()}
    of_names = find_volumes(labels)
    for name, image in by_name.items():
        if name + label_ending not in of_names:
            refuse(image, f"has no label {labels / name}{label_ending}.*", "download it", FileNotFoundError)
    if spare := sorted(of_names.keys() - {name + label_ending for name in by_name}):
        refuse(of_names[spare[0]], f"has no image in {images}", "download it", FileNotFoundError)
    return [Case(prefix + name, image, of_names[name + label_ending]) for name, image in sorted(by_name.items())]


def copy_cases(source: Path, output_dir: Path, cases: Sequence[Case], relabel: Relabel | None = None) -> None:
    """Write the image and the label of each volume, after all headers were checked.

    Args:
        source: folder of the data set, which the dataset must not lie in.
        output_dir: the dataset, which must be empty or not exist yet.
        cases: the volumes.
        relabel: makes the labels, which then state the place of their images; without it they are copied as they are.

    Raises:
        UserError: if the voxels of a pair do not match, or the dataset cannot be written.
    """
    check_all(lambda case: check_pair(str(case.image), str(case.label), compare_place=relabel is None), cases)
    size = sum(file.stat().st_size for case in cases for file in (case.image, case.label))
    with new_dataset(source, output_dir, size) as dataset:
        for case in cases:
            suffix = split_name(case.image)[1]
            shutil.copyfile(case.image, dataset / "images" / f"{case.name}{suffix}")
            if relabel is None:
                shutil.copyfile(case.label, dataset / "labels" / f"{case.name}{split_name(case.label)[1]}")
                continue
            image, (info, label) = read_header(case.image), read_volume(case.label)  # (X, Y, Z)
            if found := difference(info, image):
                logger.warning("%s: another place than its image's, %s; that of the image is taken", case.label, found)
            write_volume(dataset / "labels" / f"{case.name}{suffix}", relabel(case, label), like=image)


@contextmanager
def new_dataset(source: Path, output_dir: Path, size: int) -> Iterator[Path]:
    """Yield a folder with `images` and `labels`, which becomes the dataset after the block.

    Args:
        source: folder of the data set.
        output_dir: the dataset.
        size: bytes that it will take, about.

    Raises:
        UserError: if it lies in the data set, is there already or cannot be written, or the disk lacks room.
    """
    target = output_dir.resolve()
    if source.resolve() in (target, *target.parents):
        refuse(target, "lies in the dataset itself", "give another --output_dir")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        refuse(target, "is there already", "give another --output_dir", FileExistsError)
    check_writable(target.parent)
    if (free := shutil.disk_usage(target.parent).free) < size:
        refuse(target, f"needs {size / 1e9:.1f} GB and there are {free / 1e9:.1f} GB", "make room", OSError)
    with whole_folder(target) as dataset:
        for folder in ("images", "labels"):
            (dataset / folder).mkdir()
        yield dataset
