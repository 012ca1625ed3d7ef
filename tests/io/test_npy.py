import tracemalloc

import numpy as np
import pytest

from scripts.io.npy import read_npy, read_npy_header, write_npy
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import SHAPE, positions, told


@pytest.mark.parametrize("dtype", ["u1", ">u2", "<i4", "f2", ">f8", "?"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_xyz(tmp_path, dtype, order):
    array = np.asarray(positions().astype(dtype), order=order)
    np.save(tmp_path / "a.npy", array)
    info, voxels = read_npy(tmp_path / "a.npy")
    assert (info.shape, info.unit) == (SHAPE, "")
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, array)


def test_a_channel_is_chosen(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.stack([positions() * 0, positions()]))
    np.testing.assert_array_equal(read_npy(path, 1)[1], positions())
    with pytest.raises(ValueError, match="--channel") as error:
        read_npy_header(path)
    told(error, path, "axes CXYZ", "0..1")


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.array([[[{}]]], dtype=object), "never unpickled"),
        (np.zeros((5, 4)), "2 axes"),
        (np.zeros((1, 1, 5, 4, 3)), "5 axes"),
        (np.zeros((5, 4, 3), "c8"), "complex64"),
        (np.zeros((5, 4, 3), [("r", "u1")]), "r"),
        (np.zeros((5, 0, 3)), "empty"),
        (np.zeros((5, 4, 1)), "axis Z has length 1"),
    ],
)
def test_what_is_not_a_volume_is_told(tmp_path, array, word):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(ValueError, match="npy") as error:
        read_npy(tmp_path / "a.npy")
    told(error, tmp_path / "a.npy", word)


@pytest.mark.parametrize("length", [20, 100, 140])
def test_cut_short(tmp_path, length):
    path = tmp_path / "a.npy"
    np.save(path, positions())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="npy") as error:
        read_npy_header(path)
    told(error, path)


@pytest.mark.parametrize("shape", [(*SHAPE, 1), (1, *SHAPE)])
def test_a_single_channel_in_front_or_behind(tmp_path, shape):
    path = tmp_path / "a.npy"
    np.save(path, positions().reshape(shape))
    for channel in (None, 0):
        info, voxels = read_npy(path, channel)
        assert (info.shape, info.stored_shape, info.channel) == (SHAPE, shape, None)
        np.testing.assert_array_equal(voxels, positions())
    with pytest.raises(ValueError, match="holds one volume") as error:
        read_npy_header(path, 1)
    told(error, path)


def test_a_file_that_goes_on_after_its_array(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, positions())
    path.write_bytes(path.read_bytes() + b"\0")
    for read in (read_npy, read_npy_header):
        with pytest.raises(ValueError, match="goes on after the 188 bytes") as error:
            read(path)
        told(error, path, "uint8 of shape (5, 4, 3)")


HEADER = "{{'descr': '|u1', 'fortran_order': False, 'shape': {}}}"


@pytest.mark.parametrize(
    ("header", "word"),
    [
        (HEADER.format("(-5, -4, 3)"), "lengths that no array has"),
        (HEADER.format("(True, 4, 3)"), "lengths that no array has"),
        (HEADER.format(f"({'9' * 3000}, {'9' * 3000}, 3)"), "lengths that no array has"),  # too long to be printed
        (HEADER.format(f"({2**40}, {2**40}, {2**40})"), "cut short"),
        (HEADER.format("(5.0, 4, 3)"), "header is damaged"),
        (HEADER.format("(5, 4, 3)").replace("|u1", "u1," * 2000), "a structured type"),
        ("(" * 5000, "header is damaged"),
        ("-" * 9000 + "1", "header is damaged"),  # Python's parser runs out of its stack: MemoryError
        ("9**9**9", "header is damaged"),
        ("1" + "0" * 9000, "header is damaged"),
        (" " * 60000 + HEADER.format("(5, 4, 3)"), "header is damaged"),
        ("", "header is damaged"),
    ],
    ids=range(12),
)
def test_headers_made_to_hurt(tmp_path, header, word):
    path = tmp_path / "a.npy"
    content = header.encode() + b"\n"
    path.write_bytes(b"\x93NUMPY\1\0" + len(content).to_bytes(2, "little") + content + bytes(60))
    for read in (read_npy, read_npy_header):
        with pytest.raises(ValueError, match=word) as error:
            read(path)
        told(error, path)
        assert len(str(error.value)) < 300


@pytest.mark.parametrize(("version", "word"), [(b"\2\0", "header is damaged"), (b"\x09\0", "format is 9.0")])
def test_a_header_longer_than_the_file_and_an_unknown_format(tmp_path, version, word):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY" + version + b"\xff\xff\xff\x7f" + HEADER.format("(5, 4, 3)").encode())
    with pytest.raises(ValueError, match=word) as error:
        read_npy_header(path)
    told(error, path)


def test_written_as_is_and_without_a_place_for_a_range(tmp_path):
    write_npy(tmp_path / "a.npy", positions(), Geometry(np.eye(4)), {})
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), positions())
    with pytest.raises(ValueError, match="intensity range"):
        write_npy(tmp_path / "b.npy", positions(), Geometry(np.eye(4)), {"intensity_range": [0, 1]})


def test_a_header_of_any_stated_length_takes_no_memory(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"\x93NUMPY\x03\x00" + (2**31).to_bytes(4, "little") + b"{'descr': '<u2'}" * 9)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="its header is damaged"):
            read_npy_header(path)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
