import pickle

import numpy as np
import pytest
import zarr

from scripts.io import BlockArray
from tests.helpers.volume_examples import told

SHAPE, CHUNKS = (9, 8, 7), (4, 3, 2)
BOX = ((2, 8), (1, 7), (3, 6))


def test_boxes_come_back(tmp_path):
    array = BlockArray.create(tmp_path / "a", SHAPE, np.uint16, CHUNKS)
    assert (array.shape, array.chunks, array.dtype) == (SHAPE, CHUNKS, np.uint16)
    values = np.random.default_rng(0).integers(0, 2**16, (6, 6, 3)).astype(np.uint16)
    array.write(BOX, values)
    expected = np.zeros(SHAPE, np.uint16)
    expected[2:8, 1:7, 3:6] = values
    for each in (array, BlockArray.open(tmp_path / "a"), pickle.loads(pickle.dumps(array))):
        np.testing.assert_array_equal(each.read(((0, 9), (0, 8), (0, 7))), expected)
        np.testing.assert_array_equal(each.read(((3, 5), (1, 2), (4, 6))), expected[3:5, 1:2, 4:6])
    stored = zarr.open_array(tmp_path / "a", mode="r")
    np.testing.assert_array_equal(stored[:], expected.transpose(2, 1, 0))
    assert stored.metadata.dimension_names == ("z", "y", "x")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "f4", "f8", "i8", ">u2"])
def test_types(tmp_path, dtype):
    array = BlockArray.create(tmp_path / "a", SHAPE, dtype, CHUNKS)
    array.write(((0, 9), (0, 8), (0, 7)), np.arange(504).reshape(SHAPE) % 120)
    part = BlockArray.open(tmp_path / "a").read(BOX)
    assert part.dtype == np.dtype(dtype).newbyteorder("=")
    assert part.dtype.isnative
    np.testing.assert_array_equal(part, (np.arange(504).reshape(SHAPE) % 120)[2:8, 1:7, 3:6])


def test_zeros_take_no_file(tmp_path):
    array = BlockArray.create(tmp_path / "a", SHAPE, np.uint8, CHUNKS)
    everywhere = ((0, 9), (0, 8), (0, 7))
    array.write(everywhere, np.zeros(SHAPE, np.uint8))
    assert not (tmp_path / "a" / "c").exists()
    array.write(everywhere, np.ones(SHAPE, np.uint8))
    assert len([path for path in (tmp_path / "a" / "c").rglob("*") if path.is_file()]) == 3 * 3 * 4
    BlockArray.open(tmp_path / "a").write(everywhere, np.zeros(SHAPE, np.uint8))
    assert not [path for path in (tmp_path / "a" / "c").rglob("*") if path.is_file()]


def test_attributes_are_read_afresh(tmp_path):
    array = BlockArray.create(tmp_path / "a", SHAPE, np.uint8, CHUNKS)
    other = BlockArray.open(tmp_path / "a")
    assert array.attributes == {}
    array.update_attributes(done=[1, 2], by="a")
    other.update_attributes(done=[1, 2, 3])
    assert array.attributes == {"done": [1, 2, 3], "by": "a"}
    assert dict(zarr.open_array(tmp_path / "a", mode="r").attrs) == array.attributes
    before = (tmp_path / "a" / "zarr.json").read_bytes()
    with pytest.raises(TypeError):
        array.update_attributes(bad=object())
    assert (tmp_path / "a" / "zarr.json").read_bytes() == before
    assert not [path for path in (tmp_path / "a").iterdir() if path.name != "zarr.json"]


def test_a_corrupt_chunk_is_named(tmp_path):
    array = BlockArray.create(tmp_path / "a", SHAPE, np.uint8, CHUNKS)
    array.write(((0, 9), (0, 8), (0, 7)), np.ones(SHAPE, np.uint8))
    (tmp_path / "a" / "c" / "1" / "2" / "0").write_bytes(b"no chunk")
    assert array.read(((4, 9), (0, 8), (0, 7))).all()
    with pytest.raises(ValueError, match="chunk") as error:
        array.read(((0, 9), (0, 8), (0, 7)))
    told(error, tmp_path / "a", "its chunk c/1/2/0 cannot be read")


def test_what_is_not_there_or_in_the_way(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        BlockArray.open(tmp_path / "a")
    told(error, tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError) as error:
        BlockArray.create(tmp_path / "b", SHAPE, np.uint8, CHUNKS)
    told(error, tmp_path / "b")


def test_what_a_killed_process_has_left_is_opened(tmp_path):
    path, box = tmp_path / "a.zarr", ((0, 4), (0, 4), (0, 4))
    assert BlockArray.resume(path) is None
    path.mkdir()
    assert BlockArray.resume(path) is None  # not even begun
    assert not path.exists()
    BlockArray.create(path, (4, 4, 4), np.uint8, (4, 4, 4)).write(box, np.ones((4, 4, 4)))
    (chunk,) = (each for each in (path / "c").rglob("*") if each.is_file())
    part = chunk.with_name("0.0123.partial")
    part.write_bytes(b"half")
    assert BlockArray.resume(path).read(box).all()
    assert not part.exists()


def test_a_box_outside_is_an_error(tmp_path):
    array = BlockArray.create(tmp_path / "a", SHAPE, np.uint8, CHUNKS)
    for box in (((0, 10), (0, 8), (0, 7)), ((0, 9), (-1, 8), (0, 7)), ((0, 9), (0, 8))):
        with pytest.raises(IndexError):
            array.read(box)
        with pytest.raises(IndexError):
            array.write(box, np.zeros((1, 1, 1)))
