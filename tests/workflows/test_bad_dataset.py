"""Whatever is wrong with a dataset to train or score on: one line that names it, and no weights."""

import shutil

import nibabel as nib
import numpy as np
import pytest

from scripts.io import write_volume
from tests.helpers.bundle_command import TINY_NETWORK, TINY_TRAINING, contents
from tests.helpers.volume_examples import imagej, positions


@pytest.fixture
def dataset(tmp_path):
    """One labelled volume, to be spoiled."""
    label = (positions((12, 10, 8), np.int32) % 3 == 0).astype(np.uint8)
    write_volume(
        tmp_path / "dataset" / "images" / "a.npy", label.astype(np.float32) + positions((12, 10, 8), np.float32)
    )
    write_volume(tmp_path / "dataset" / "labels" / "a.npy", label)
    return tmp_path / "dataset"


def no_labels(dataset):
    shutil.rmtree(dataset / "labels")
    return dataset, "has no folder labels/", "labels/NAME.EXT"


def no_label(dataset):
    imagej(dataset / "images" / "b.tif")
    return dataset / "images" / "b.tif", "has no label", "add it, or take the image away"


def label_of_another_shape(dataset):
    np.save(dataset / "labels" / "a.npy", np.ones((12, 10, 7), np.uint8))
    return dataset / "labels" / "a.npy", "(12, 10, 7)", "(12, 10, 8)", "align them"


def label_on_another_grid(dataset):
    for folder, size in (("images", 1), ("labels", 2)):
        voxels = np.load(dataset / folder / "a.npy")
        (dataset / folder / "a.npy").unlink()
        nib.save(nib.Nifti1Image(voxels, np.diag([size, size, 2, 1.0])), dataset / folder / "a.nii")
    return dataset / "labels" / "a.nii", "another voxel size", "resample it"


def nan_in_the_image(dataset):
    path = dataset / "images" / "a.npy"
    voxels = np.load(path)
    voxels[2, 1, 0] = np.nan
    np.save(path, voxels)
    return path, "1 voxels are NaN or infinite", "x=2, y=1, z=0", "replace them"


def image_for_a_label(dataset):
    shutil.copy(dataset / "images" / "a.npy", dataset / "labels" / "a.npy")
    return dataset / "labels" / "a.npy", "different values", "looks like an image"


def nothing_drawn(dataset):
    np.save(dataset / "labels" / "a.npy", np.zeros((12, 10, 8), np.uint8))
    return dataset / "labels" / "a.npy", "holds no vessel", "draw vessels"


SPOILS = (
    *(no_labels, no_label, label_of_another_shape, label_on_another_grid),
    *(nan_in_the_image, image_for_a_label, nothing_drawn),
)


@pytest.mark.parametrize("spoil", SPOILS)
def test_bad_dataset_trains_nothing(spoil, bundle, dataset, tmp_path):
    path, *words = spoil(dataset)
    options = {**TINY_TRAINING, "dataset_dir": dataset, "ckpt_dir": tmp_path / "weights", "num_workers": 2}
    bundle.run("train", **options).refused(f"{path}: ", *words)
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(("configs", "option"), [("train", "ckpt_dir"), (("train", "evaluate"), "output_dir")])
def test_unwritable_folder_is_told_before_the_work(configs, option, bundle, dataset, tiny_weights, tmp_path):
    (tmp_path / "taken").write_text("a file")
    before, out = contents(tmp_path), tmp_path / "taken" / "out"
    options = TINY_TRAINING if configs == "train" else {**TINY_NETWORK, "ckpt_path": tiny_weights}
    done = bundle.run(configs, **options, dataset_dir=dataset, **{option: out})
    done.refused(f"{out}: ", "cannot be written to", f"--{option}")
    assert "[1/1]" not in done.stderr  # no iteration, no case
    assert contents(tmp_path) == before


def test_region_outside_the_volume(bundle, dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": dataset, "ckpt_dir": tmp_path / "weights", "region": "0:10,0:10,4:99"}
    bundle.run("train", **options).refused(dataset / "images" / "a.npy", "0:10,0:10,4:99")
    assert not (tmp_path / "weights").exists()
