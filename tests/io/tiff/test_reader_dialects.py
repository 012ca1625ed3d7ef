"""The ordinary ways to store one and the same stack: each gives the same voxels and the same result."""

import itertools

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff, read_tiff_header, write_tiff
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import positions, zyx

SHAPE = (32, 16, 3)
COMPRESSIONS = (None, "lzw", "zlib", "zstd", "packbits", "lzma")
PIECES = {"one strip": {}, "strips": {"rowsperstrip": 5}, "tiles": {"tile": (16, 16)}}
WHOLE = {
    f"{order}{'big' if big else ''} {compression} {pieces}": {
        "byteorder": order,
        "bigtiff": big,
        "compression": compression,
        **PIECES[pieces],
    }
    for order, big, compression, pieces in itertools.product("<>", (False, True), COMPRESSIONS, PIECES)
}
DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]


def check(path, expected):
    info, voxels = read_tiff(path)
    np.testing.assert_array_equal(voxels, expected)
    assert voxels.dtype == info.dtype == expected.dtype
    mask = (expected > expected.max() // 2).astype("u1")
    result = path.with_name("result.tif")
    write_tiff(result, mask, Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    np.testing.assert_array_equal(read_tiff(result)[1], mask)
    return info


@pytest.mark.parametrize("how", WHOLE)
def test_byte_order_offsets_compression_and_pieces(tmp_path, how):
    path = tmp_path / "a.tif"
    array = positions(SHAPE, "u2")
    tifffile.imwrite(path, zyx(array), photometric="minisblack", **WHOLE[how])
    info = check(path, array)
    assert (info.source["byteorder"], info.source["bigtiff"]) == (WHOLE[how]["byteorder"], WHOLE[how]["bigtiff"])


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_predictors(tmp_path, dtype, byteorder, compression):
    array = positions(SHAPE, dtype)
    kwargs = {"compression": compression, "predictor": True, "byteorder": byteorder}
    tifffile.imwrite(tmp_path / "a.tif", zyx(array), photometric="minisblack", **kwargs)
    check(tmp_path / "a.tif", array)


@pytest.mark.parametrize("dialect", ["imagej", "ome", "shaped", "bare"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_dialects(tmp_path, dtype, compression, dialect):
    array = positions(SHAPE, dtype)
    said = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shaped": {}, "bare": {}}[dialect]
    metadata = None if dialect == "bare" else {"axes": "ZYX"}
    kwargs = {"metadata": metadata, "compression": compression, "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.tif", zyx(array), **kwargs, **said)
    assert check(tmp_path / "a.tif", array).kind == (dialect if dialect in ("imagej", "ome") else "tiff")


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dialect", [{}, {"ome": True}])
@pytest.mark.parametrize("compression", [None, "lzw"])
def test_colours_in_a_page_or_beside_each_other(tmp_path, planar, dialect, compression):
    array = positions(SHAPE)
    colours = np.stack([zyx(array) * 0, zyx(array), zyx(array) * 0], -1 if planar == "contig" else 1)
    metadata = {"axes": "ZYXS" if planar == "contig" else "ZSYX"}
    kwargs = {"photometric": "rgb", "planarconfig": planar, "compression": compression, "metadata": metadata}
    tifffile.imwrite(tmp_path / "a.tif", colours, **kwargs, **dialect)
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.tif", 1)[1], array)


@pytest.mark.parametrize("order", ["TZCYX", "CTZYX", "ZCTYX"])
def test_channels_and_times_in_any_order(tmp_path, order):
    array = positions(SHAPE)
    five = zyx(array).reshape(3, 1, 1, 16, 32)  # Z, C, T, Y, X
    stored = five.transpose(*("ZCTYX".index(axis) for axis in order))
    tifffile.imwrite(tmp_path / "a.ome.tif", stored, photometric="minisblack", metadata={"axes": order})
    np.testing.assert_array_equal(read_tiff(tmp_path / "a.ome.tif")[1], array)


def test_few_bits_and_short_last_strips(tmp_path):
    array = positions(SHAPE, "u2") % 1024
    tifffile.imwrite(tmp_path / "a.tif", zyx(array), photometric="minisblack", bitspersample=10, rowsperstrip=7)
    check(tmp_path / "a.tif", array)
    odd = positions((5, 3, 3))  # 15 bytes a page
    tifffile.imwrite(tmp_path / "b.tif", zyx(odd), photometric="minisblack", rowsperstrip=2, align=16)
    check(tmp_path / "b.tif", odd)
    assert read_tiff_header(tmp_path / "b.tif").shape == (5, 3, 3)
