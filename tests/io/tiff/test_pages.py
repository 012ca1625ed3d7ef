import struct
import zlib

import numpy as np
import pytest
import tifffile

from scripts.io import memory
from scripts.io.tiff import read_tiff, read_tiff_header
from tests.helpers.volume_examples import imagej, plain, positions, told, zyx
from tests.helpers.volume_examples import pages as bare


def described(path, description, **kwargs):
    """Write three pages and what a program says of them."""
    return plain(path, metadata=None, description=description, **kwargs)


def refused(path, *words):
    for read in (read_tiff_header, read_tiff):
        with pytest.raises(ValueError, match=r"a\.tif") as error:
            read(path)
        told(error, path, *words)
        assert len(str(error.value)) < 400
    return error


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("count", [2, 4, 2**31])
@pytest.mark.parametrize("said", ["images={0}\nslices={0}\n", "slices={0}\n", "images={0}\n"])
def test_imagej_says_as_many_slices_as_there_are_pages(tmp_path, compression, count, said):
    path = described(tmp_path / "a.tif", "ImageJ=1.53t\n" + said.format(count), compression=compression)
    refused(path, "" if count > 4 else f"promises {count} slices, 3 pages are there")


@pytest.mark.parametrize("said", ["images=3\nslices=3\n", "slices=3\n", "images=3\n", ""])
def test_imagej_may_say_it_in_several_ways(tmp_path, said):
    path = described(tmp_path / "a.tif", f"ImageJ=1.53t\n{said}")
    np.testing.assert_array_equal(read_tiff(path)[1], positions())


@pytest.mark.parametrize("said", ["slices=-3\n", "images=3\nslices=3\nframes=1000000\n"])
def test_imagej_contradicts_itself(tmp_path, said):
    refused(described(tmp_path / "a.tif", f"ImageJ=1.53t\n{said}"))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    "shape",
    ["[2, 4, 5]", "[4, 4, 5]", "[3, 5, 4]", "[2147483648, 4, 5]", "[-3, 4, 5]", "[0]", '"abc"', f"[1{'0' * 4000}]"],
)
def test_tifffile_says_another_shape(tmp_path, compression, shape):
    refused(described(tmp_path / "a.tif", f'{{"shape": {shape}}}', compression=compression))


def test_nested_json_is_refused(tmp_path):
    refused(described(tmp_path / "a.tif", '{"shape": ' + "[" * 100000 + "]" * 100000 + "}"), "recursion")


def test_an_imagej_stack_behind_one_page_says_how_many_slices(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, zyx(positions()), imagej=True, truncate=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(read_tiff(path)[1], positions())
    content = path.read_bytes()
    path.write_bytes(content.replace(b"images=3", b"images=2"))
    refused(path, "promises 2 slices, 3 pages are there")


@pytest.mark.parametrize("tag", [259, 262, 258])
def test_pages_that_are_not_stored_alike(tmp_path, tag):
    path = imagej(tmp_path / "a.tif")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[1].offset
    content = bytearray(path.read_bytes())
    (entries,) = struct.unpack_from("<H", content, at)
    for entry in range(at + 2, at + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", content, entry) == (tag,):
            struct.pack_into("<H", content, entry + 8, 7)
    path.write_bytes(content)
    refused(path, "page 1 is not stored like page 0")


TAGS = {256: 5, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: 20}
PACKED = zlib.compress(bytes(100))


def three_pages(path, data=bytes(range(20)), **tags):
    """Write three pages of raw directories; all share the data at byte 8."""
    values = {**TAGS, **{int(code[1:]): value for code, value in tags.items()}}
    values = {code: value for code, value in sorted(values.items()) if value is not None}
    start, size = 8 + len(data), 2 + 12 * len(values) + 4
    content = b"II*\0" + struct.pack("<I", start) + data
    for number in range(3):
        content += struct.pack("<H", len(values))
        content += b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in values.items())
        content += struct.pack("<I", start + (number + 1) * size if number < 2 else 0)
    path.write_bytes(content)
    return path


def test_three_pages_are_read(tmp_path):
    assert read_tiff_header(three_pages(tmp_path / "a.tif")).shape == (5, 4, 3)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"t256": 2**31 - 1, "t257": 2**31 - 1, "t278": 2**31 - 1, "t259": 8, "t279": len(PACKED)}, "GB of memory"),
        ({"t256": 0}, "shape (4, 0)"),
        ({"t258": 200}, "200 bits"),
        ({"t256": 4}, "16 bytes of voxels and has 20"),
        ({"t257": 3}, "15 bytes of voxels and has 20"),
        ({"t279": 10}, "20 bytes of voxels and has 10"),
        ({"t279": 0}, "lacks a strip"),
        ({"t278": 1}, ""),
        ({"t277": 65535}, ""),
        ({"t32997": 2**31 - 1, "t259": 8, "t279": len(PACKED)}, "GB of memory"),
        ({"t278": None, "t322": 65536, "t323": 65536, "t324": 8, "t325": 20, "t273": None}, "tiles of 65536 x 65536"),
        ({"t259": 8, "t279": len(PACKED) - 3}, ""),
    ],
)
def test_sizes_are_held_against_what_is_there(tmp_path, tags, words):
    path = three_pages(tmp_path / "a.tif", PACKED if tags.get("t259") == 8 else bytes(range(20)), **tags)
    with pytest.raises(ValueError, match=r"a\.tif") as error:
        read_tiff(path)
    told(error, path, words)


def test_a_page_that_no_file_of_that_size_can_hold(tmp_path, monkeypatch):
    """However much memory there is."""
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    path = three_pages(tmp_path / "a.tif", PACKED, t256=50000, t257=50000, t278=50000, t259=8, t279=len(PACKED))
    with pytest.raises(ValueError, match=r"takes 2\.5 GB of memory, of 0\.0\d+ MB in the file") as error:
        read_tiff_header(path)
    told(error, path)


def test_what_inflates_beyond_its_page_is_refused(tmp_path):
    bomb = zlib.compress(bytes(2**24))
    path = three_pages(tmp_path / "a.tif", bomb, t259=8, t279=len(bomb))
    with pytest.raises(ValueError, match="decoded") as error:
        read_tiff(path)
    told(error, path)


def test_a_pyramid_is_its_largest_image(tmp_path):
    path = tmp_path / "a.tif"
    array = np.zeros((3, 32, 48), "u1") + np.arange(48, dtype="u1")
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(array, photometric="minisblack", subifds=1, tile=(16, 16), metadata={"axes": "ZYX"})
        tif.write(array[:, ::2, ::2], photometric="minisblack", subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(read_tiff(path)[1], array.T)


@pytest.mark.parametrize("make", [imagej, plain, bare])
def test_strips_that_lie_apart_are_never_read_as_one(tmp_path, make):
    path = make(tmp_path / "a.tif", rowsperstrip=1)
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[1].tags[273]
        strips, at = tag.value, tag.valueoffset
    assert len(strips) == 4
    content = bytearray(path.read_bytes())
    struct.pack_into("<4I", content, at, *strips[::-1])
    path.write_bytes(content)
    if make is bare:  # every directory of which is read
        expected = positions()
        expected[:, :, 1] = expected[:, ::-1, 1]
        np.testing.assert_array_equal(read_tiff(path)[1], expected)
    else:
        refused(path, "page 1")
