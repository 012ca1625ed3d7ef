import contextlib

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff, read_tiff_header
from tests.helpers.volume_examples import SHAPE, imagej, ome, pages, plain, positions, shared_files, told, zyx

DTYPES = ["u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8"]


def check(path, kind, dtype="u1", channel=None):
    info, voxels = read_tiff(path, channel)
    assert (info.kind, info.shape, info.dtype) == (kind, SHAPE, np.dtype(dtype))
    assert voxels.dtype == info.dtype
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, positions(dtype=dtype))
    header = read_tiff_header(path, channel)
    assert (header.shape, header.dtype, header.source) == (info.shape, info.dtype, info.source)
    return info


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_plain_of_every_type_and_endianness(tmp_path, dtype, byteorder):
    info = check(plain(tmp_path / "a.tif", dtype, byteorder=byteorder), "tiff", dtype)
    assert info.source["byteorder"] == byteorder
    assert info.unit == ""


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej(tmp_path, dtype, byteorder):
    info = check(imagej(tmp_path / "a.tif", dtype, byteorder), "imagej", dtype)
    assert info.unit == "µm"
    np.testing.assert_allclose(np.diag(info.affine), [5e-4, 5e-4, 2e-3, 1])


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES if dtype != "f2"])  # which OME does not know
def test_ome(tmp_path, dtype):
    info = check(ome(tmp_path / "a.ome.tif", dtype), "ome", dtype)
    np.testing.assert_allclose(np.diag(info.affine), [5e-4, 2.5e-4, 2e-3, 1])


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "packbits", "jpeg2000"])
def test_compressed(tmp_path, compression):
    check(plain(tmp_path / "a.tif", compression=compression), "tiff")
    check(imagej(tmp_path / "b.tif", compression=compression), "imagej")


def test_bare_pages_tiles_and_bigtiff(tmp_path):
    check(pages(tmp_path / "a.tif"), "tiff")
    check(plain(tmp_path / "b.tif", tile=(16, 16)), "tiff")
    assert check(plain(tmp_path / "c.tif", bigtiff=True), "tiff").source["bigtiff"]


def test_bool_and_palette_are_the_numbers_stored(tmp_path):
    mask = positions() % 2 == 0
    assert np.array_equal(read_tiff(plain(tmp_path / "a.tif", array=zyx(mask)))[1], mask)
    colours = np.zeros((3, 256), np.uint16)
    tifffile.imwrite(tmp_path / "b.tif", zyx(positions()), photometric="palette", colormap=colours)
    check(tmp_path / "b.tif", "tiff")


def test_a_dpi_is_no_voxel_size(tmp_path):
    info = read_tiff_header(plain(tmp_path / "a.tif", resolution=(300, 300), resolutionunit="INCH"))
    assert info.unit == ""
    assert np.array_equal(info.affine, np.eye(4))
    assert info.source["resolution"] == [[300, 1], [300, 1]]


@pytest.mark.parametrize(
    ("kind", "axes", "at"),
    [("ome", "CZYX", 0), ("ome", "ZCYX", 1), ("tiff", "CZYX", 0), ("tiff", "ZCYX", 1), ("imagej", "ZCYX", 1)],
)
def test_a_channel_is_chosen_and_never_guessed(tmp_path, kind, axes, at):
    path = tmp_path / "a.tif"
    array = np.stack([zyx(positions()) * 0, zyx(positions())], at)
    if kind == "ome":
        ome(path, array=array, axes=axes)
    else:
        tifffile.imwrite(path, array, imagej=kind == "imagej", metadata={"axes": axes}, photometric="minisblack")
    check(path, kind, channel=1)
    for read in (read_tiff, read_tiff_header):
        with pytest.raises(ValueError, match="channels") as error:
            read(path)
        told(error, path, "with shape (", "--channel 0..1")


def test_colours_are_never_squeezed(tmp_path):
    path = tmp_path / "a.tif"
    rgb = np.stack([zyx(positions()) * 0, zyx(positions()), zyx(positions())], -1)
    tifffile.imwrite(path, rgb, photometric="rgb")
    check(path, "tiff", channel=2)
    with pytest.raises(ValueError, match="colour") as error:
        read_tiff(path)
    told(error, path, "--channel 0..2")


def test_a_time_series_of_slices_is_not_a_volume(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, zyx(positions()), imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(ValueError, match="axis Z") as error:
        read_tiff(path)
    told(error, path, "if T is really depth")


def test_two_images_are_not_one(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(zyx(positions()), photometric="minisblack")
        tif.write(zyx(positions((8, 6, 3))), photometric="minisblack")
    with pytest.raises(ValueError, match="2 images") as error:
        read_tiff(path)
    told(error, path, "alone")


def test_complex_numbers(tmp_path):
    path = plain(tmp_path / "a.tif", array=zyx(positions(dtype="c8")))
    with pytest.raises(ValueError, match="complex64") as error:
        read_tiff_header(path)
    told(error, path, "real numbers")


WRITERS = {
    "imagej": imagej,
    "imagej LZW": lambda path: imagej(path, compression="lzw"),
    "ome": ome,
    "plain": plain,
    "plain LZW": lambda path: plain(path, compression="lzw"),
    "bare": pages,
    "BigTIFF": lambda path: plain(path, bigtiff=True),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_cut_anywhere_a_file_is_refused_or_whole(tmp_path, kind):
    whole = WRITERS[kind](tmp_path / "whole.tif").read_bytes()
    path = tmp_path / "a.tif"
    messages = []
    for length in range(4, len(whole), 7):
        path.write_bytes(whole[:length])
        with contextlib.suppress(ValueError):  # told below, unless what was cut off was padding behind the image
            np.testing.assert_array_equal(read_tiff(path)[1], positions())
            continue
        with pytest.raises(ValueError, match=r"a\.tif") as error:
            read_tiff(path)
        told(error, path)
        messages.append(str(error.value))
    assert sum("cut short" in message for message in messages) > 10


def test_broken_compression(tmp_path):
    path = plain(tmp_path / "a.tif", compression="zlib")
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[1].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[at : at + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match="decoded") as error:
        read_tiff(path)
    told(error, path)


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_an_imagej_file_that_promises_more_slices(tmp_path, compression):
    path = imagej(tmp_path / "a.tif", compression=compression)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"images=3", b"images=9").replace(b"slices=3", b"slices=9"))
    with pytest.raises(ValueError, match="promises 9 slices") as error:
        read_tiff(path)
    told(error, path)


def test_an_imagej_stack_of_one_page_is_read_whole(tmp_path):
    """As ImageJ writes stacks above 4 GB: one directory, all slices behind it."""
    path = tmp_path / "a.tif"
    both = np.stack([zyx(positions()), zyx(positions()) * 0], 1)
    tifffile.imwrite(path, both, imagej=True, truncate=True, metadata={"axes": "ZCYX"}, photometric="minisblack")
    check(path, "imagej", channel=0)


def test_a_missing_file_of_a_multi_file_ome_tiff(tmp_path):
    path = ome(tmp_path / "a.ome.tif")
    content = path.read_bytes()
    one = b'<TiffData IFD="0" PlaneCount="3"/>'
    assert one in content
    split = b'<TiffData IFD="0" PlaneCount="2"/><TiffData FirstZ="2"><UUID FileName="b.tif">x</UUID></TiffData>'
    xml = content[content.index(b"<?xml") : content.index(b"</OME>") + 6].replace(one, split)
    tifffile.imwrite(path, zyx(positions()), photometric="minisblack", description=xml, metadata=None)
    with pytest.raises(ValueError, match="another file") as error:
        read_tiff(path)
    told(error, path, "in one folder")


@pytest.mark.parametrize("path", shared_files("*/*.tif"), ids=lambda path: path.name)
def test_real_volumes(path):
    info, voxels = read_tiff(path)
    assert voxels.shape == info.shape
    np.testing.assert_array_equal(voxels.transpose(2, 1, 0), tifffile.imread(path))
