"""Datasets of parts of a volume, which the commands of the bundle read as any other."""

from dataclasses import replace

import numpy as np
import pytest

from scripts.core import UserError
from scripts.data import find_dataset, find_labelled
from scripts.io import read_volume
from scripts.study import NOT_LABELLED, LabelledVolume, Part, write_part, write_parts
from tests.helpers.dataset_examples import write_pair, write_tubes

BOX = ((4, 20), (0, 36), (0, 15))


def volume_of(dataset, **how):
    (item,) = find_dataset(dataset)
    return LabelledVolume.read(item, **how)


@pytest.mark.parametrize("inside", [True, False])
def test_what_is_outside_a_part_is_not_labelled(inside, tmp_path):
    dataset = write_tubes(tmp_path / "data", "v", (40, 36, 15))
    volume = volume_of(dataset)
    folder = write_part(tmp_path / "part", volume, Part(BOX, inside))
    (item,) = find_labelled(folder, unlabelled_value=NOT_LABELLED)
    assert item["name"] == "v"
    assert item["image"] == str(dataset / "images" / "v.tif")
    _, written = read_volume(item["label"])
    truth = read_volume(dataset / "labels" / "v.tif")[1] > 0
    within = np.zeros(truth.shape, dtype=bool)
    within[4:20] = True
    assert (written == np.where(within == inside, truth, NOT_LABELLED)).all()
    if inside:
        assert item["scan"].labelled == BOX
    assert str(Part(BOX, inside)) == ("4:20,0:36,0:15" if inside else "all but 4:20,0:36,0:15")


def test_classes_are_one_vessel_and_what_was_not_labelled_stays_so(tmp_path):
    label = np.zeros((8, 8, 8))
    label[0], label[1], label[2], label[3] = -1, 2, 7, 9
    dataset = write_pair(tmp_path / "data", "v", np.arange(512).reshape(8, 8, 8), label, suffix=".nii.gz")
    volume = volume_of(dataset, unlabelled_value=9)
    assert volume.voxels[:, 0, 0].tolist() == [-1, 1, 1, -1, 0, 0, 0, 0]
    folder = write_part(tmp_path / "part", volume, Part(((0, 8), (0, 4), (0, 8))))
    assert read_volume(folder / "v.nii.gz")[1][:, 0, 0].tolist() == [2, 1, 1, 2, 0, 0, 0, 0]
    assert (read_volume(folder / "v.nii.gz")[1][:, 4:] == NOT_LABELLED).all()


def test_the_hash_tells_of_a_changed_image_and_of_a_changed_label(tmp_path):
    label = np.eye(8)[..., None].repeat(8, axis=2)
    hashes = set()
    for image, drawn in ((label, label), (label + 1, label), (label, 1 - label)):
        hashes.add(volume_of(write_pair(tmp_path, "v", image, drawn)).digest)
    assert len(hashes) == 3
    assert volume_of(tmp_path).digest in hashes


def test_several_volumes_make_one_dataset(tmp_path):
    dataset = write_tubes(tmp_path / "data", "v", (40, 36, 15))
    write_tubes(tmp_path / "data", "w", (40, 36, 15))
    volumes = [LabelledVolume.read(item) for item in find_dataset(dataset)]
    folder = write_parts(tmp_path / "part", [(volume, Part(BOX)) for volume in volumes])
    assert [item["name"] for item in find_labelled(folder, unlabelled_value=NOT_LABELLED)] == ["v", "w"]


def test_an_image_that_is_a_folder_is_refused(tmp_path):
    volume = replace(volume_of(write_tubes(tmp_path / "data", "v", (40, 36, 15))), image=str(tmp_path))
    with pytest.raises(UserError, match="is a folder"):
        write_part(tmp_path / "part", volume, Part(BOX))
