"""Finding and checking datasets: who is found, and what is refused."""

import json

import nibabel as nib
import numpy as np
import pytest
import tifffile

from scripts.data import checked_images, find_dataset, find_images
from scripts.io import write_volume
from tests.helpers.dataset_examples import write_pair
from tests.helpers.volume_examples import told

SHAPE = (6, 5, 4)
IMAGE = np.arange(120, dtype=np.float32).reshape(SHAPE)
LABEL = (IMAGE > 60).astype(np.uint8)


def names(items):
    return [item["name"] for item in items]


def decathlon(folder, training):
    for name in ("a", "b"):
        write_volume(folder / "imagesTr" / f"{name}.nii.gz", IMAGE)
        write_volume(folder / "labelsTr" / f"{name}.nii.gz", LABEL)
    text = training if isinstance(training, str) else json.dumps({"name": "vessels", "training": training})
    (folder / "dataset.json").write_text(text)
    return folder


def entry(image, label="./labelsTr/a.nii.gz"):
    return {"image": f"./imagesTr/{image}.nii.gz", "label": label}


def test_images_of_a_file_a_folder_and_a_dataset(tmp_path):
    write_pair(tmp_path, "b", IMAGE, LABEL)
    write_pair(tmp_path, "a.v2", IMAGE, LABEL, suffix=".nii.gz")
    assert names(find_images(tmp_path)) == ["a.v2", "b"]
    assert find_images(tmp_path / "images") == find_images(str(tmp_path))
    one = tmp_path / "labels" / "b.tif"
    assert find_images(one) == [{"name": "b", "image": str(one)}]


def test_hidden_and_foreign_files_are_no_volumes(tmp_path, caplog):
    write_pair(tmp_path, "a", IMAGE, LABEL)
    for part in ("images", "labels"):
        (tmp_path / part / "._a.tif").write_bytes(b"what macOS leaves")
        (tmp_path / part / ".DS_Store").write_bytes(b"")
    (tmp_path / "images" / "notes.txt").write_text("")
    assert names(find_images(tmp_path)) == names(find_dataset(tmp_path)) == ["a"]
    assert "notes.txt" in caplog.text
    assert ".DS_Store" not in caplog.text


def test_dataset_items_say_where_and_how_large(tmp_path):
    write_pair(tmp_path, "a", IMAGE, LABEL, voxel_size=(2, 3, 4), unit="mm")
    (item,) = find_dataset(tmp_path, region="1:4,:,2:")
    assert item["name"] == "a"
    assert item["image"] == str(tmp_path / "images" / "a.tif")
    assert item["label"] == str(tmp_path / "labels" / "a.tif")
    assert item["shape"] == SHAPE
    assert item["region"] == ((1, 4), (0, 5), (2, 4))
    np.testing.assert_allclose(np.linalg.norm(item["affine"][:3, :3], axis=0), (2, 3, 4), rtol=1e-6)
    assert find_dataset(tmp_path)[0]["region"] == ((0, 6), (0, 5), (0, 4))


def test_several_datasets_are_one_if_their_names_differ(tmp_path):
    one, two = (write_pair(tmp_path / name, name, IMAGE, LABEL) for name in ("q", "p"))
    assert names(find_dataset([one, str(two)])) == ["q", "p"]
    with pytest.raises(ValueError, match="q: used as a name in two datasets; rename"):
        find_dataset([one, one])


def test_data_sets_are_the_volumes_of_one_dataset_or_several_studies(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, name in ((one, "a"), (one, "b"), (two, "c")):
        write_pair(folder, name, IMAGE, LABEL)
    assert [item["dataset"] for item in find_dataset(one)] == ["a", "b"]
    assert [item["dataset"] for item in find_dataset([one])] == ["a", "b"]
    assert [item["dataset"] for item in find_dataset([one, str(two)])] == [str(one), str(one), str(two)]


def test_no_dataset_is_no_volumes():
    assert find_dataset(None) == []


def test_decathlon_list(tmp_path):
    folder = decathlon(tmp_path, [entry("b"), entry("a")])
    for path in (folder, folder / "dataset.json"):
        assert names(find_images(path)) == names(find_dataset(path)) == ["b", "a"]
    item = find_dataset(folder)[0]
    assert item["image"] == str(folder / "imagesTr" / "b.nii.gz")
    assert item["label"] == str(folder / "labelsTr" / "a.nii.gz")
    assert find_images(decathlon(tmp_path, [{"image": "./imagesTr/a.nii.gz"}]))[0]["name"] == "a"


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ("{not json", "is not JSON"),
        ('{"test": []}', "training"),
        ([], "no volume"),
        (["imagesTr/a.nii.gz"], "Medical Decathlon"),
        ([entry("a"), {"image": "imagesTr/b.nii.gz"}], "volume 1 under training names no label"),
        ([entry("a"), entry("a")], "same name 'a'"),
        ([{**entry("a"), "image": "imagesTr/.."}], "volume 0 under training names a folder as its image"),
        ([{**entry("a"), "image": ["imagesTr/a.nii.gz"]}], "volume 0 under training names no image"),
    ],
)
def test_broken_decathlon_lists_are_named(tmp_path, training, words):
    folder = decathlon(tmp_path, training)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        find_dataset(folder)
    told(error, folder / "dataset.json", words)
    assert error.value.__cause__ is None  # the line that is shown last is this one, not the library's
    if "label" not in words:
        with pytest.raises((ValueError, FileNotFoundError), match=words):
            find_images(folder)


@pytest.mark.parametrize("find", [find_images, find_dataset])
def test_missing_and_empty_folders(tmp_path, find):
    for missing in (tmp_path / "nowhere", tmp_path / "nowhere" / "dataset.json"):
        with pytest.raises(FileNotFoundError) as error:
            find(missing)
        told(error, missing)
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    (tmp_path / "images" / "cells.oif").write_bytes(b"")
    with pytest.raises(ValueError, match="bioformats2raw") as error:  # a microscope's own format: what converts it
        find(tmp_path)
    told(error, tmp_path / "images" / "cells.oif")
    (tmp_path / "images" / "cells.oif").rename(tmp_path / "images" / "cells.txt")
    with pytest.raises(FileNotFoundError) as error:
        find(tmp_path)
    told(error, tmp_path / "images", "holds no volume", "cells.txt", ".nii.gz")


def test_a_dataset_without_labels_is_none(tmp_path):
    write_volume(tmp_path / "images" / "a.tif", IMAGE)
    with pytest.raises(FileNotFoundError) as error:
        find_dataset(tmp_path)
    told(error, tmp_path, "labels/")
    write_volume(tmp_path / "labels" / "b.tif", LABEL)
    with pytest.raises(FileNotFoundError) as error:
        find_dataset(tmp_path)
    told(error, tmp_path / "images" / "a.tif", "has no label", str(tmp_path / "labels" / "a"))
    write_volume(tmp_path / "images" / "c.tif", IMAGE)
    with pytest.raises(FileNotFoundError, match="1 more"):
        find_dataset(tmp_path)


def test_a_label_without_an_image_is_said(tmp_path, caplog):
    write_pair(tmp_path, "a", IMAGE, LABEL)
    write_volume(tmp_path / "labels" / "left_over.tif", LABEL)
    assert names(find_dataset(tmp_path)) == ["a"]
    assert "left_over" in caplog.text


@pytest.mark.parametrize("other", ["a.npy", "a.ome.tif", "a.TIF"])
def test_two_files_of_one_name(tmp_path, other):
    write_pair(tmp_path, "a", IMAGE, LABEL)
    write_volume(tmp_path / "images" / other, IMAGE)
    for find in (find_images, find_dataset):
        with pytest.raises(ValueError, match="same name 'a'; rename") as error:
            find(tmp_path)
        assert "a.tif" in str(error.value)
        assert other in str(error.value)


def test_image_and_label_may_be_of_different_kinds(tmp_path):
    write_volume(tmp_path / "images" / "a.nii.gz", IMAGE, voxel_size=(1, 1, 2), unit="mm")
    write_volume(tmp_path / "labels" / "a.npy", LABEL)  # states no voxel size, so contradicts none
    assert find_dataset(tmp_path)[0]["label"].endswith("a.npy")


def test_a_label_of_another_shape(tmp_path):
    write_volume(tmp_path / "images" / "a.tif", IMAGE)
    write_volume(tmp_path / "labels" / "a.tif", LABEL.transpose(1, 0, 2).copy())
    with pytest.raises(ValueError, match="align") as error:
        find_dataset(tmp_path)
    told(error, tmp_path / "labels" / "a.tif", "(5, 6, 4)", "(6, 5, 4)", str(tmp_path / "images" / "a.tif"))


@pytest.mark.parametrize(
    ("image", "label", "fits"),
    [
        ({}, {}, True),
        ({}, {"size": 1.0005}, True),  # programs round voxel sizes
        ({}, {"size": 1.01}, False),
        ({}, {"at": 0.4}, True),
        ({}, {"at": 1.0}, False),
        ({}, {"shear": 2e-5}, True),  # and directions, through quaternions
        ({}, {"shear": 0.1}, False),
        ({"size": 5e-7}, {"size": 1e-6}, False),  # nanometres, in mm
        ({"size": 1e-3, "at": 10.0}, {"size": 1e-3, "at": 10.005}, False),  # five voxels off, far from the origin
        ({"size": 1e-3, "at": 10.0}, {"size": 1e-3, "at": 10.0004}, True),
    ],
)
def test_label_lies_where_its_image_does(tmp_path, image, label, fits):
    for part, voxels, how in (("images", IMAGE, image), ("labels", LABEL, label)):
        affine = np.diag([*[how.get("size", 1.0)] * 3, 1.0])
        affine[0, 1] += how.get("shear", 0)
        affine[1, 3] += how.get("at", 0)
        write_volume(tmp_path / part / "a.nii", voxels, affine=affine, unit="mm")
    if fits:
        assert names(find_dataset(tmp_path)) == ["a"]
        return
    with pytest.raises(ValueError, match="resample") as error:
        find_dataset(tmp_path)
    told(error, tmp_path / "labels" / "a.nii", str(tmp_path / "images" / "a.nii"))


def test_a_flipped_label_is_refused_although_no_unit_is_named(tmp_path):
    """nibabel names no unit: such labels were accepted, and scored 0.36 instead of 0.81."""
    for part, affine, voxels in (("images", np.eye(4), IMAGE), ("labels", np.diag([-1, 1, 1, 1]), LABEL)):
        (tmp_path / part).mkdir()
        nib.save(nib.Nifti1Image(voxels, affine), tmp_path / part / "a.nii.gz")
    with pytest.raises(ValueError, match="its axes run LAS, those of its image RAS") as error:
        find_dataset(tmp_path)
    remedy = "resample_from_to(label, image, order=0)), or if its voxels fit and only its header is wrong, give it the"
    told(error, tmp_path / "labels" / "a.nii.gz", str(tmp_path / "images" / "a.nii.gz"), remedy)


@pytest.mark.parametrize("suffix", [".tif", ".npy"])
def test_an_orientation_that_the_label_cannot_hold_is_not_compared(tmp_path, suffix):
    write_volume(tmp_path / "images" / "a.nii.gz", IMAGE, affine=np.diag([-0.5, -0.5, 2, 1]), unit="mm")
    write_volume(tmp_path / "labels" / f"a{suffix}", LABEL, voxel_size=(0.5, 0.5, 2), unit="mm")
    assert names(find_dataset(tmp_path)) == ["a"]
    write_volume(tmp_path / "labels" / f"a{suffix}", LABEL, voxel_size=(0.5, 2, 0.5), unit="mm")
    if suffix == ".npy":
        assert names(find_dataset(tmp_path)) == ["a"]
        return
    with pytest.raises(ValueError, match=r"its voxels are 0\.5 × 2 × 0\.5 mm.*; resample it to the image$") as error:
        find_dataset(tmp_path)
    told(error, tmp_path / "labels" / "a.tif")


def test_channels_are_picked_and_never_squeezed(tmp_path):
    write_volume(tmp_path / "images" / "a.ome.tif", np.stack([IMAGE, IMAGE + 1]))
    write_volume(tmp_path / "labels" / "a.tif", LABEL)
    assert find_dataset(tmp_path, channel=1)[0]["shape"] == SHAPE
    for refused in (lambda: find_dataset(tmp_path), lambda: checked_images(tmp_path)):
        with pytest.raises(ValueError, match="channel") as error:
            refused()
        told(error, tmp_path / "images" / "a.ome.tif")
    assert len(checked_images(tmp_path, channel=0)) == 1


def test_region_must_fit_every_volume(tmp_path):
    write_pair(tmp_path, "a", IMAGE, LABEL)
    with pytest.raises(ValueError, match="axis Y has the voxels 0:5") as error:
        find_dataset(tmp_path, region=":,0:6,:")
    assert f"does not fit {tmp_path / 'images' / 'a.tif'}, " in str(error.value)


def test_a_folder_of_slices_is_refused_once_with_the_way_to_join_them(tmp_path):
    for number in range(3):
        tifffile.imwrite(tmp_path / f"s{number}.tif", np.zeros((4, 5), "u1"))
    with pytest.raises(ValueError, match="3 files are single slices") as error:
        find_images(tmp_path)
    told(error, tmp_path, "Fiji: File > Import > Image Sequence")


def test_parts_of_an_ome_set_are_one_image(tmp_path, caplog):
    xml = '<OME xmlns="u"><BinaryOnly MetadataFile="x.companion.ome" UUID="urn:uuid:1"/></OME>'
    for number in range(3):
        array = np.ones((3, 4, 5), "u1")
        tifffile.imwrite(tmp_path / f"p{number}.ome.tif", array, description=xml, metadata=None)
    assert [item["name"] for item in find_images(tmp_path)] == ["p0"]
    assert "3 files are parts of one OME set" in caplog.text


def test_a_label_of_several_channels_is_not_told_to_choose_one(tmp_path):
    write_pair(tmp_path, "a", np.ones((5, 4, 3)), np.ones((5, 4, 3)))
    label = tmp_path / "labels" / "a.tif"
    tifffile.imwrite(label, np.zeros((3, 4, 5, 3), "u1"), photometric="rgb")
    for channel in (None, 0):
        with pytest.raises(ValueError, match="one whole number a voxel") as error:
            find_dataset(tmp_path, channel=channel)
        told(error, label, "save one channel")
        assert "--channel" not in str(error.value)
