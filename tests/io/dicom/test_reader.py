import numpy as np
import pytest

from scripts.io import read_header, read_volume
from scripts.io.memory import free_memory
from tests.helpers.volume_examples import told

pydicom = pytest.importorskip("pydicom")
from pydicom.uid import (  # noqa: E402
    JPEGLSLossless,
    RLELossless,
)

from tests.helpers.dicom_examples import multiframe, series, voxels  # noqa: E402

sitk = pytest.importorskip("SimpleITK")


def read_by_itk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.array(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, np.diag([-1, -1, 1, 1]) @ lps


@pytest.mark.parametrize("tags", [{}, {"RescaleSlope": 1, "RescaleIntercept": -1024}, {"RescaleSlope": 0.25}])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_voxels_and_affine_are_those_of_simpleitk(tmp_path, dtype, tags):
    path = series(tmp_path / "scan", voxels(5, dtype), at=-1.5 * np.arange(5), **tags)
    info, values = read_volume(path)
    expected, affine = read_by_itk(path)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_allclose(info.affine, affine, atol=1e-6)
    assert read_header(path).shape == info.shape == values.shape == (7, 5, 5)


def test_frames_of_one_file(tmp_path):
    info, values = read_volume(multiframe(tmp_path / "a.dcm", order=np.array([2, 0, 3, 1])))
    np.testing.assert_array_equal(values, voxels().transpose(2, 1, 0))
    assert (info.kind, values.dtype) == ("dicom", np.int16)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed(tmp_path, syntax):
    array = voxels(3, np.uint16).repeat(10, 1).repeat(10, 2)
    path = series(tmp_path / "scan", array, change=lambda ds, _: ds.compress(syntax))
    _, values = read_volume(path)
    np.testing.assert_array_equal(values, array.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("syntax", "uid"), [("JPEGLosslessProcess14_1", "JPEGLosslessSV1"), ("JPEG2000Lossless", "JPEG2000Lossless")]
)
def test_compressed_as_in_most_archives(tmp_path, syntax, uid):
    """These pydicom cannot write by itself, and GDCM can."""
    gdcm = pytest.importorskip("gdcm")
    array = voxels(2, np.uint16).repeat(10, 1).repeat(10, 2)
    path = series(tmp_path / "scan", array)
    for file in path.iterdir():
        reader, change = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax()
        reader.SetFileName(str(file))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(file))
        assert writer.Write()
        assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == getattr(pydicom.uid, uid)
    _, values = read_volume(path)
    np.testing.assert_array_equal(values, array.transpose(2, 1, 0))


def test_voxels_that_cannot_be_decoded(tmp_path):
    def spoil(ds, number):
        ds.compress(RLELossless)
        if number == 1:
            ds.PixelData = pydicom.encaps.encapsulate([b"\0" * 64])

    path = series(tmp_path / "scan", change=spoil)
    read_header(path)
    with pytest.raises(ValueError, match="its voxels cannot be decoded") as error:
        read_volume(path)
    told(error, path / "IM41")


def test_colours_are_channels(tmp_path):
    def colour(ds, _):
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
        ds.PixelData = (
            np.stack([np.frombuffer(ds.PixelData, np.uint8) + sample for sample in range(3)], -1).tobytes() + b"\0"
        )

    path = series(tmp_path / "scan", voxels(dtype=np.uint8), change=colour)
    with pytest.raises(ValueError, match="3 colour samples and not one") as error:
        read_header(path)
    told(error, path, "axes XYZS", "--channel 0..2")
    info, values = read_volume(path, 2)
    np.testing.assert_array_equal(values, voxels(dtype=np.uint8).transpose(2, 1, 0) + 2)
    assert info.channel == 2


def test_larger_than_the_memory(tmp_path, monkeypatch):
    assert free_memory() is None or free_memory() > 0
    monkeypatch.setattr("scripts.io.memory.free_memory", lambda: 100)
    with pytest.raises(MemoryError):
        read_header(series(tmp_path / "scan"))
