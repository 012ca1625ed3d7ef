"""The `.czi` is written by Zeiss's own library, the `.lif` by hand; no `.nd2` can be made here, see its test."""

import struct

import numpy as np
import pytest

from scripts.io import read_header, read_volume, write_volume
from scripts.io.microscopy import READERS
from tests.helpers.volume_examples import told

VOXELS = np.random.default_rng(0).integers(0, 60000, (2, 3, 5, 7)).astype(np.uint16)  # (C, Z, Y, X)


def write_czi(path, planes, sizes=(0.5e-6, 0.25e-6, 2e-6)):
    """Write planes `(Y, X)` by (scene, time point, channel, slice); sizes in metres."""
    czi = pytest.importorskip("pylibCZIrw.czi")
    with czi.create_czi(str(path)) as document:
        for (scene, time, channel, z), plane in planes.items():
            document.write(plane[..., None], plane={"T": time, "C": channel, "Z": z}, scene=scene)
        document.write_metadata("x", scale_x=sizes[0], scale_y=sizes[1], scale_z=sizes[2])
    return path


def write_lif(path, names, array, sizes=(0.5e-6, 0.25e-6, 2e-6)):
    """Write a LIF file as its description says: XML, then a block of memory for each series.

    Args:
        path: the file.
        names: of the series.
        array: (Z, Y, X) of each, uint16.
        sizes: of a voxel along X, Y and Z in metres.
    """
    bytes_of = {"X": 2, "Y": 2 * array.shape[2], "Z": 2 * array[0].size}
    dimensions = "".join(
        f'<DimensionDescription DimID="{number}" NumberOfElements="{count}" Origin="0" '
        f'Length="{size * (count - 1)}" Unit="m" BitInc="0" BytesInc="{bytes_of[axis]}"/>'
        for number, (axis, count, size) in enumerate(zip("XYZ", array.shape[::-1], sizes, strict=True), start=1)
    )
    elements = "".join(
        f'<Element Name="{name}" Visibility="1"><Data><Image TextDescription=""><ImageDescription><Channels>'
        '<ChannelDescription DataType="0" ChannelTag="0" Resolution="16" NameOfMeasuredQuantity="" Min="0" Max="65535" '
        f'Unit="" LUTName="Gray" IsLUTInverted="0" BytesInc="0" BitInc="0"/></Channels><Dimensions>{dimensions}'
        f'</Dimensions></ImageDescription></Image></Data><Memory Size="{array.nbytes}" MemoryBlockID="Mem_{at}"/>'
        "<Children/></Element>"
        for at, name in enumerate(names)
    )
    xml = (
        f'<LMSDataContainerHeader Version="2"><Element Name="all" Visibility="1"><Data/><Memory Size="0" '
        f'MemoryBlockID="Mem"/><Children>{elements}</Children></Element></LMSDataContainerHeader>'
    ).encode("utf-16-le")
    content = struct.pack("<iibi", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml
    for at, _ in enumerate(names):
        name = f"Mem_{at}".encode("utf-16-le")
        content += struct.pack("<iibqbi", 0x70, len(name) + 14, 0x2A, array.nbytes, 0x2A, len(name) // 2) + name
        content += (array + at).tobytes()
    path.write_bytes(content)
    return path


@pytest.fixture
def czi(tmp_path):
    pytest.importorskip("bioio_czi")
    return lambda planes, **kwargs: write_czi(tmp_path / "a.czi", planes, **kwargs)


def planes(array, scene=0, time=0, channel=0):
    return {(scene, time, channel, z): plane for z, plane in enumerate(array)}


def refused(path, *words, **kwargs):
    with pytest.raises(ValueError, match=words[0]) as error:
        read_header(path, **kwargs)
    told(error, path, *words)


def test_a_czi(czi):
    info, values = read_volume(czi(planes(VOXELS[0])))
    np.testing.assert_array_equal(values, VOXELS[0].T)
    np.testing.assert_allclose(info.affine, np.diag([0.0005, 0.00025, 0.002, 1]))
    assert (info.kind, info.unit, info.shape, info.dtype) == ("czi", "µm", (7, 5, 3), np.uint16)


def test_a_result_is_ome_tiff_with_the_voxel_size(czi):
    info, values = read_volume(path := czi(planes(VOXELS[0])))
    result = write_volume(path.with_name("a_seg.ome.tif"), values > 30000, like=info)
    found, back = read_volume(result)
    assert (found.kind, found.unit) == ("ome", "µm")
    np.testing.assert_allclose(found.voxel_size, info.voxel_size)
    np.testing.assert_array_equal(back, VOXELS[0].T > 30000)


def test_channels_scenes_and_time_points_are_never_squeezed(czi):
    path = czi(planes(VOXELS[0]) | planes(VOXELS[1], channel=1))
    refused(path, "2 channels and not one", "axes PTCZYX with shape (1, 1, 2, 3, 5, 7)", "--channel 0..1")
    refused(path, "channel 2 does not exist", channel=2)
    info, values = read_volume(path, 1)
    np.testing.assert_array_equal(values, VOXELS[1].T)
    assert info.channel == 1


def test_scenes_that_the_metadata_do_not_tell_of(czi):
    """bioio sees one, in which the voxels of both lie on each other."""
    refused(czi(planes(VOXELS[0]) | planes(VOXELS[1], scene=1)), "it holds 2 scenes, and its metadata tell of 1")


def test_time_points(czi):
    path = czi(planes(VOXELS[0]) | planes(VOXELS[1], time=1))
    refused(path, "2 time points and not one")
    np.testing.assert_array_equal(read_volume(path, 1)[1], VOXELS[1].T)


def test_two_further_axes(czi):
    path = czi({key: plane for c in (0, 1) for t in (0, 1) for key, plane in planes(VOXELS[c], 0, t, c).items()})
    refused(path, "several volumes lie along both T", "(2) and C (2)")


def test_one_slice_and_no_voxel_size(czi):
    refused(czi(planes(VOXELS[0][:1])), "axis Z has length 1, a single slice")


def test_a_damaged_czi(czi):
    path = czi(planes(VOXELS[0]))
    whole = path.read_bytes()
    for length in (100, 600, len(whole) // 2, len(whole) - 100):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=";") as error:
            read_volume(path)
        told(error, path)


def test_a_lif(tmp_path):
    pytest.importorskip("bioio_lif")
    info, values = read_volume(write_lif(tmp_path / "a.lif", ["one"], VOXELS[0]))
    np.testing.assert_array_equal(values, VOXELS[0].T)
    np.testing.assert_allclose(info.affine, np.diag([0.0005, 0.00025, 0.002, 1]))
    assert (info.kind, info.unit) == ("lif", "µm")


def test_series_of_a_lif_are_scenes(tmp_path):
    pytest.importorskip("bioio_lif")
    path = write_lif(tmp_path / "a.lif", ["one", "two"], VOXELS[0])
    refused(path, "2 scenes and not one", "--channel 0..1")
    np.testing.assert_array_equal(read_volume(path, 1)[1], VOXELS[0].T + 1)


def test_series_of_other_shapes(tmp_path):
    pytest.importorskip("bioio_lif")
    path = write_lif(tmp_path / "a.lif", ["one", "two"], VOXELS[0])
    xml = 'NumberOfElements="7"'.encode("utf-16-le")
    content = path.read_bytes()
    last = content.rindex(xml)
    path.write_bytes(content[:last] + 'NumberOfElements="6"'.encode("utf-16-le") + content[last + len(xml) :])
    refused(path, "its scene 1 has axes", "save each scene as a file of its own", channel=1)


@pytest.mark.parametrize("suffix", READERS)
def test_names_that_lie(tmp_path, suffix):
    """All that is tested of `.nd2`, which no library writes: that another file isn't taken for one."""
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"no such file at all" * 30)
    refused(path, "is not a ", "it holds text")


def test_a_damaged_nd2(tmp_path):
    pytest.importorskip("bioio_nd2")
    path = tmp_path / "a.nd2"
    path.write_bytes(b"\xda\xce\xbe\x0a" + bytes(1000))
    refused(path, "cannot be read by bioio_nd2", "OME-TIFF")
