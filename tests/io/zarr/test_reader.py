import json
import logging
import pickle

import numcodecs
import numpy as np
import pytest
import zarr

from scripts.io import open_volume, read_header, read_volume, write_volume
from tests.helpers.volume_examples import SHAPE, positions, told, zyx
from tests.io.zarr.examples import many, ome_zarr, plain_zarr

WHOLE = tuple((0, side) for side in SHAPE)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_an_image_of_each_version(tmp_path, version):
    path = ome_zarr(tmp_path / "a.ome.zarr", version, chunks=(2, 3, 2))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert (info.kind, info.unit, info.axes, info.shape, info.dtype) == ("ome-zarr", "µm", "ZYX", SHAPE, np.uint8)
    np.testing.assert_allclose(info.affine, np.diag([0.0005, 0.00025, 0.002, 1]))
    assert not info.has_place
    with open_volume(path) as volume:
        assert volume.chunks == (2, 3, 2)
        np.testing.assert_array_equal(volume.read(((1, 4), (0, 2), (1, 3))), positions()[1:4, 0:2, 1:3])
        again = pickle.loads(pickle.dumps(volume))
    np.testing.assert_array_equal(again.read(WHOLE), positions())


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("names", ["czyx", "tzyx", "tczyx"])
def test_a_channel_or_time_point(tmp_path, version, names):
    array = many()[None] if names == "tczyx" else many()
    path = ome_zarr(tmp_path / "a.ome.zarr", version, names, array)
    info, voxels = read_volume(path, 2)
    np.testing.assert_array_equal(voxels, positions() + 2)
    assert (info.axes, info.channel) == (names.upper(), 2)
    with pytest.raises(ValueError, match=r"3 (channels|time points) and not one") as error:
        read_header(path)
    told(error, path, "--channel 0..2")


def test_slices_stored_as_channels(tmp_path):
    array = zyx(positions())[:, None]  # (C, Z, Y, X) of one slice
    path = ome_zarr(tmp_path / "a.ome.zarr", names="czyx", array=array)
    np.testing.assert_array_equal(read_volume(path, "depth")[1], positions())


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_transformations_are_composed_in_their_order(tmp_path, version):
    """The level's own, then those of all levels; by hand: 0.5 * 4 = 2 and (7 * 4) + 1 = 29 along X."""
    datasets = [
        {
            "path": "0",
            "coordinateTransformations": [
                {"type": "scale", "scale": [2.0, 0.25, 0.5]},
                {"type": "translation", "translation": [5.0, 6.0, 7.0]},
            ],
        }
    ]
    both = [
        {"type": "scale", "scale": [1.0, 2.0, 4.0]},
        {"type": "translation", "translation": [3.0, 2.0, 1.0]},
    ]
    path = ome_zarr(tmp_path / "a.ome.zarr", version, datasets=datasets, coordinateTransformations=both)
    info = read_header(path)
    np.testing.assert_allclose(np.diag(info.affine)[:3], np.array([2.0, 0.5, 2.0]) / 1000)
    np.testing.assert_allclose(info.affine[:3, 3], np.array([29.0, 14.0, 8.0]) / 1000)
    assert info.has_place
    again = read_header(write_volume(tmp_path / "b.ome.zarr", positions(), info))
    np.testing.assert_array_equal(again.affine, info.affine)


def test_each_axis_in_its_own_unit(tmp_path):
    axes = [{"name": name, "type": "space", "unit": unit} for name, unit in zip("zyx", ("millimeter", "nanometer",
            "micrometer"), strict=True)]  # fmt: skip
    info = read_header(ome_zarr(tmp_path / "a.ome.zarr", axes=axes))
    np.testing.assert_allclose(np.diag(info.affine)[:3], [0.0005, 0.25e-6, 2.0])
    assert info.unit == "µm"


@pytest.mark.parametrize("unit", [None, "parsec"])
def test_without_a_unit_of_length_it_is_in_voxels(tmp_path, unit, caplog):
    axes = [{"name": name, "type": "space", **({"unit": unit} if unit else {})} for name in "zyx"]
    with caplog.at_level(logging.INFO):
        path = ome_zarr(tmp_path / "a.ome.zarr", axes=axes)
        info = read_header(path)
    np.testing.assert_array_equal(info.affine, np.eye(4))
    assert info.unit == ""
    assert "no unit of length" in caplog.text
    written = zarr.open_group(write_volume(tmp_path / "b.ome.zarr", positions(), info), mode="r").attrs["ome"]
    multiscale = written["multiscales"][0]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == [2.0, 0.25, 0.5]
    assert [axis.get("unit") for axis in multiscale["axes"]] == [unit] * 3


def test_a_level_has_its_own_voxels_and_their_size(tmp_path):
    array = np.random.default_rng(0).integers(0, 200, (6, 40, 32), np.uint8)
    path = ome_zarr(tmp_path / "a.ome.zarr", array=array, levels=3)
    info, voxels = read_volume(path, level=2)
    np.testing.assert_array_equal(voxels, array[:, ::4, ::4].transpose(2, 1, 0))
    np.testing.assert_allclose(info.voxel_size, np.array([2.0, 1.0, 2.0]) / 1000)
    with pytest.raises(ValueError, match="level 3 does not exist") as error:
        open_volume(path, level=3)
    told(error, path, "3 resolutions", "--level 0..2")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plain_array_is_z_y_x(tmp_path, zarr_format):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format, chunks=(2, 2, 2))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert (info.kind, info.unit, info.axes) == ("zarr", "", "ZYX")
    np.testing.assert_array_equal(info.affine, np.eye(4))
    path = plain_zarr(tmp_path / "b.zarr", zarr_format, many())
    np.testing.assert_array_equal(read_volume(path, 1)[1], positions() + 1)


def test_a_plain_array_whose_axes_are_named(tmp_path):
    path = plain_zarr(tmp_path / "a.zarr", array=positions(), dimension_names=["x", "y", "z"])
    np.testing.assert_array_equal(read_volume(path)[1], positions())
    path = plain_zarr(tmp_path / "b.zarr", array=np.moveaxis(many(), 0, 3), dimension_names=["z", "y", "x", "channel"])
    np.testing.assert_array_equal(read_volume(path, 2)[1], positions() + 2)
    path = plain_zarr(tmp_path / "c.zarr", 2, positions())
    zarr.open_array(path).attrs["_ARRAY_DIMENSIONS"] = ["X", "Y", "Z"]
    np.testing.assert_array_equal(read_volume(path)[1], positions())


@pytest.mark.parametrize("dtype", [">u2", "<i2", "f4", "f8", "u4", "bool"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_types(tmp_path, dtype, zarr_format):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format, zyx(positions()).astype(dtype))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions().astype(dtype))
    assert info.dtype == voxels.dtype == np.dtype(dtype).newbyteorder("=")
    assert voxels.dtype.isnative


def test_shards_and_codecs_of_other_programs(tmp_path):
    array = np.random.default_rng(0).integers(0, 99, (8, 8, 8)).astype(np.uint16)
    path = plain_zarr(tmp_path / "a.zarr", 3, array, chunks=(2, 2, 2), shards=(4, 4, 8))
    with open_volume(path) as volume:
        assert volume.chunks == (2, 2, 2)
        np.testing.assert_array_equal(volume.read(((1, 7), (2, 8), (3, 5))), array.transpose(2, 1, 0)[1:7, 2:8, 3:5])
    for name, codec in {"b": numcodecs.Zlib(), "c": numcodecs.LZ4(), "d": numcodecs.GZip(), "e": None}.items():
        path = plain_zarr(tmp_path / f"{name}.zarr", 2, array, filters=[numcodecs.Delta("<u2")], compressors=codec)
        np.testing.assert_array_equal(read_volume(path)[1], array.transpose(2, 1, 0))


def test_not_a_number_is_told(tmp_path):
    array = zyx(positions(dtype="f4"))
    array[2, 1, 3] = np.inf
    path = plain_zarr(tmp_path / "a.zarr", 3, array)
    with pytest.raises(ValueError, match="NaN or infinite") as error:
        read_volume(path)
    told(error, path, "x=3, y=1, z=2")


def test_what_bioformats2raw_writes(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.open_group(path, mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    ome_zarr(path / "0", "0.4", chunks=(2, 2, 2))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert info.kind == "ome-zarr"
    (path / "0" / "0" / "1.0.1").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read") as error:
        read_volume(path)
    told(error, path, "its chunk 0/0/1.0.1 cannot be read")
    ome_zarr(path / "1", "0.4")
    with pytest.raises(ValueError, match="holds 2 images, 0, 1") as error:
        read_header(path)
    told(error, path, f"such as {path}/0")
    np.testing.assert_array_equal(read_volume(path / "1")[1], positions())


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_group_that_is_no_image(tmp_path, zarr_format):
    path = tmp_path / "a.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    with pytest.raises(ValueError, match="no image") as error:
        read_header(path)
    told(error, path, "give an OME-Zarr image, or an array")
    group.create_array("raw", data=zyx(positions()))
    with pytest.raises(ValueError, match="it holds the arrays raw") as error:
        read_header(path)
    told(error, path, f"such as {path}/raw")
    np.testing.assert_array_equal(read_volume(path / "raw")[1], positions())
    ome = {"plate": {"columns": []}}
    group.attrs.update(ome if zarr_format == 2 else {"ome": {"version": "0.5", **ome}})
    with pytest.raises(ValueError, match="wells of a plate") as error:
        read_header(path)
    told(error, path, f"{path}/A/1/0")


CHUNK = {2: "1.0.1", 3: "c/1/0/1"}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_damaged_chunk_is_named(tmp_path, zarr_format):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format, chunks=(2, 2, 2))
    content = (path / CHUNK[zarr_format]).read_bytes()
    for damaged in (content[: len(content) // 2], b"\0" * len(content), b""):
        (path / CHUNK[zarr_format]).write_bytes(damaged)
        with open_volume(path) as volume:
            np.testing.assert_array_equal(volume.read(((0, 2), (0, 4), (0, 3))), positions()[:2])
            with pytest.raises(ValueError, match="chunk") as error:
                volume.read(WHOLE)
        told(error, path, f"its chunk {CHUNK[zarr_format]} cannot be read")


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_missing_chunk_counts_as_the_fill_value_and_is_told(tmp_path, caplog, zarr_format):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format, chunks=(2, 2, 2), fill_value=7)
    read_volume(path)
    assert not caplog.records
    (path / CHUNK[zarr_format]).unlink()
    expected = positions()
    expected[2:4, 0:2, 2:3] = 7
    np.testing.assert_array_equal(read_volume(path)[1], expected)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"{path}: 1 of its 12 chunks are not there and count as 7, {CHUNK[zarr_format]} "
    )


def test_a_missing_chunk_of_which_nothing_is_said_is_refused(tmp_path):
    path = plain_zarr(tmp_path / "a.zarr", 2, chunks=(2, 2, 2))
    content = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps({**content, "fill_value": None}))
    np.testing.assert_array_equal(read_volume(path)[1], positions())
    (path / "1.0.1").unlink()
    with pytest.raises(ValueError, match="is not there") as error:
        read_volume(path)
    told(error, path, "its chunk 1.0.1 is not there")


def test_larger_than_the_memory(tmp_path, monkeypatch):
    path = plain_zarr(tmp_path / "a.zarr", chunks=(2, 2, 2))
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 59)
    with pytest.raises(MemoryError) as error:
        read_volume(path)
    told(error, path)
    open_volume(path).close()
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 7)
    with pytest.raises(MemoryError):
        open_volume(path)
