import logging
import os

import numpy as np
import pytest
import tifffile
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, Invertd, LoadImaged, SaveImaged, Spacingd, SpatialPadd

from scripts.io import SaveVolumed, VolumeReader, name_of, read_header, read_volume
from tests.helpers.volume_examples import SHAPE, imagej, nifti, npy, ome, plain, positions, shared_files, told, zyx

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


def test_suffixes():
    assert VolumeReader().verify_suffix("a.OME.TIF")
    assert VolumeReader().verify_suffix(("a.nii.gz",))
    assert VolumeReader().verify_suffix("a.czi")
    assert not VolumeReader().verify_suffix(["a.tif", "a.png"])


def test_several_files_are_not_one_image(tmp_path):
    paths = (str(imagej(tmp_path / "a.tif")), str(imagej(tmp_path / "b.tif")))
    reader = VolumeReader()
    with pytest.raises(ValueError, match="2 files") as error:
        reader.get_data(reader.read(paths))
    told(error, paths[0])


def test_an_array_knows_its_file_and_a_plain_tensor_does_not(tmp_path):
    path = imagej(tmp_path / "a.tif")
    image = load(path)["image"]
    assert name_of(image) == str(path)
    assert name_of(image.as_tensor()) == "volume"


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


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "uint32", "int64", "uint64", "longdouble"])
def test_every_type_of_voxels_is_loaded_exactly(dtype, tmp_path):
    limits = [0, 1] if dtype in ("bool", "longdouble") else [np.iinfo(dtype).min, min(np.iinfo(dtype).max, 2**63 - 1)]
    array = np.resize(np.array(limits, dtype), (4, 5, 6))
    np.save(tmp_path / "a.npy", array)
    load = LoadImaged("image", reader=VolumeReader(), dtype=None)
    image = load({"image": str(tmp_path / "a.npy")})["image"]
    assert image.flatten().tolist() == array.ravel().tolist()
    assert image.dtype != torch.bool  # which PyTorch cannot subtract


@pytest.fixture
def scan(tmp_path):
    pytest.importorskip("highdicom")
    from tests.helpers.dicom_examples import series

    return series(tmp_path / "scan")


def test_a_series_becomes_a_segmentation_and_its_probability_nifti(tmp_path, scan, caplog, recwarn):
    image = load(scan)
    assert not [each for each in recwarn if "nvImageCodec" in str(each.message)]
    assert "nvImageCodec" not in caplog.text
    assert image["image"].shape == (1, 7, 5, 4)
    image["pred"] = (image["image"] > 500).float()
    out = tmp_path / "out"
    SaveVolumed("pred", out, "prob", np.float32)(image)
    image["pred"] = image["pred"].to(torch.uint8)
    SaveVolumed("pred", out, "seg", label_names=["background", "thread"])(image)
    assert sorted(os.listdir(out)) == ["scan_prob.nii.gz", "scan_seg.dcm"]
    for name in os.listdir(out):
        info, values = read_volume(out / name)
        np.testing.assert_array_equal(values, image["pred"][0])
        np.testing.assert_allclose(info.affine, read_header(scan).affine, atol=1e-4)


def test_no_result_lies_among_the_slices(scan):
    with pytest.raises(ValueError, match="among the slices") as error:
        SaveVolumed("image", scan).output_path(scan)
    told(error, scan / "scan_seg.dcm", "--output_dir")


def test_a_channel_as_text_and_that_of_labels(tmp_path):
    stacks = np.stack([zyx(positions()), zyx(positions()) + 1])
    plain(tmp_path / "a.tif", array=stacks, metadata={"axes": "CZYX"})
    plain(tmp_path / "b.tif", metadata={"axes": "CYX"})
    for channel in ("1", 1):  # MONAI Label's viewers send text
        voxels, _ = VolumeReader(channel).get_data([tmp_path / "a.tif"])
        np.testing.assert_array_equal(voxels, positions() + 1)
    for channel, label, name in (("depth", False, "b.tif"), ("depth", True, "b.tif")):
        voxels, _ = VolumeReader(channel, label=label).get_data([tmp_path / name])
        np.testing.assert_array_equal(voxels, positions())
    with pytest.raises(ValueError, match="2 channels and not one"):
        VolumeReader(1, label=True).get_data([tmp_path / "a.tif"])
    with pytest.raises(ValueError, match="--channel deep: is not a whole number of at least 0, or depth"):
        VolumeReader("deep")
