"""The authors' published volumes (DOI 10.5522/04/25715604), turned into a study."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scripts.core import check_writable
from scripts.data.dataset import check_pair, find_volumes
from scripts.io import split_name

IMAGES, LABELS, ENDING = "Image data", "Labels", "_labels"


def import_study(data_dir: str | Path, output_dir: str | Path) -> Path:
    """Copy the authors' data set, ``Image data/NAME.tif`` and ``Labels/NAME_labels.tif``, into a study.

    Args:
        data_dir: the downloaded and unpacked data set.
        output_dir: becomes ``images/NAME.tif`` and ``labels/NAME.tif``; it must not hold anything yet.

    Returns:
        The study. It appears whole, after every image was checked against its label by their headers.

    Raises:
        FileNotFoundError: where a folder, or the image or label of a pair, is missing.
        FileExistsError: where ``output_dir`` holds something.
        ValueError: for two files of one name, a pair that does not lie on the same voxels, or an ``output_dir`` in
            the data set.
        OSError: where the study cannot be written.
    """
    source, target = Path(data_dir), Path(output_dir).resolve()
    if source.resolve() in (target, *target.parents):
        raise ValueError(f"{target}: lies in the data set itself; give another --output_dir")
    pairs = _pairs(source)
    for image, label in pairs.values():
        check_pair(str(image), str(label))
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target}: is there already; give another --output_dir")
    check_writable(target.parent)
    size = sum(file.stat().st_size for pair in pairs.values() for file in pair)
    if (free := shutil.disk_usage(target.parent).free) < size:
        raise OSError(f"{target}: needs {size / 1e9:.1f} GB and there are {free / 1e9:.1f} GB; make room")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        study = Path(scratch) / "study"
        try:
            for folder in ("images", "labels"):
                (study / folder).mkdir(parents=True)
            for name, (image, label) in pairs.items():
                shutil.copyfile(image, study / "images" / image.name)
                shutil.copyfile(label, study / "labels" / f"{name}{split_name(label)[1]}")
            study.replace(target)
        except OSError as error:
            raise OSError(
                f"{target}: cannot be written ({error.strerror}), nothing was; choose another folder"
            ) from error
    return target


def _pairs(source: Path) -> dict[str, tuple[Path, Path]]:
    """The image and the label of each name."""
    for folder in (IMAGES, LABELS):
        if not (source / folder).is_dir():
            raise FileNotFoundError(
                f"{source / folder}: no such folder; give the data set's folder, with {IMAGES}/ and {LABELS}/ in it"
            )
    images, labels = find_volumes(source / IMAGES), find_volumes(source / LABELS)
    for name, image in images.items():
        if name + ENDING not in labels:
            raise FileNotFoundError(f"{image}: has no label {source / LABELS / name}{ENDING}.*; download it")
    if spare := sorted(labels.keys() - {name + ENDING for name in images}):
        raise FileNotFoundError(f"{labels[spare[0]]}: has no image in {source / IMAGES}; download it")
    return {name: (image, labels[name + ENDING]) for name, image in images.items()}
