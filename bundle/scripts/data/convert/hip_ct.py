"""Human kidneys in HiP-CT: the arteries.

They are of the competition SenNet + HOA (Kaggle: blood-vessel-segmentation). Layout, from its page as many
repositories quote it: `train/kidney_1_dense/images/0000.tif` with `labels/0000.tif`, one file a slice, and so on; the
images of `kidney_3_dense` are in `kidney_3_sparse`. Arteries alone are labelled.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import refuse
from scripts.io import read_slices, write_volume

from .copying import new_dataset

logger = logging.getLogger(__name__)

LICENCE = "the competition's rules, which we could not read: see whether they allow weights that ship"
DENSE = {"kidney_1_dense": ("kidney_1_dense", 50.0), "kidney_3_dense": ("kidney_3_sparse", 50.16)}
"""What is densely labelled: where its images are, and its voxel size in micrometres."""
SLAB = 256  # most slices of a volume of the dataset, so that one fits into memory
ENDS = (0.001, 99.999)  # percentiles that become 0 and 1, as train.json has them


def convert(source: Path, output_dir: Path) -> None:
    """Make a dataset of what is densely labelled; see `import_dataset`.

    Its volumes are slabs of at most 256 slices. Each states the intensity range of its whole kidney. Elsewhere a
    third of the vessels, or more, is not drawn, and would be taught as background.
    """
    train = source / "train" if (source / "train").is_dir() else source
    there = {name: _pairs(train, name) for name in DENSE if (train / name / "labels").is_dir()}
    if not there:
        problem = f"has no folder {' nor '.join(f'train/{name}/labels' for name in DENSE)}"
        refuse(source, problem, "give the folder of the data set", FileNotFoundError)
    for folder in sorted(path.name for path in train.iterdir() if path.is_dir() and path.name not in there):
        logger.info("%s: is not taken, for it is not known to be densely labelled", train / folder)
    firsts = [(read_slices(pairs[0][:1]), len(pairs)) for pairs in there.values()]  # (X, Y, 1) each
    size = sum(slices * image.size * (image.itemsize + 1) for image, slices in firsts)
    with new_dataset(source, output_dir, size) as dataset:
        for name, pairs in there.items():
            ends = _ends([image for image, _ in pairs])
            for slab in np.array_split(np.arange(len(pairs)), math.ceil(len(pairs) / SLAB)):
                images, labels = zip(*(pairs[number] for number in slab), strict=True)
                file, place = f"{name}_{images[0].stem}.tif", {"voxel_size": [DENSE[name][1]] * 3, "unit": "µm"}
                image, label = read_slices(images), read_slices(labels) > 0  # (X, Y, Z) both
                if image.shape != label.shape:
                    refuse(labels[0], f"has slices of {label.shape[:2]}, the image of {image.shape[:2]}", "align them")
                write_volume(dataset / "images" / file, image, intensity_range=ends, **place)
                write_volume(dataset / "labels" / file, label, **place)


def _pairs(train: Path, name: str) -> list[tuple[Path, Path]]:
    """Return the image and the label of each slice of a kidney, in order."""
    images = train / DENSE[name][0] / "images"
    found = (file for file in (train / name / "labels").glob("*.tif") if file.stem.isdecimal())
    labels = sorted(found, key=lambda file: int(file.stem))
    if not labels[1:]:
        refuse(
            train / name / "labels", "holds no slices such as 0000.tif and 0001.tif", "download it", FileNotFoundError
        )
    numbers = [int(file.stem) for file in labels]
    if gap := sorted({*range(numbers[0], numbers[-1])} - {*numbers}):
        refuse(train / name / "labels", f"slice {gap[0]:04d} is missing", "download it", FileNotFoundError)
    if missing := [file.name for file in labels if not (images / file.name).is_file()]:
        refuse(images / missing[0], "no such file", "download it", FileNotFoundError)
    return [(images / file.name, file) for file in labels]


def _ends(images: Sequence[Path]) -> tuple[float, float]:
    """Return the percentiles of a whole kidney that become 0 and 1, slice by slice."""
    counts = np.zeros(2**16, dtype=np.int64)
    for file in images:
        image = read_slices([file])  # (X, Y, 1)
        if image.dtype not in (np.uint8, np.uint16):
            refuse(file, f"holds {image.dtype}, and the competition's images are uint16", "download it again")
        counts += np.bincount(image.ravel(), minlength=2**16)
    low, high = np.searchsorted(np.cumsum(counts), np.array(ENDS) / 100 * counts.sum())
    return float(low), float(high)
