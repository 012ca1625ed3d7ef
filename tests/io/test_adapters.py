import logging
import os

import numpy as np
import pytest
import tifffile
import torch
from monai.data import DataLoader, Dataset, decollate_batch
from monai.transforms import Compose, Invertd, LoadImaged, SaveImaged, Spacingd, SpatialPadd

from scripts.io import SaveVolumed, VolumeReader, read_header, read_volume
from tests.helpers.volume_examples import imagej, nifti, ome, plain, positions, shared_files, told


def npy(path):
    np.save(path, positions())
    return path


MAKE = {
    "a.tif": imagej,
    "A.OME.TIF": ome,
    "scan.v2.tiff": plain,
    "a.nii": nifti,
    "a.nii.gz": nifti,
    "a.npy": npy,
}


def load(path):
    return LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)({"image": str(path)})


@pytest.mark.parametrize("name", MAKE)
def test_from_loader_to_file(tmp_path, name, caplog):
    path = MAKE[name](tmp_path / name)
    loader = DataLoader(
        Dataset([{"image": str(path)}], LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True))
    )
    item = decollate_batch(next(iter(loader)))[0]
    item["pred"] = (item["image"] > 100).float()
    caplog.set_level(logging.INFO)
    save = SaveVolumed("pred", tmp_path / "out", "seg", provenance={"weights": "ab"})
    assert isinstance(save, SaveImaged)
    assert save(item)["pred"] is item["pred"]
    stem, suffix = {"scan.v2.tiff": ("scan.v2", ".tiff")}.get(name, (name[0], name[1:]))
    out = tmp_path / "out" / f"{stem}_seg{suffix}"
    assert os.listdir(tmp_path / "out") == [out.name]
    assert str(out) in caplog.text
    before, (after, voxels) = read_header(path), read_volume(out)
    assert voxels.dtype == np.uint8
    np.testing.assert_array_equal(voxels, positions() > 100)
    assert (before.kind, before.unit, before.stored_shape) == (after.kind, after.unit, after.stored_shape)
    assert np.array_equal(before.affine, after.affine)
    assert after.provenance == ({} if name.endswith("npy") else {"weights": "ab"})


def test_several_channels_of_probability(tmp_path):
    item = load(imagej(tmp_path / "a.tif"))
    item["pred"] = torch.cat([item["image"], item["image"] / 2]) / 256
    SaveVolumed("pred", tmp_path / "out", "prob", "float32")(item)
    with tifffile.TiffFile(tmp_path / "out" / "a_prob.tif") as tif:
        assert (tif.series[0].axes, tif.series[0].dtype) == ("ZCYX", np.float32)
    np.testing.assert_array_equal(read_volume(tmp_path / "out" / "a_prob.tif", 1)[1], positions().astype("f4") / 512)


@pytest.mark.parametrize("value", [0.5, -1, 256, float("nan")])
def test_nothing_is_cast_with_loss(tmp_path, value):
    item = load(imagej(tmp_path / "a.tif"))
    item["pred"] = torch.full_like(item["image"], value)
    with pytest.raises(ValueError, match="do not fit uint8") as error:
        SaveVolumed("pred", tmp_path / "out")(item)
    told(error, tmp_path / "out" / "a_seg.tif", "threshold")
    assert not (tmp_path / "out").exists()


def test_integers_and_halves_fit(tmp_path):
    item = load(imagej(tmp_path / "a.tif"))
    types = {torch.int64: "uint8", torch.bool: "uint8", torch.float16: "float32", torch.int16: "uint16"}
    for dtype, out in types.items():
        item["pred"] = (item["image"] > 100).to(dtype)
        SaveVolumed("pred", tmp_path / "out", output_dtype=out)(item)
        np.testing.assert_array_equal(read_volume(tmp_path / "out" / "a_seg.tif")[1], positions() > 100)


def test_a_result_on_another_grid_is_refused(tmp_path):
    path = imagej(tmp_path / "a.tif")
    item = SpatialPadd("image", (8, 8, 8))(load(path))
    item["pred"] = (item["image"] > 100).float()
    with pytest.raises(ValueError, match="not on the grid") as error:
        SaveVolumed("pred", tmp_path / "out")(item)
    told(error, tmp_path / "out" / "a_seg.tif", "Invertd")


@pytest.mark.parametrize("name", ["a.tif", "a.nii.gz"])
def test_inverted_transforms_bring_the_geometry_back(tmp_path, name):
    make = {"a.tif": imagej, "a.nii.gz": lambda path: nifti(path, affine=np.diag([0.0005, -0.0005, 0.002, 1]))}[name]
    path = make(tmp_path / name)
    before = Compose(
        [
            LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True),
            Spacingd("image", (0.0004, 0.0007, 0.001)),
            SpatialPadd("image", (16, 16, 16)),
        ]
    )
    item = before({"image": str(path)})
    item["pred"] = (item["image"] > 100).float()
    item = Invertd("pred", before, "image", nearest_interp=True)(item)
    SaveVolumed("pred", tmp_path / "out")(item)
    after = read_header(tmp_path / "out" / name.replace("a.", "a_seg."))
    assert after.shape == read_header(path).shape
    assert np.array_equal(after.affine, read_header(path).affine)


def test_a_plain_tensor_takes_the_image_s_metadata_or_is_refused(tmp_path):
    item = load(imagej(tmp_path / "a.tif"))
    item["pred"] = (item["image"] > 100).as_tensor().float()
    SaveVolumed("pred", tmp_path / "out")(item)
    assert (tmp_path / "out" / "a_seg.tif").exists()
    with pytest.raises(ValueError, match="VolumeReader"):
        SaveVolumed("pred", tmp_path / "out")({"pred": item["pred"]})


def test_the_input_is_never_overwritten(tmp_path):
    path = imagej(tmp_path / "a.tif")
    item = load(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="overwrite") as error:
        SaveVolumed("image", tmp_path, "")(item)
    told(error, path)
    assert path.read_bytes() == before


def test_an_empty_folder_is_not_made_too_early(tmp_path):
    SaveVolumed("pred", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", shared_files("images/*"), ids=lambda path: path.name)
def test_real_volumes(path, tmp_path):
    item = load(path)
    item["pred"] = (item["image"] > item["image"].mean()).float()
    SaveVolumed("pred", tmp_path)(item)
    before, after = read_header(path), read_volume(next(tmp_path.iterdir()))[0]
    assert (before.kind, before.shape, before.unit) == (after.kind, after.shape, after.unit)
    assert np.array_equal(before.affine, after.affine)
