import numpy as np
import pytest
import tifffile

from scripts.io import open_volume, read_header, read_volume, write_volume
from scripts.io.tiff import opened
from tests.helpers.volume_examples import imagej, ome, positions, told

ARRAY = np.random.default_rng(0).integers(0, 200, (6, 96, 64), np.uint8)  # (Z, Y, X)


def pyramid(path, array=ARRAY, levels=2, **metadata):
    """Write an OME-TIFF of tiles with smaller images, every second voxel along X and Y."""
    described = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "PhysicalSizeZ": 2.0, **metadata}
    options = {"photometric": "minisblack", "tile": (32, 32), "compression": "zlib"}
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(array, subifds=levels, metadata=described, **options)
        for level in range(1, levels + 1):
            step = 2**level
            tif.write(array[:, ::step, ::step], subfiletype=1, **options)
    return path


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_level_of_a_pyramid(tmp_path, level):
    path, step = pyramid(tmp_path / "a.ome.tif"), 2**level
    expected = ARRAY[:, ::step, ::step].transpose(2, 1, 0)
    info, voxels = read_volume(path, level=level)
    np.testing.assert_array_equal(voxels, expected)
    np.testing.assert_allclose(info.voxel_size, np.array([0.5 * step, 0.25 * step, 2.0]) / 1000)
    with open_volume(path, level=level) as volume:
        assert volume.chunks == (min(32, 64 // step), min(32, 96 // step), 1)
        np.testing.assert_array_equal(volume.read(((3, 14), (5, 20), (1, 6))), expected[3:14, 5:20, 1:6])
    result = write_volume(tmp_path / "b.ome.tif", voxels, info)
    assert read_header(result).voxel_size == info.voxel_size
    with pytest.raises(ValueError, match="level 3 does not exist") as error:
        read_header(path, level=3)
    told(error, path, "holds 3 resolutions", "choose one with --level 0..2")


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_mirrored_images_are_read_upright_by_boxes(tmp_path, orientation, compression):
    path = tmp_path / "a.tif"
    extra = [(274, "H", 1, orientation, False)]
    tifffile.imwrite(path, ARRAY, photometric="miniswhite", compression=compression, extratags=extra, rowsperstrip=10)
    whole = read_volume(path)[1]
    with open_volume(path) as volume:
        np.testing.assert_array_equal(volume.read(((3, 14), (5, 50), (1, 6))), whole[3:14, 5:50, 1:6])
        assert (volume._closing is None) == (compression is None)  # mapped, or decoded


def test_only_the_strips_of_a_box_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ARRAY, photometric="minisblack", compression="zlib", rowsperstrip=16)
    with open_volume(path) as volume:
        keys, store = [], type(volume._stored.store)
        parse = store._parse_key
        monkeypatch.setattr(store, "_parse_key", lambda self, key: (keys.append(key), parse(self, key))[1])
        volume.read(((0, 5), (20, 40), (2, 3)))
    assert sorted(keys) == ["2.1.0", "2.2.0"]


def test_a_damaged_tile_is_named(tmp_path):
    path = pyramid(tmp_path / "a.ome.tif")
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[2]
        at, count = page.dataoffsets[3], page.databytecounts[3]  # of 2 x 3 tiles of 32: Y 32..64, X 32..64
    content = bytearray(path.read_bytes())
    content[at : at + count] = bytes(count)
    path.write_bytes(content)
    with open_volume(path) as volume:
        np.testing.assert_array_equal(volume.read(((0, 64), (0, 32), (0, 6))), ARRAY.transpose(2, 1, 0)[:, :32])
        with pytest.raises(ValueError, match=r"a\.ome\.tif") as error:
            volume.read(((0, 64), (0, 96), (0, 6)))
        told(error, path, "its strip or tile 2.1.1 cannot be read")


def test_a_strip_larger_than_the_memory(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, ARRAY, photometric="minisblack", compression="zlib", rowsperstrip=16)
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 16 * 64 - 1)
    with pytest.raises(MemoryError, match="are free") as error:
        open_volume(path)
    told(error, path)
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 16 * 64)
    open_volume(path).close()


def test_a_set_of_files_is_one_volume(tmp_path):
    """Each page begins at the same byte of its file, which says nothing of where it lies in a row."""
    names = [f"{at}.ome.tif" for at in range(3)]
    blocks = "".join(
        f'<TiffData FirstZ="{at}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{at}</UUID></TiffData>'
        for at, name in enumerate(names)
    )
    for at, name in enumerate(names):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{at}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="5" SizeY="4" SizeZ="3" SizeC="1" '
            f'SizeT="1">{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(tmp_path / name, positions()[:, :, at].T, description=xml, metadata=None)
    whole = read_volume(tmp_path / names[0])[1]
    np.testing.assert_array_equal(whole, positions())
    with open_volume(tmp_path / names[0]) as volume:
        np.testing.assert_array_equal(volume.read(((1, 4), (0, 4), (0, 3))), whole[1:4])


def test_what_lies_in_a_row_is_mapped(tmp_path):
    for path in (imagej(tmp_path / "a.tif"), ome(tmp_path / "a.ome.tif"), imagej(tmp_path / "b.tif", truncate=True)):
        with opened.open_tiff_volume(path) as volume:
            assert isinstance(volume._stored, np.memmap), path
