import re

import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.volume_examples import told

sitk = pytest.importorskip("SimpleITK")

DIRECTION = (0.0, 0.6, 0.8, 1.0, 0.0, 0.0, 0.0, 0.8, -0.6)
SPACING, ORIGIN = (0.5, 0.6, 2.0), (1.0, -20.0, 3.25)
NAMES = ("a.nrrd", "a.nhdr", "a.mha", "a.mhd")


def voxels(dtype=np.int16):
    """(Z, Y, X)."""
    return np.random.default_rng(0).integers(0, 200, (5, 6, 7)).astype(dtype)


def image(array=None, vector=False):
    made = sitk.GetImageFromArray(voxels() if array is None else array, isVector=vector)
    made.SetSpacing(SPACING)
    made.SetOrigin(ORIGIN)
    made.SetDirection(DIRECTION)
    return made


def save(path, made=None, compressed=False):
    sitk.WriteImage(image() if made is None else made, str(path), compressed)
    return path


def ras(made):
    """SimpleITK's own geometry as nibabel has it, by its own function of a voxel's place."""
    corner = np.array(made.TransformIndexToPhysicalPoint((0, 0, 0)))
    steps = [np.array(made.TransformIndexToPhysicalPoint(at)) - corner for at in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    affine = np.eye(4)
    affine[:3] = np.array([-1, -1, 1])[:, None] * np.array([*steps, corner]).T
    return affine


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_voxels_and_place_are_simpleitks(tmp_path, name, compressed):
    path = save(tmp_path / name, compressed=compressed)
    info, values = read_volume(path)
    np.testing.assert_array_equal(values, voxels().T)
    np.testing.assert_allclose(info.affine, ras(sitk.ReadImage(str(path))), atol=1e-12)
    assert (info.shape, info.unit, info.has_place, info.assumed_unit) == ((7, 6, 5), "mm", True, True)
    assert info.kind == ("nrrd" if "n" in name else "metaimage")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_types(tmp_path, name, dtype):
    info, values = read_volume(save(tmp_path / name, image(voxels(dtype))))
    assert info.dtype == values.dtype == dtype
    np.testing.assert_array_equal(values, voxels(dtype).T)


def test_a_right_anterior_superior_header_by_hand(tmp_path):
    """NRRD may state RAS itself: the affine is then the header's own."""
    text = (
        "NRRD0004\n# by hand\ntype: unsigned short\ndimension: 3\nspace: right-anterior-superior\nsizes: 2 3 4\n"
        "space directions: (0,2,0) (3,0,0) (0,0,-4)\nkinds: domain domain domain\nendian: big\nencoding: raw\n"
        "space origin: (10,20,30)\n\n"
    )
    array = np.arange(24, dtype=">u2").reshape(4, 3, 2)
    (tmp_path / "a.nrrd").write_bytes(text.encode() + array.tobytes())
    info, values = read_volume(tmp_path / "a.nrrd")
    expected = [[0, 3, 0, 10], [2, 0, 0, 20], [0, 0, -4, 30], [0, 0, 0, 1]]
    np.testing.assert_array_equal(info.affine, expected)
    np.testing.assert_array_equal(values, array.T)


def test_sizes_alone_say_nothing(tmp_path):
    """As NRRD of a program that knows no voxel size; and a MetaImage that states only that."""
    head = b"NRRD0001\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n"
    (tmp_path / "a.nrrd").write_bytes(head + b"\n" + bytes(24))
    info = read_header(tmp_path / "a.nrrd")
    assert (info.unit, info.has_place, info.voxel_size) == ("", False, (1, 1, 1))
    (tmp_path / "b.nrrd").write_bytes(head + b"spacings: 0.5 0.5 2\n\n" + bytes(24))
    info = read_header(tmp_path / "b.nrrd")
    assert (info.unit, info.has_place, info.voxel_size) == ("mm", False, (0.5, 0.5, 2))
    head = b"NDims = 3\nDimSize = 2 3 4\nElementType = MET_UCHAR\nElementSpacing = 1 1 3\nElementDataFile = LOCAL\n"
    (tmp_path / "c.mha").write_bytes(b"ObjectType = Image\n" + head + bytes(24))
    info = read_header(tmp_path / "c.mha")
    assert (info.unit, info.has_place, info.voxel_size) == ("mm", False, (1, 1, 3))


@pytest.mark.parametrize(
    ("name", "line", "before"),
    [("a.nrrd", b'space units: "microns" "um" "um"\n', b"encoding"), ("a.mha", b"DistanceUnits = um\n", b"DimSize")],
)
def test_a_named_unit_counts(tmp_path, name, line, before):
    path = save(tmp_path / name)
    path.write_bytes(path.read_bytes().replace(before, line + before, 1))
    info = read_header(path)
    assert (info.unit, info.assumed_unit) == ("µm", False)
    np.testing.assert_allclose(info.voxel_size, np.array(SPACING) / 1000)


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_components_are_channels(tmp_path, name):
    array = np.random.default_rng(0).random((5, 6, 7, 3)).astype(np.float32)
    path = save(tmp_path / name, image(array, vector=True))
    with pytest.raises(ValueError, match="3 channels and not one") as error:
        read_header(path)
    told(error, path, "axes XYZC with shape (7, 6, 5, 3)", "--channel 0..2")
    info, values = read_volume(path, 1)
    np.testing.assert_array_equal(values, array[..., 1].T)
    assert info.channel == 1


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_time_points_are_never_squeezed(tmp_path, name):
    series = sitk.JoinSeries([image(), image(voxels() + 1)])
    path = save(tmp_path / name, series)
    with pytest.raises(ValueError, match="2 time points and not one") as error:
        read_header(path)
    told(error, path)
    info, values = read_volume(path, 1)
    np.testing.assert_array_equal(values, voxels().T + 1)
    np.testing.assert_allclose(info.affine, ras(image()), atol=1e-12)


def test_one_slice(tmp_path):
    for name, made in (("a.nrrd", image()[:, :, :1]), ("a.mha", sitk.GetImageFromArray(voxels()[0]))):
        with pytest.raises(ValueError, match="a single slice") as error:
            read_header(save(tmp_path / name, made))
        told(error, tmp_path / name)


def test_voxels_without_a_place(tmp_path):
    path = save(tmp_path / "a.mha")
    for field, value in (
        (b"Offset", b"1e300 0 0"),
        (b"TransformMatrix", b"0 0 0 1 0 0 0 0 1"),
        (b"Offset", b"nan 0 0"),
    ):
        spoilt = re.sub(field + b" = [^\n]*", field + b" = " + value, path.read_bytes(), count=1)
        (tmp_path / "b.mha").write_bytes(spoilt)
        with pytest.raises(ValueError, match=";") as error:
            read_header(tmp_path / "b.mha")
        told(error, tmp_path / "b.mha")


@pytest.mark.parametrize("name", NAMES)
def test_the_state_counts_the_file_that_has_the_voxels(tmp_path, name):
    path = save(tmp_path / name)
    files = [each for each in tmp_path.iterdir() if each.is_file()]
    assert read_header(path).state == (
        len(files),
        sum(each.stat().st_size for each in files),
        max(each.stat().st_mtime_ns for each in files),
    )
