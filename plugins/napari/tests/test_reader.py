"""Files become layers with axes, voxel size and place right; layers become files again."""

import numpy as np
import pytest
from tubenet_napari import lazy
from tubenet_napari.lazy import LazyVolume
from tubenet_napari.reader import get_reader, read_layers
from tubenet_napari.writer import write_layer

from scripts.core import UserError
from scripts.io import open_volume, read_header, read_volume, write_volume

ARRAY = np.arange(6 * 5 * 4, dtype=np.uint8).reshape(6, 5, 4)  # (X, Y, Z)


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".nii.gz", ".nii", ".ome.zarr"])
def test_axes_voxel_size_and_unit(tmp_path, viewer, suffix):
    path = write_volume(tmp_path / f"a{suffix}", ARRAY, voxel_size=(0.5, 0.5, 2), unit="µm")
    (layer,) = viewer.open(str(path), plugin="tubenet-napari")
    assert (np.asarray(layer.data) == ARRAY.transpose(2, 1, 0)).all()
    np.testing.assert_allclose(layer.scale, (2, 0.5, 0.5), rtol=1e-5)
    assert {str(unit) for unit in layer.units} == {"micrometer"}
    assert layer.name == "a"


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".zarr"])
def test_no_unit_is_invented(tmp_path, viewer, suffix):
    path = write_volume(tmp_path / f"a{suffix}", ARRAY)
    (layer,) = viewer.open(str(path), plugin="tubenet-napari")
    np.testing.assert_allclose(layer.scale, (1, 1, 1))
    assert {str(unit) for unit in layer.units} == {"pixel"}


def test_a_place_is_kept_and_a_turned_file_shows_its_voxel_size_alone(tmp_path):
    straight, turned = np.diag([0.5, 0.5, 2, 1.0]), np.diag([-0.5, -0.5, 2, 1.0])
    straight[:3, 3] = turned[:3, 3] = 10, 20, 30
    for affine, start in ((straight, (30, 20, 10)), (turned, (0, 0, 0))):
        path = write_volume(tmp_path / "a.nii", ARRAY, affine=affine, unit="mm")
        ((_, about, _),) = read_layers(str(path))
        np.testing.assert_allclose(about["scale"], (2, 0.5, 0.5))
        np.testing.assert_allclose(about["translate"], start)


def test_each_channel_is_a_layer(tmp_path):
    path = write_volume(tmp_path / "a.ome.tif", np.stack([ARRAY, ARRAY[::-1]]), voxel_size=(1, 1, 2), unit="µm")
    found = read_layers(str(path))
    assert [about["name"] for _, about, _ in found] == ["a, channel 0", "a, channel 1"]
    assert (found[1][0] == ARRAY[::-1].transpose(2, 1, 0)).all()


def test_a_segmentation_becomes_labels(tmp_path):
    ((_, _, kind),) = read_layers(str(write_volume(tmp_path / "a_seg.tif", ARRAY)))
    assert kind == "labels"


def test_a_pyramid_that_is_not_held_has_its_levels(tmp_path, viewer, monkeypatch):
    monkeypatch.setattr(lazy, "MAX_HELD", 0)
    array = np.random.default_rng(0).integers(0, 255, (600, 40, 30), np.uint8)
    path = write_volume(tmp_path / "a.ome.zarr", array, voxel_size=(1, 1, 1), unit="µm")
    (layer,) = viewer.open(str(path), plugin="tubenet-napari")
    assert layer.multiscale
    assert [tuple(shape) for shape in layer.data.shapes] == [(30, 40, 600), (15, 20, 300), (8, 10, 150)]
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2


def test_what_cannot_be_read_is_told_in_one_line(tmp_path, viewer):
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"II*\0 and nothing more")
    with pytest.raises(ValueError, match=r"bad\.tif: .*; ") as refused:
        viewer.open(str(bad), plugin="tubenet-napari")
    assert "\n" not in str(refused.value)


def test_a_folder_that_is_no_volume_is_left_to_others(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    assert get_reader(str(tmp_path)) is None


# -- index by index ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        3,
        -1,
        (2, slice(1, 4)),
        (slice(None), 2, 3),
        (slice(1, 3), slice(None, None, 2), slice(0, 5, 3)),
        (Ellipsis, 2),
        (np.int64(1), Ellipsis),
        slice(2, 2),
    ],
)
def test_lazy_voxels_are_those_of_numpy(tmp_path, key):
    path = write_volume(tmp_path / "a.zarr", ARRAY)
    lazy_volume = LazyVolume(open_volume(path))
    for _ in range(2):  # the second time from what was kept
        found, wanted = lazy_volume[key], ARRAY.transpose(2, 1, 0)[key]
        assert found.shape == wanted.shape
        assert (found == wanted).all()


@pytest.mark.parametrize("key", [9, (0, 0, 0, 0), [1, 2], slice(None, None, -1)])
def test_other_indices_are_refused(tmp_path, key):
    with pytest.raises(IndexError):
        LazyVolume(open_volume(write_volume(tmp_path / "a.zarr", ARRAY)))[key]


# -- back to files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".nii.gz", ".ome.zarr"])
def test_a_layer_is_saved_with_its_voxel_size(tmp_path, viewer, suffix):
    labels = viewer.add_labels(ARRAY.transpose(2, 1, 0).astype(np.int32) % 3, scale=(2, 0.5, 0.5), units=("µm",) * 3)
    path = tmp_path / f"saved{suffix}"
    viewer.layers.save(str(path), selected=True, plugin="tubenet-napari")
    info, voxels = read_volume(path)
    assert (info.unit, info.dtype) == ("µm", np.uint8)
    np.testing.assert_allclose(info.voxel_size, (0.0005, 0.0005, 0.002), rtol=1e-5)
    assert (voxels.transpose(2, 1, 0) == labels.data).all()


def test_pixels_are_no_unit(tmp_path):
    write_layer(tmp_path / "a.tif", ARRAY.transpose(2, 1, 0), {"scale": (1, 1, 1), "units": ("pixel",) * 3})
    assert read_header(tmp_path / "a.tif").unit == ""


def test_a_layer_that_is_no_volume_is_refused(tmp_path):
    with pytest.raises(UserError, match="save one 3-D volume"):
        write_layer(tmp_path / "a.tif", np.zeros((3, 3)), {})
