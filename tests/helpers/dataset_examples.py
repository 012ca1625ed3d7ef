"""Small datasets whose voxels tell where they lie, and the training pipeline that `train.json` makes of them."""

from pathlib import Path

import numpy as np
from monai.bundle import ConfigParser

from scripts.io import write_volume

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
RIGID = {
    "augmentation#rotate#prob": 0.0,
    "augmentation#zoom#prob": 0.0,
    "augmentation#flip_first#prob": 0.0,
    "augmentation#flip_second#prob": 0.0,
}
"""Overrides that leave only the crop: rotation, zoom and both flips off."""


def write_pair(dataset, name, image, label, suffix=".tif", **geometry):
    """Write `images/NAME` and `labels/NAME` of a dataset."""
    write_volume(dataset / "images" / f"{name}{suffix}", np.asarray(image, np.float32), **geometry)
    label = np.asarray(label)
    label = label.astype(np.float32 if label.min() < 0 else np.uint8)
    write_volume(dataset / "labels" / f"{name}{suffix}", label, **geometry)
    return dataset


def ramp(shape, axis):
    """(X, Y, Z) whose value is the index along one axis."""
    return np.indices(shape, dtype=np.float32)[axis]


def train_parser(dataset, **options):
    """`train.json` for a dataset, with patches of 16 voxels if not told otherwise."""
    parser = ConfigParser()
    parser.read_config(str(BUNDLE / "configs" / "train.json"))
    options = {"bundle_root": str(BUNDLE), "dataset_dir": str(dataset), "patch_size": [16, 16, 16], **options}
    parser.update({"train#dataset#progress": False, **options})
    return parser


def train_set(dataset, **options):
    """The `PatchDataset` that `train.json` makes."""
    return train_parser(dataset, **options).get_parsed_content("train#dataset")


class CodedPatches:
    """Patches of which every voxel tells where in the volume it comes from.

    The same dataset three times, its image counting voxels along X, Y and Z in turn: draws depend on the label alone,
    so all three see the same patches.
    """

    def __init__(self, folder, label, geometry=None, **options):
        self.scale = np.array(label.shape) - 1
        datasets = [
            write_pair(folder / a, "v", ramp(label.shape, i), label, **geometry or {}) for i, a in enumerate("xyz")
        ]
        self.sets = [train_set(dataset, **options) for dataset in datasets]

    def __getitem__(self, index):
        """Where the voxels of patch `index` come from, (3, X, Y, Z) in voxels, and their label, (X, Y, Z)."""
        patches = [patches[index] for patches in self.sets]
        assert all((patch["label"] == patches[0]["label"]).all() for patch in patches)
        where = np.stack([patch["image"][0].numpy() * s for patch, s in zip(patches, self.scale, strict=True)])
        return where, patches[0]["label"][0].numpy()


def gradient(where):
    """(source axis, patch axis): how far one step along each patch axis goes, in the middle of the patch."""
    middle = [side // 2 for side in where.shape[1:]]
    steps = [where[(slice(None), *(m + (a == axis) for a, m in enumerate(middle)))] for axis in range(3)]
    return np.stack([step - where[(slice(None), *middle)] for step in steps], axis=1)


def write_tubes(folder, name, shape, vessel=255):
    """A dataset of one volume: a straight tube of radius 4 along X, of brightness 200 on a noisy ground of 100."""
    _, y, z = np.indices(shape)
    tube = (y - shape[1] // 2) ** 2 + (z - shape[2] // 2) ** 2 <= 16
    noise = np.random.default_rng(0).normal(scale=10, size=shape)
    geometry = {"voxel_size": (2.0, 2.0, 5.0), "unit": "µm"}
    write_volume(folder / "images" / f"{name}.tif", (100 + 100 * tube + noise).astype(np.float32), **geometry)
    write_volume(folder / "labels" / f"{name}.tif", (tube * vessel).astype(np.uint8), **geometry)
    return folder
