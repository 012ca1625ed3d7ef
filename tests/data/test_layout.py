"""Which files are images and labels: nnU-Net, nested folders, names in two spellings."""

import json
import os
import unicodedata

import nibabel as nib
import numpy as np
import pytest

from scripts.data import checked_images, find_dataset, find_images, find_labelled, find_volumes
from scripts.io import read_volume, write_volume
from tests.helpers.volume_examples import told

SHAPE = (6, 5, 4)
IMAGE = np.arange(120, dtype=np.int16).reshape(SHAPE)
LABEL = (IMAGE > 60).astype(np.uint8)
NFC, NFD = (unicodedata.normalize(form, "Gefäß é") for form in ("NFC", "NFD"))


def save(path, array=IMAGE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    return path


def nnunet(folder, channels=("0000",), description=None, cases=("a", "b")):
    """A raw dataset of nnU-Net v2; the voxels of channel N are N higher than those of the first."""
    for case in cases:
        for number in channels:
            save(folder / "imagesTr" / f"{case}_{number}.nii.gz", IMAGE + np.int16(number))
        save(folder / "labelsTr" / f"{case}.nii.gz", LABEL)
    names = {str(int(number)): f"stain {number}" for number in channels}
    about = {"channel_names": names, "labels": {"background": 0, "vessel": 1}, "numTraining": len(cases)}
    about |= {"file_ending": ".nii.gz", **(description or {})}
    (folder / "dataset.json").write_text(json.dumps(about))
    return folder


def pairs(items, *keys):
    return [tuple(os.path.basename(item[key]) for key in keys) for item in items]


def test_an_nnunet_dataset(tmp_path, caplog):
    folder = nnunet(tmp_path / "Dataset001_Vessels")
    for path in (folder, folder / "dataset.json"):
        found = find_dataset(path)
        assert pairs(found, "name", "image", "label") == [
            ("a_0000", "a_0000.nii.gz", "a.nii.gz"),
            ("b_0000", "b_0000.nii.gz", "b.nii.gz"),
        ]
        assert pairs(checked_images(path), "name", "image") == pairs(found, "name", "image")
    assert [item["scan"].values for item in find_labelled(folder, channel=0)] == [[0, 1], [0, 1]]
    assert not caplog.text
    (folder / "dataset.json").unlink()
    assert pairs(find_dataset(folder), "name", "label") == pairs(found, "name", "label")
    save(folder / "imagesTs" / "c_0000.nii.gz")
    assert pairs(find_images(folder / "imagesTs"), "name") == [("c_0000",)]


@pytest.mark.parametrize("described", [True, False])
def test_of_an_nnunet_dataset_the_images_without_labels_are_segmented(tmp_path, caplog, described):
    folder = nnunet(tmp_path / "Dataset001_Vessels")
    if not described:
        (folder / "dataset.json").unlink()
    (folder / "imagesTs").mkdir()
    (folder / "imagesTs" / ".DS_Store").touch()
    assert pairs(find_images(folder), "name") == [("a_0000",), ("b_0000",)]  # there is nothing in imagesTs
    assert not caplog.text
    save(folder / "imagesTs" / "c_0000.nii.gz")
    assert pairs(find_images(folder), "name") == [("c_0000",)]
    told = f"imagesTs: is segmented, imagesTr is left out; to segment that, name {folder / 'imagesTr'}"
    assert told in caplog.text
    assert pairs(find_images(folder / "imagesTr"), "name") == [("a_0000",), ("b_0000",)]
    assert pairs(find_dataset(folder), "name") == [("a_0000",), ("b_0000",)]


def test_a_channel_of_an_nnunet_dataset_is_a_file(tmp_path):
    folder = nnunet(tmp_path, channels=("0000", "0001"))
    for find in (find_dataset, checked_images):
        items = find(folder, channel=1)
        assert pairs(items, "name", "image") == [("a_0001", "a_0001.nii.gz"), ("b_0001", "b_0001.nii.gz")]
        np.testing.assert_array_equal(read_volume(items[0]["image"], channel=1)[1], IMAGE + 1)
        assert pairs(find(folder / "dataset.json", channel=0), "name") == [("a_0000",), ("b_0000",)]
        for channel, word in ((None, "not one"), (2, "not 2")):
            with pytest.raises(ValueError, match=word) as error:
                find(folder, channel=channel)
            told(error, folder / "imagesTr" / "a_0000.nii.gz", "files of their own, 0, 1", "--channel")
    assert pairs(checked_images(folder / "imagesTr", channel=1), "name") == [("a_0001",), ("b_0001",)]


def test_what_dataset_json_says_is_compared(tmp_path, caplog):
    folder = nnunet(tmp_path, description={"numTraining": 3, "labels": {"background": 0, "vessel": 1, "ignore": 2}})
    assert len(find_labelled(folder)) == 2  # no file holds a 2
    assert "numTraining is 3, and 2 images are there" in caplog.text
    save(folder / "labelsTr" / "b.nii.gz", LABEL + np.uint8(1))
    with pytest.raises(ValueError, match=r"holds 2, which dataset\.json calls ignore") as error:
        find_labelled(folder)
    told(error, folder / "labelsTr" / "b.nii.gz", "--unlabelled_value 2")
    assert [item["scan"].values for item in find_labelled(folder, unlabelled_value=2)] == [[0, 1], [1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"labels": {}}', ["training", "channel_names"]),
        (
            '{"channel_names": {}, "dataset": {"a": {"images": ["x"], "label": "y"}}}',
            ["under dataset, which is not read"],
        ),
        ("[1]", ["neither a Medical Decathlon list, which has training, nor"]),
        ("[" * 100_000, ["is nested too deep to be read"]),
        ("\ud800", ["is not JSON"]),
        ("{" + " " * 2**26 + "}", ["has 67108866 bytes, more than the 67108864"]),
    ],
)
def test_a_dataset_json_of_another_kind(tmp_path, text, words):
    (tmp_path / "dataset.json").write_bytes(text.encode(errors="surrogatepass"))
    for find in (find_images, find_dataset):
        with pytest.raises(ValueError, match="json") as error:
            find(tmp_path)
        told(error, tmp_path / "dataset.json", *words)


def test_the_first_version_of_nnunet_leaves_the_channel_out_of_its_list(tmp_path):
    listed = [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in ("b", "a")]
    folder = nnunet(tmp_path, ("0000", "0001"), {"training": listed})
    assert pairs(find_dataset(folder, channel=1), "image", "label") == [
        ("b_0001.nii.gz", "b.nii.gz"),
        ("a_0001.nii.gz", "a.nii.gz"),
    ]
    with pytest.raises(ValueError, match="--channel"):
        find_images(folder)


def test_nnunet_names_in_folders_of_ours(tmp_path, caplog):
    for name in ("a_0000", "a_0001", "b_0000", "c"):
        save(tmp_path / "images" / f"{name}.nii.gz")
    for name in ("a", "b", "c", "d"):
        save(tmp_path / "labels" / f"{name}.nii.gz", LABEL)
    assert pairs(find_dataset(tmp_path, channel=0), "image", "label") == [
        ("a_0000.nii.gz", "a.nii.gz"),
        ("b_0000.nii.gz", "b.nii.gz"),
        ("c.nii.gz", "c.nii.gz"),
    ]
    assert "labels without an image are not used: d" in caplog.text


def test_one_label_is_never_used_for_two_images(tmp_path):
    save(tmp_path / "images" / "a.nii.gz")
    again = save(tmp_path / "images" / "a_0001.nii.gz")
    save(tmp_path / "labels" / "a.nii.gz", LABEL)
    with pytest.raises(FileNotFoundError, match="has no label") as error:
        find_dataset(tmp_path)
    told(error, again, str(tmp_path / "labels" / "a_0001"))


def test_nested_volumes_are_told_how(tmp_path):
    """As in BIDS: `sub-01/anat/sub-01_T1w.nii.gz`."""
    inside = save(tmp_path / "sub-01" / "anat" / "sub-01_T1w.nii.gz").relative_to(tmp_path)
    (tmp_path / "participants.tsv.txt").write_text("")
    save(tmp_path / "derivatives" / "sub-01_label.nii.gz", LABEL)
    for find, words in ((find_images, "only in folders in it"), (find_dataset, "has no folder images/")):
        with pytest.raises((ValueError, FileNotFoundError), match=words) as error:
            find(tmp_path)
        told(error, tmp_path, "derivatives/sub-01_label.nii.gz", '"training": [{"image":')
    listed = {"training": [{"image": str(inside), "label": "derivatives/sub-01_label.nii.gz"}]}
    (tmp_path / "dataset.json").write_text(json.dumps(listed))
    assert pairs(find_dataset(tmp_path), "name") == pairs(find_images(tmp_path), "name") == [("sub-01_T1w",)]
    save(tmp_path / "study" / "images" / "deep" / "a.nii.gz")
    (tmp_path / "study" / "labels").mkdir()
    with pytest.raises(ValueError, match=r"such as deep/a\.nii\.gz") as error:
        find_dataset(tmp_path / "study")
    told(error, tmp_path / "study" / "images")


def test_two_spellings_are_one_name_and_files_keep_their_own(tmp_path):
    """Files from a Mac have é as two code points."""
    image = save(tmp_path / "images" / f"{NFD}.nii.gz")
    label = save(tmp_path / "labels" / f"{NFC}.nii.gz", LABEL)
    (item,) = find_dataset(tmp_path)
    assert (item["name"], item["image"], item["label"]) == (NFC, str(image), str(label))
    assert find_images(image)[0]["name"] == find_images(tmp_path)[0]["name"] == NFC
    listed = {"training": [{"image": f"images/{NFC}.nii.gz", "label": f"labels/{NFD}.nii.gz"}]}
    (tmp_path / "dataset.json").write_text(json.dumps(listed))
    (item,) = find_dataset(tmp_path)
    assert (item["name"], item["image"], item["label"]) == (NFC, str(image), str(label))
    save(tmp_path / "images" / f"{NFC}.nii.gz")
    with pytest.raises(ValueError, match="same name"):
        find_volumes(tmp_path / "images")


def test_what_is_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "a.nii.gz")
    for find in (find_images, find_volumes):
        with pytest.raises(OSError, match="neither a file nor a folder") as error:
            find(tmp_path / "a.nii.gz")
        told(error, tmp_path / "a.nii.gz")
    with pytest.raises(OSError, match="pipe, socket or device") as error:
        checked_images(tmp_path)
    told(error, tmp_path / "a.nii.gz")
    os.mkfifo(tmp_path / "dataset.json")
    with pytest.raises(OSError, match="pipe, socket or device"):
        checked_images(tmp_path)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a/" * 3000])
def test_a_folder_that_cannot_be(tmp_path, name):
    for find in (find_images, find_dataset):
        with pytest.raises(FileNotFoundError):
            find(tmp_path / name)


@pytest.mark.parametrize("key", ["image", "label"])
def test_a_listed_name_that_cannot_be(tmp_path, key):
    pair = {"image": "imagesTr/a_0000.nii.gz", "label": "labelsTr/a.nii.gz", key: "labelsTr/\0.nii.gz"}
    nnunet(tmp_path, description={"training": [pair]})
    with pytest.raises(FileNotFoundError, match="no file can have such a name"):
        find_dataset(tmp_path)


def test_what_a_command_wrote_is_not_told_as_strange(tmp_path, caplog):
    save(tmp_path / "a.nii.gz")
    (tmp_path / "a_seg").mkdir()
    for name in ("a_outlines.png", "metrics.json", "epochs.csv"):
        (tmp_path / name).touch()
    assert find_volumes(tmp_path) == {"a": tmp_path / "a.nii.gz"}
    assert not caplog.messages
    (tmp_path / "a.oib").touch()
    find_volumes(tmp_path)
    assert caplog.messages == [f"{tmp_path}: ignored, names do not look like volumes: a.oib"]


def test_zarr_folders_are_volumes(tmp_path):
    """Those of a pair may be of any two kinds; nothing inside them is taken for a volume."""
    dataset = tmp_path / "one"
    for name in ("images/a.ome.zarr", "labels/a.zarr", "images/b.zarr", "labels/b.nii.gz"):
        write_volume(dataset / name, LABEL)
    assert pairs(find_dataset(dataset), "name", "image", "label") == [
        ("a", "a.ome.zarr", "a.zarr"),
        ("b", "b.zarr", "b.nii.gz"),
    ]
    assert [item["scan"].values for item in find_labelled(dataset)] == [[0, 1], [0, 1]]
    assert pairs(checked_images(dataset / "images" / "a.ome.zarr"), "name") == [("a",)]
    listed = {"training": [{"image": "images/a.ome.zarr", "label": "labels/a.zarr"}]}
    (dataset / "dataset.json").write_text(json.dumps(listed))
    assert pairs(find_dataset(dataset), "name", "label") == [("a", "a.zarr")]
    with pytest.raises(FileNotFoundError, match=r"holds volumes such as one/images/a\.ome\.zarr and"):
        find_dataset(tmp_path)
