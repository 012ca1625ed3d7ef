import shlex

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_slices, read_tiff, read_tiff_header, write_tiff
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import plain, positions, told, zyx


def loop(path, **kwargs):
    with tifffile.TiffWriter(path) as tif:
        for page in zyx(positions()):
            tif.write(page, contiguous=False, **kwargs)


def append(path):
    for page in zyx(positions()):
        tifffile.imwrite(path, page, append=True)


def ome_loop(path):
    sizes = {f"PhysicalSize{axis}": size for axis, size in zip("XYZ", (0.5, 0.5, 2), strict=True)}
    with tifffile.TiffWriter(path, ome=True) as tif:
        for page in zyx(positions()):
            tif.write(page, metadata={"axes": "YX", **sizes})


WRITERS = {
    "loop": loop,
    "loop LZW": lambda path: loop(path, compression="lzw"),
    "append": append,
    "OME": ome_loop,
    "contiguous": lambda path: plain(path, metadata=None),
}


@pytest.mark.parametrize("how", WRITERS)
def test_pages_written_one_by_one_are_a_stack(tmp_path, how):
    WRITERS[how](tmp_path / "a.tif")
    info, voxels = read_tiff(tmp_path / "a.tif")
    np.testing.assert_array_equal(voxels, positions())
    assert info.kind == ("ome" if how == "OME" else "tiff")
    mask = (voxels > 100).astype("u1")
    write_tiff(tmp_path / "b.tif", mask, Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:  # an ordinary stack now
        assert [(series.axes, series.shape) for series in tif.series] == [("ZYX", (3, 4, 5))]
    after, again = read_tiff(tmp_path / "b.tif")
    np.testing.assert_array_equal(again, mask)
    assert (after.kind, after.unit) == (info.kind, info.unit)


def test_pages_in_colour_are_a_stack_of_channels(tmp_path):
    path = tmp_path / "a.tif"
    colours = np.stack([zyx(positions())] * 3, axis=-1) + np.arange(3, dtype=np.uint8)  # (Z, Y, X, S)
    with tifffile.TiffWriter(path) as tif:
        for page in colours:
            tif.write(page, photometric="rgb", contiguous=False)
    np.testing.assert_array_equal(read_tiff(path, 2)[1], positions() + 2)
    with pytest.raises(ValueError, match=r"3 colour samples and not one; choose one with --channel 0\.\.2"):
        read_tiff_header(path)


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        ([zyx(positions())] * 3, "3 images"),
        ([np.zeros((4, 5, 3), "u1"), np.zeros((4, 5), "u1")], "2 images"),
        ([np.zeros((4, 5), "u1"), np.zeros((4, 6), "u1")], "2 images"),
        ([np.zeros((4, 5), "u1"), np.zeros((4, 5), "u2")], "2 images"),
    ],
)
def test_other_images_in_a_row_are_not_one(tmp_path, images, shown):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for image in images:
            tif.write(image, photometric="rgb" if image.shape[-1] == 3 else "minisblack")
    with pytest.raises(ValueError, match=shown) as error:
        read_tiff_header(path)
    told(error, path, "save the volume alone")


def test_the_remedy_for_single_slices_works_as_it_is_written(tmp_path, monkeypatch):
    folder = tmp_path / "slices"
    folder.mkdir()
    for number, plane in enumerate(np.repeat(zyx(positions()), 4, axis=0)):
        tifffile.imwrite(folder / f"s{number}.tif", plane)  # s10 and s11 come last, not after s1
    with pytest.raises(ValueError, match="single slice") as error:
        read_tiff(folder / "s0.tif")
    told(error, folder / "s0.tif", "Fiji: File > Import > Image Sequence")
    command = shlex.split(str(error.value).partition(", or ")[2])
    assert command[:2] == ["python", "-c"]
    monkeypatch.chdir(tmp_path)
    exec(command[2], {})
    np.testing.assert_array_equal(read_tiff(tmp_path / "stack.tif")[1], np.repeat(positions(), 4, axis=2))


def test_slices_one_a_file_are_read_as_one_volume(tmp_path):
    stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)  # (Z, Y, X)
    files = [tmp_path / f"{number}.tif" for number in range(2)]
    for file, page in zip(files, stack, strict=True):
        tifffile.imwrite(file, page)
    np.testing.assert_array_equal(read_slices(files), stack.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (lambda file: file.unlink(), FileNotFoundError, "no such file"),
        (lambda file: file.write_bytes(b"II*\0"), ValueError, "cannot be decoded"),
        (lambda file: tifffile.imwrite(file, np.zeros((2, 3, 4), np.uint16)), ValueError, "and not a slice"),
        (lambda file: tifffile.imwrite(file, np.zeros((3, 5), np.uint16)), ValueError, r"holds uint16 \(3, 5\)"),
        (lambda file: tifffile.imwrite(file, np.zeros((3, 4), np.uint8)), ValueError, "holds uint8"),
    ],
)
def test_a_slice_that_is_missing_or_unlike_the_others(tmp_path, spoil, kind, words):
    files = [tmp_path / f"{number}.tif" for number in range(2)]
    for file in files:
        tifffile.imwrite(file, np.zeros((3, 4), np.uint16))
    spoil(files[1])
    with pytest.raises(kind, match=words) as error:
        read_slices(files)
    assert str(files[1]) in str(error.value)
