import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import LoadImaged

from scripts.io import VolumeReader, read_header, read_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, ome, plain, positions, told


def npy(path):
    np.save(path, positions())
    return path


MAKE = {"a.tif": imagej, "a.ome.tif": ome, "b.tif": plain, "a.nii": nifti, "a.nii.gz": nifti, "a.npy": npy}


@pytest.mark.parametrize("name", MAKE)
def test_header_and_volume_agree(tmp_path, name):
    path = MAKE[name](tmp_path / name)
    info, voxels = read_volume(path)
    header = read_header(str(path))
    np.testing.assert_array_equal(voxels, positions())
    assert (header.shape, header.dtype, header.nbytes) == (info.shape, voxels.dtype, voxels.nbytes)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("workers", [0, 1])
def test_monai_loads_collates_and_decollates(tmp_path, name, workers):
    path = MAKE[name](tmp_path / name)
    load = LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)
    loader = DataLoader(Dataset([{"image": str(path)}], load), batch_size=1, num_workers=workers)
    batch = next(iter(loader))
    image = decollate_batch(batch)[0]["image"]
    info = read_header(path)
    assert isinstance(image, MetaTensor)
    assert image.shape == (1, *SHAPE)
    assert image.affine.dtype == torch.float64
    np.testing.assert_array_equal(image[0], positions())
    np.testing.assert_array_equal(image.affine, info.affine)
    assert image.meta["filename_or_obj"] == str(path)
    assert image.meta["volume_source"] == info.meta()["volume_source"]
    assert (image.meta["unit"], image.meta["file_kind"]) == (info.unit, info.kind)


def test_two_kinds_in_one_batch(tmp_path):
    paths = [imagej(tmp_path / "a.tif"), nifti(tmp_path / "a.nii.gz", np.uint8)]
    load = LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)
    batch = next(iter(DataLoader(Dataset([{"image": str(p)} for p in paths], load), batch_size=2)))
    kinds = [item["image"].meta["file_kind"] for item in decollate_batch(batch)]
    assert kinds == ["imagej", "nifti"]


def test_what_cannot_be_read_does_not_fall_through_to_another_reader(tmp_path):
    """MONAI's other readers return page 1 of a stack."""
    path = plain(tmp_path / "a.tif", array=np.zeros((3, 4, 5), "c8"))
    with pytest.raises(ValueError, match="complex64") as error:
        LoadImaged("image", reader=VolumeReader())({"image": str(path)})
    told(error, path)


def test_a_channel_of_the_reader(tmp_path):
    path = ome(tmp_path / "a.ome.tif", array=np.stack([np.zeros((3, 4, 5)), np.ones((3, 4, 5))]), axes="CZYX")
    image = LoadImaged("image", reader=VolumeReader(channel=1))({"image": path})["image"]
    assert image.shape == SHAPE
    assert image.min() == 1
    for channel in ("1", True, 1.0):
        with pytest.raises(ValueError, match="whole number") as error:
            read_header(path, channel)
        told(error, path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("make", [plain, nifti, None])
def test_not_a_number(tmp_path, value, make):
    array = positions(dtype="f4")
    array[3, 1, 2] = array[4, 3, 2] = value
    path = tmp_path / {plain: "a.tif", nifti: "a.nii.gz", None: "a.npy"}[make]
    if make is None:
        np.save(path, array)
    else:
        make(path, array=array.transpose(2, 1, 0) if make is plain else array)
    with pytest.raises(ValueError, match="NaN") as error:
        read_volume(path)
    told(error, path, "2 voxels", "x=3, y=1, z=2")
    assert read_header(path).shape == SHAPE  # not seen by a header


def test_suffixes():
    assert VolumeReader().verify_suffix("a.OME.TIF")
    assert VolumeReader().verify_suffix(("a.nii.gz",))
    assert not VolumeReader().verify_suffix("a.czi")
    assert not VolumeReader().verify_suffix(["a.tif", "a.png"])


def test_several_files_are_not_one_image(tmp_path):
    paths = (str(imagej(tmp_path / "a.tif")), str(imagej(tmp_path / "b.tif")))
    reader = VolumeReader()
    with pytest.raises(ValueError, match="2 files") as error:
        reader.get_data(reader.read(paths))
    told(error, paths[0])


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        read_header(tmp_path / "a.tif")
    told(error, tmp_path / "a.tif")
    with pytest.raises(ValueError, match="dcm2niix") as error:
        read_header(tmp_path / "a.dcm")
    told(error, tmp_path / "a.dcm")
