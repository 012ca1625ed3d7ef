import os
import pickle

import h5py
import numpy as np
import pytest

from scripts.commands.results import place_beside
from scripts.data import checked_images, find_dataset
from scripts.io import open_volume, read_header, read_volume, write_volume
from tests.helpers.volume_examples import SHAPE, positions, told, zyx
from tests.io.hdf5.examples import hdf5, ims
from tests.io.zarr.examples import many

WHOLE = tuple((0, side) for side in SHAPE)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 2, 2)}, {"chunks": (2, 2, 2), "compression": "gzip"}])
@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
def test_the_only_data_set_needs_no_name(tmp_path, options, dtype):
    array = positions(dtype=dtype)
    path = hdf5(tmp_path / "a.h5", zyx(array), **options)
    for named in (path, path / "exported_data"):
        info, voxels = read_volume(named)
        np.testing.assert_array_equal(voxels, array)
        assert (info.kind, info.unit, info.axes, info.path) == ("hdf5", "", "ZYX", named)
        assert voxels.dtype == info.dtype
        assert voxels.dtype.isnative
        with open_volume(named) as volume:
            assert volume.chunks == ((2, 2, 2) if options else SHAPE)
            np.testing.assert_array_equal(volume.read(((1, 4), (0, 2), (1, 3))), array[1:4, 0:2, 1:3])
            again = pickle.loads(pickle.dumps(volume))
            np.testing.assert_array_equal(again.read(WHOLE), array)
            again.close()


def test_of_several_one_is_named(tmp_path):
    path = hdf5(tmp_path / "a.h5", name="raw")
    hdf5(path, zyx(positions()) + 1, name="volumes/other")
    hdf5(path, np.zeros((4, 4)), name="table")
    with pytest.raises(ValueError, match="it holds 2 data sets, raw, volumes/other") as error:
        read_header(path)
    told(error, path, f"name one, {path}/raw")
    np.testing.assert_array_equal(read_volume(path / "volumes" / "other")[1], positions() + 1)
    with pytest.raises(FileNotFoundError, match="no data set nothing") as error:
        read_header(path / "nothing")
    told(error, path / "nothing", "a.h5/raw, a.h5/volumes/other")
    with pytest.raises(FileNotFoundError, match="no data set volumes"):
        read_header(path / "volumes")


@pytest.mark.parametrize(
    ("axes", "move"), [("zyxc", (0, 3)), ("czyx", (0, 0)), ("tzyxc", None), ("xyz", "turn"), ("", (0, 0))]
)
def test_the_axes_are_those_that_ilastik_names(tmp_path, axes, move):
    array = many()
    if move == "turn":
        array = positions() + 1
    else:
        array = np.moveaxis(array, 0, -1)[None] if move is None else np.moveaxis(array, *move)
    path = hdf5(tmp_path / "a.h5", array, axes=axes)
    info, voxels = read_volume(path, None if axes == "xyz" else 1)
    np.testing.assert_array_equal(voxels, positions() + 1)
    assert info.axes == (axes.upper() or "CZYX")


def test_labels_of_dimensions_and_sizes(tmp_path):
    path = hdf5(tmp_path / "a.h5", positions(), sizes=(2.0, 0.25, 0.5))
    with h5py.File(path, "a") as file:
        for dimension, name in zip(file["exported_data"].dims, "xyz", strict=True):
            dimension.label = name
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert info.unit == "µm"
    np.testing.assert_allclose(info.voxel_size, np.array([0.5, 0.25, 2.0]) / 1000)
    result = read_header(write_volume(tmp_path / "a_seg.ome.tif", voxels, info))
    np.testing.assert_allclose(result.voxel_size, info.voxel_size)
    for odd in (["a", "b", "c"], [1.0, 2.0], [0.0, 1.0, 1.0], "text"):
        with h5py.File(path, "a") as file:
            file["exported_data"].attrs["element_size_um"] = odd
            file["exported_data"].attrs["axistags"] = "[" * 100_000
        assert read_header(path).unit == ""


def test_a_forked_process_reads_for_itself(tmp_path):
    path = hdf5(tmp_path / "a.h5", chunks=(2, 2, 2), compression="gzip")
    with open_volume(path) as volume:
        if not (child := os.fork()):
            os._exit(0 if np.array_equal(volume.read(WHOLE), positions()) else 1)
        assert os.waitpid(child, 0)[1] == 0
        np.testing.assert_array_equal(volume.read(WHOLE), positions())


def test_nothing_outside_the_file_is_opened(tmp_path):
    other = hdf5(tmp_path / "other.h5")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["linked"] = h5py.ExternalLink(str(other), "/exported_data")
        layout = h5py.VirtualLayout((3, 4, 5), "u1")
        layout[:] = h5py.VirtualSource(other, "exported_data", (3, 4, 5))
        file.create_virtual_dataset("virtual", layout)
        (tmp_path / "raw").write_bytes(bytes(60))
        file.create_dataset("external", (3, 4, 5), "u1", external=[(str(tmp_path / "raw"), 0, 60)])
    for name, word in (("linked", "in another file"), ("virtual", "other files"), ("external", "other files")):
        with pytest.raises(ValueError, match=word) as error:
            read_volume(path / name)
        told(error, path / name)


def test_damaged_and_foreign_files(tmp_path):
    path = hdf5(tmp_path / "a.h5", np.random.default_rng(0).integers(0, 99, (20, 20, 20), np.uint8),
                chunks=(10, 10, 10), compression="gzip")  # fmt: skip
    content = path.read_bytes()
    for keep in (0.3, 0.9):
        path.write_bytes(content[: int(keep * len(content))])
        with pytest.raises(ValueError, match=r"a\.h5") as error:
            read_volume(path)
        told(error, path)
    with h5py.File(hdf5(tmp_path / "b.h5", zyx(positions()), chunks=(2, 2, 2), compression="gzip"), "r") as file:
        at = file["exported_data"].id.get_chunk_info(3)
    content = bytearray((tmp_path / "b.h5").read_bytes())
    content[at.byte_offset : at.byte_offset + at.size] = bytes(at.size)
    (tmp_path / "b.h5").write_bytes(content)
    with open_volume(tmp_path / "b.h5") as volume, pytest.raises(ValueError, match="cannot be read") as error:
        volume.read(WHOLE)
    told(error, tmp_path / "b.h5", f"its chunk {'.'.join(str(n // 2) for n in at.chunk_offset)} cannot be read")
    (tmp_path / "c.h5").write_bytes(b"II*\0" + bytes(99))
    with pytest.raises(ValueError, match="is not a HDF5 file") as error:
        read_header(tmp_path / "c.h5" / "x")
    told(error, tmp_path / "c.h5")
    with pytest.raises(FileNotFoundError) as error:
        read_header(tmp_path / "d.h5" / "x")
    told(error, tmp_path / "d.h5")


def test_what_no_file_of_that_size_can_hold(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("huge", (10**6, 10**6, 10**6), "u1", chunks=(64, 64, 64))
        file.create_dataset("never", (9, 9, 9), "u1", chunks=(3, 3, 3))
        file.create_dataset("words", (2, 2, 2), h5py.string_dtype())
    for name, word in (("huge", "GB of memory"), ("never", "never written"), ("words", "real numbers")):
        with pytest.raises(ValueError, match=word) as error:
            read_header(path / name)
        told(error, path / name)


def test_larger_than_the_memory(tmp_path, monkeypatch):
    path = hdf5(tmp_path / "a.h5", chunks=(2, 2, 2))
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 59)
    with pytest.raises(MemoryError):
        read_volume(path)
    open_volume(path).close()
    assert read_header(path).nbytes == 60


def test_it_is_one_volume_and_a_volume_of_a_dataset(tmp_path):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
        hdf5(tmp_path / folder / "a.h5", np.ones((4, 4, 4), np.uint8))
    assert [item["name"] for item in find_dataset(tmp_path)] == ["a"]
    (item,) = checked_images(tmp_path / "images" / "a.h5" / "exported_data")
    assert item["name"] == "a_exported_data"
    assert place_beside({"dataset_dir": item["image"]}) == tmp_path / "images"
    ims(tmp_path / "images" / "b.ims")
    assert [item["name"] for item in checked_images(tmp_path / "images")] == ["a", "b"]
