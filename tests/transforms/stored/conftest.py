"""Small volumes, in files and in memory, from which patches are drawn either way."""

from types import SimpleNamespace

import numpy as np
import pytest
from monai.transforms import Compose, CropForegroundd, LoadImaged

from scripts.data import find_labelled, label_values
from scripts.io import VolumeReader, write_volume
from scripts.transforms import (
    FitToPatchesd,
    KeepRegiond,
    LabelIndicesd,
    MapLabelsd,
    ScaleToUnitd,
    ThroughPlaneLastd,
    is_labelled,
    rotation_margin,
)
from scripts.transforms.stored import OpenStoredd, ReadStoredd

PATCH = (8, 8, 6)
CROP = rotation_margin(PATCH, 30)


@pytest.fixture(autouse=True)
def small_cells(monkeypatch):
    """Cells of 4³, so that small volumes have many."""
    for module in ("core.boxes", "data.counting", "transforms.stored.cells"):
        monkeypatch.setattr(f"scripts.{module}.CELL", 4)


def examples():
    """By name: label (X, Y, Z), region of the training, voxel size."""
    rng = np.random.default_rng(0)

    def vessels(shape, share=0.15):
        return (rng.random(shape) < share).astype(np.int16)

    partly = np.full((31, 26, 22), -1, np.int16)
    partly[5:17, 9:20, 3:19] = vessels((12, 11, 16))
    ragged = np.where(rng.random((26, 25, 24)) < 0.02, vessels((26, 25, 24), 0.5), -1)
    ragged[:9] = ragged[20:] = -1
    dot = np.full((30, 29, 28), -1, np.int16)
    dot[17, 3, 26] = 1
    dot[18, 4, 26] = 0
    three = vessels((21, 22, 23)) * rng.integers(1, 3, (21, 22, 23)).astype(np.int16) * 7
    three[:4] = 9
    return {
        "whole": (vessels((30, 27, 25)), None, (1, 1, 1)),
        "region": (vessels((33, 28, 21)), ((5, 27), (2, 28), (3, 20)), (1, 1, 1)),
        "partly labelled": (partly, None, (1, 1, 1)),
        "ragged": (ragged, ((0, 26), (3, 22), (1, 24)), (1, 1, 1)),
        "two voxels": (dot, None, (1, 1, 1)),
        "thin, across Y": (vessels((24, 5, 26)), ((0, 17), (0, 5), (0, 26)), (1, 4, 1)),
        "smaller than a patch": (vessels((7, 5, 9)), None, (1, 1, 1)),
        "three classes": (three, ((2, 19), (0, 22), (0, 23)), (1, 1, 1)),
    }


EXAMPLES = examples()


@pytest.fixture(params=EXAMPLES)
def drawn_from(request, tmp_path):
    """One volume: its item, and what it becomes in memory and on disk before a patch is drawn."""
    return make(tmp_path, *EXAMPLES[request.param])


def make(tmp_path, label, region=None, voxel_size=(1, 1, 1), suffix=".tif", patch=PATCH, **how):
    image = np.random.default_rng(1).normal(100, 20, label.shape).clip(1, 250).astype(np.float32) + 40 * (label > 0)
    stated = {"voxel_size": voxel_size, "unit": "µm"}
    write_volume(tmp_path / "images" / f"v{suffix}", image.astype(np.uint8), **stated)
    write_volume(tmp_path / "labels" / f"v{suffix}", label.astype(np.float32), **stated)
    (item,) = find_labelled(tmp_path, unlabelled_value=9)
    item = {**item, "region": region or item["scan"].labelled}
    values, crop = label_values([item], 9), rotation_margin(patch, 30)
    in_memory = Compose(
        [
            LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True, dtype=None),
            LoadImaged("label", reader=VolumeReader(label=True), ensure_channel_first=True, dtype=None),
            ScaleToUnitd("image", **how),
            MapLabelsd("label", values, 9),
            KeepRegiond("label"),
            CropForegroundd(
                ["image", "label"], source_key="label", allow_smaller=True, margin=patch, select_fn=is_labelled
            ),
            ThroughPlaneLastd(["image", "label"]),
            FitToPatchesd("image", "label", patch, crop),
            LabelIndicesd("label"),
        ]
    )
    on_disk = OpenStoredd(values, patch, crop, unlabelled_value=9, **how)
    found = SimpleNamespace(item=item, memory=in_memory(item), disk=on_disk(item), patch=patch, crop=crop)
    # what is scored: as validate#preprocessing has it
    margin = (3, 4, 5)
    cut = CropForegroundd(
        ["image", "label"], source_key="label", allow_smaller=True, margin=margin, select_fn=is_labelled
    )
    found.scored = Compose([*in_memory.transforms[:5], cut])(item)
    found.read = lambda: ReadStoredd(values, margin, unlabelled_value=9, **how)(item)
    return found
