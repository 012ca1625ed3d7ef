import tracemalloc

import numpy as np
import pytest

from scripts.io import read_header, read_volume, write_volume
from scripts.io.itk import write_itk
from scripts.io.units import millimetres
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import told

sitk = pytest.importorskip("SimpleITK")
from tests.io.itk.test_reader import DIRECTION, NAMES, ORIGIN, SPACING, image, ras, save, voxels  # noqa: E402

PROVENANCE = {"software": "tubenet 0.6.0", "weights": 'a "b" = c: d.pt', "weights_sha256": "ab" * 32}
RESULT = {"a.nhdr": "s.nrrd", "a.mhd": "s.mha", "a.nrrd": "s.nrrd", "a.mha": "s.mha"}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_result_lies_where_its_image_does_digit_for_digit(tmp_path, name, compressed):
    info, values = read_volume(save(tmp_path / name, compressed=compressed))
    path = write_volume(tmp_path / RESULT[name], values > 100, like=info, provenance=PROVENANCE)
    found = sitk.ReadImage(str(path))
    assert (found.GetSpacing(), found.GetOrigin(), found.GetDirection()) == (SPACING, ORIGIN, DIRECTION)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), voxels() > 100)
    back = read_header(path)
    assert (back.provenance, back.dtype, back.source["compressed"]) == (PROVENANCE, np.uint8, compressed)


@pytest.mark.parametrize("name", ["s.nrrd", "s.mha"])
def test_several_classes_are_components(tmp_path, name):
    array = np.random.default_rng(0).random((2, 7, 6, 5)).astype(np.float32)
    path = write_volume(tmp_path / name, array, affine=ras(image()), unit="mm", intensity_range=(0, 7))
    found = sitk.ReadImage(str(path))
    assert found.GetNumberOfComponentsPerPixel() == 2
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found), array.transpose(3, 2, 1, 0))
    np.testing.assert_allclose(ras(found), ras(image()), atol=1e-12)
    info, values = read_volume(path, 1)
    np.testing.assert_array_equal(values, array[1])
    assert info.intensity_range == (0, 7)


@pytest.mark.parametrize("name", ["s.nrrd", "s.mha"])
def test_a_unit_is_named_where_it_is_not_millimetres(tmp_path, name):
    path = write_volume(tmp_path / name, voxels().T > 100, voxel_size=(0.5, 0.5, 3), unit="µm")
    info, values = read_volume(path)
    assert (info.unit, info.assumed_unit, info.voxel_size) == ("µm", False, (0.0005, 0.0005, 0.003))
    np.testing.assert_array_equal(values, voxels().T > 100)
    assert sitk.ReadImage(str(path)).GetSpacing() == (0.5, 0.5, 3.0)  # the file's own numbers
    again = write_volume(tmp_path / f"t{name}", values, like=info)
    assert read_header(again).unit == "µm"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("name", "line"), [("s.nrrd", b'space units: "um" "um" "um"'), ("s.mha", b"DistanceUnits = um")]
)
def test_a_named_unit_is_a_line_more_and_takes_no_memory_for_voxels(tmp_path, name, line, compressed):
    array = np.random.default_rng(0).random((140, 150, 160), np.float32).T  # of several blocks
    files, peaks = [], []
    for unit in ("mm", "µm"):
        geometry = Geometry(np.diag([*([millimetres(unit)] * 3), 1.0]), unit, {"compressed": compressed})
        tracemalloc.start()
        write_itk(tmp_path / name, array, geometry, {"provenance": PROVENANCE})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        files.append((tmp_path / name).read_bytes())
    assert files[1].count(line + b"\n") == 1
    assert files[1].replace(line + b"\n", b"", 1) == files[0]
    assert peaks[1] - peaks[0] < array.nbytes / 4
    info, values = read_volume(tmp_path / name)
    assert (info.unit, info.source["compressed"]) == ("µm", compressed)
    np.testing.assert_array_equal(values, array)


def test_one_family_to_another(tmp_path):
    info, values = read_volume(save(tmp_path / "a.nrrd"))
    nifti = write_volume(tmp_path / "s.nii.gz", values > 100, like=info)
    np.testing.assert_allclose(read_header(nifti).affine, info.affine, atol=1e-5)
    back = write_volume(tmp_path / "b.mha", values > 100, like=read_header(nifti))
    np.testing.assert_allclose(ras(sitk.ReadImage(str(back))), info.affine, atol=1e-5)


@pytest.mark.parametrize("name", ["a.nhdr", "a.mhd", "a.czi", "a.nd2", "a.lif"])
def test_what_is_only_read(tmp_path, name):
    with pytest.raises(ValueError, match="is read and not written") as error:
        write_volume(tmp_path / name, voxels().T > 100)
    told(error, tmp_path / name, ".ome.tif" if name > "a.m" and "mhd" not in name and "nhdr" not in name else "")
