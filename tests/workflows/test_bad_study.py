"""Whatever is wrong with a study to train or score on: one line that names it, and no weights."""

import shutil

import nibabel as nib
import numpy as np
import pytest

from scripts.io import write_volume
from tests.helpers.bundle_command import TINY_NETWORK, TINY_TRAINING, contents
from tests.helpers.volume_examples import imagej, positions


@pytest.fixture
def study(tmp_path):
    """One labelled volume, to be spoiled."""
    label = (positions((12, 10, 8), np.int32) % 3 == 0).astype(np.uint8)
    write_volume(tmp_path / "study" / "images" / "a.npy", label.astype(np.float32) + positions((12, 10, 8), np.float32))
    write_volume(tmp_path / "study" / "labels" / "a.npy", label)
    return tmp_path / "study"


def no_labels(study):
    shutil.rmtree(study / "labels")
    return study, "has no folder labels/", "labels/NAME.EXT"


def no_label(study):
    imagej(study / "images" / "b.tif")
    return study / "images" / "b.tif", "has no label", "add it, or take the image away"


def label_of_another_shape(study):
    np.save(study / "labels" / "a.npy", np.ones((12, 10, 7), np.uint8))
    return study / "labels" / "a.npy", "(12, 10, 7)", "(12, 10, 8)", "align them"


def label_on_another_grid(study):
    for folder, size in (("images", 1), ("labels", 2)):
        voxels = np.load(study / folder / "a.npy")
        (study / folder / "a.npy").unlink()
        nib.save(nib.Nifti1Image(voxels, np.diag([size, size, 2, 1.0])), study / folder / "a.nii")
    return study / "labels" / "a.nii", "another voxel size", "resample it"


def nan_in_the_image(study):
    path = study / "images" / "a.npy"
    voxels = np.load(path)
    voxels[2, 1, 0] = np.nan
    np.save(path, voxels)
    return path, "1 voxels are NaN or infinite", "x=2, y=1, z=0", "replace them"


def image_for_a_label(study):
    shutil.copy(study / "images" / "a.npy", study / "labels" / "a.npy")
    return study / "labels" / "a.npy", "different values", "an image given as a label?"


def nothing_drawn(study):
    np.save(study / "labels" / "a.npy", np.zeros((12, 10, 8), np.uint8))
    return study / "labels" / "a.npy", "holds no vessel", "draw vessels"


SPOILS = (
    *(no_labels, no_label, label_of_another_shape, label_on_another_grid),
    *(nan_in_the_image, image_for_a_label, nothing_drawn),
)


@pytest.mark.parametrize("spoil", SPOILS)
def test_bad_study_trains_nothing(spoil, bundle, study, tmp_path):
    path, *words = spoil(study)
    dials = {**TINY_TRAINING, "dataset_dir": study, "ckpt_dir": tmp_path / "weights", "num_workers": 2}
    bundle.run("train", **dials).refused(f"{path}: ", *words)
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize(("configs", "dial"), [("train", "ckpt_dir"), (("train", "evaluate"), "output_dir")])
def test_unwritable_folder_is_told_before_the_work(configs, dial, bundle, study, tiny_weights, tmp_path):
    (tmp_path / "taken").write_text("a file")
    before, out = contents(tmp_path), tmp_path / "taken" / "out"
    dials = TINY_TRAINING if configs == "train" else {**TINY_NETWORK, "ckpt_path": tiny_weights}
    done = bundle.run(configs, **dials, dataset_dir=study, **{dial: out})
    done.refused(f"{out}: ", "cannot be written to", f"--{dial}")
    assert "[1/1]" not in done.stderr  # no iteration, no case
    assert contents(tmp_path) == before


def test_region_outside_the_volume(bundle, study, tmp_path):
    dials = {**TINY_TRAINING, "dataset_dir": study, "ckpt_dir": tmp_path / "weights", "region": "0:10,0:10,4:99"}
    bundle.run("train", **dials).refused(study / "images" / "a.npy", "0:10,0:10,4:99")
    assert not (tmp_path / "weights").exists()
