"""Datasets of parts of volumes: what lies outside a part is marked as not labelled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, box_text, refuse, slices, write_text
from scripts.data import DECATHLON
from scripts.io import VolumeInfo, read_volume, split_name, write_volume

NOT_LABELLED = 2
"""What labels of parts have where nothing is labelled, in files; give the commands `--unlabelled_value 2`."""
WRITTEN = (".tif", ".tiff", ".ome.tif", ".ome.tiff", ".nii", ".nii.gz", ".npy", ".nrrd", ".mha")


@dataclass(frozen=True, eq=False)
class LabelledVolume:
    """A volume with its label in memory.

    Attributes:
        name: of the volume.
        image: path of its image.
        label: path of its label.
        info: the header of the label.
        voxels: `(X, Y, Z)` int8: 1 for vessel of any class, 0 for background, -1 where nothing is labelled.
    """

    name: str
    image: str
    label: str
    info: VolumeInfo
    voxels: np.ndarray

    @classmethod
    def read(cls, item: Mapping[str, Any], unlabelled_value: float | None = None) -> LabelledVolume:
        """Read the label of a volume (`scripts.data.find_dataset`)."""
        info, found = read_volume(item["label"])
        voxels = (found > 0).astype(np.int8)  # (X, Y, Z), as is all that follows
        voxels[found < 0] = -1
        for value in (unlabelled_value, item.get("ignore")):
            if value is not None:
                voxels[found == value] = -1
        return cls(item["name"], str(item["image"]), str(item["label"]), info, voxels)

    @property
    def digest(self) -> str:
        """The hash of image and label, by which it shows that either was changed."""
        hashed = hashlib.sha256(np.ascontiguousarray(self.voxels))
        with open(self.image, "rb") as file:
            hashed.update(hashlib.file_digest(file, "sha256").digest())
        return hashed.hexdigest()


@dataclass(frozen=True)
class Part:
    """The inside of a box of a volume, or all that is outside it.

    Attributes:
        box: the box.
        inside: whether it is the inside.
    """

    box: Box
    inside: bool = True

    @classmethod
    def whole(cls, volume: LabelledVolume) -> Part:
        """Return all of a volume."""
        return cls(tuple((0, side) for side in volume.voxels.shape))

    def of(self, label: np.ndarray) -> np.ndarray:
        """Return a label `(X, Y, Z)` with -1 in all that is not of this part."""
        kept = np.full_like(label, -1) if self.inside else label.copy()
        kept[slices(self.box)] = label[slices(self.box)] if self.inside else -1
        return kept

    def __str__(self) -> str:
        return box_text(self.box) if self.inside else f"all but {box_text(self.box)}"


def write_part(folder: Path, volume: LabelledVolume, part: Part) -> Path:
    """Write a dataset of a part of one volume; arguments and errors are those of `write_parts`."""
    return write_parts(folder, [(volume, part)])


def write_parts(folder: Path, parts: Sequence[tuple[LabelledVolume, Part]]) -> Path:
    """Write a dataset of parts of volumes; their images stay where they are.

    Args:
        folder: becomes `dataset.json` and the labels, each as the same kind of file where that can be written.
        parts: volumes of different names, and what of each stays labelled; an image is a file, for a list cannot name
            a folder.

    Returns:
        The folder.

    Raises:
        UserError: if an image is a folder, or a file cannot be written.
    """
    listed = []
    for volume, part in parts:
        if Path(volume.image).is_dir():
            problem = "is a folder, and a study lists its images in a file, which cannot name one"
            refuse(volume.image, problem, "write it as .tif or .nii.gz, or a box of it")
        kept = part.of(volume.voxels)  # (X, Y, Z)
        stem, suffix = split_name(volume.label)
        name = (stem or volume.name) + (suffix if suffix.lower() in WRITTEN else ".nii.gz")
        write_volume(folder / name, np.where(kept < 0, NOT_LABELLED, kept).astype(np.uint8), like=volume.info)
        listed.append({"image": str(Path(volume.image).resolve()), "label": name})
    write_text(folder / DECATHLON, json.dumps({"training": listed}, indent=2) + "\n")
    return folder
