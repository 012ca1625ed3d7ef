"""Formats of the extras by the command line: what other programs read in the results."""

import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.bundle_command import TINY_NETWORK

pydicom = pytest.importorskip("pydicom")
highdicom = pytest.importorskip("highdicom")
sitk = pytest.importorskip("SimpleITK")
from tests.helpers.dicom_examples import STEP, multiframe, series, voxels  # noqa: E402
from tests.io.hdf5.examples import hdf5  # noqa: E402
from tests.io.zarr.examples import ome_zarr, plain_zarr  # noqa: E402

ARRAY = voxels(6).repeat(3, 1).repeat(3, 2)  # (Z, Y, X) = (6, 15, 21)
RESULTS = ["scan_prob.nii.gz", "scan_seg.dcm", "whole_prob.nii.gz", "whole_seg.dcm"]
RESULTS += ["slicer_prob.nrrd", "slicer_seg.nrrd", "itk_prob.mha", "itk_seg.mha"]
RESULTS += ["light_prob.ome.zarr", "light_seg.ome.zarr", "flat_prob.zarr", "flat_seg.zarr"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A series, a multi-frame image, NRRD, a detached MetaImage and Zarr; three series that are no volume."""
    folder = tmp_path_factory.mktemp("formats")
    images = folder / "images"
    series(images / "scan", ARRAY)
    multiframe(images / "whole.dcm", ARRAY)
    image = sitk.GetImageFromArray(ARRAY)
    image.SetSpacing((0.5, 0.7, 2.5))
    image.SetOrigin((-12.5, 30, 7.25))
    image.SetDirection((0.8, 0, -0.6, 0.6, 0, 0.8, 0, -1, 0))
    sitk.WriteImage(image, str(images / "slicer.nrrd"), True)
    sitk.WriteImage(image, str(images / "itk.mhd"))
    ome_zarr(images / "light.ome.zarr", "0.4", array=ARRAY, chunks=(2, 8, 8))
    plain_zarr(images / "flat.zarr", 3, ARRAY, chunks=(2, 8, 8))
    at = STEP * np.arange(6)
    series(images / "unequal", ARRAY, at=at + np.array([0, 0, 0, 0, 0, 0.5]))
    series(images / "missing", ARRAY, at=at + 2 * STEP * np.array([0, 0, 0, 1, 1, 1]))
    series(images / "two", ARRAY)
    for file in series(folder / "other", ARRAY, SeriesInstanceUID="1.2.3.5").iterdir():
        file.rename(images / "two" / f"b{file.name}")
    return folder


@pytest.fixture(scope="module")
def done(bundle, dataset, tiny_weights, tmp_path_factory):
    options = {"dataset_dir": dataset, "ckpt_path": tiny_weights, "threshold": 0.5, **TINY_NETWORK}
    out = tmp_path_factory.mktemp("out")
    return out, bundle.run("inference", **options, output_dir=out, save_probability="true"), options


def test_every_volume_has_its_results_and_every_other_its_line(done):
    out, run, _ = done
    assert sorted(file.name for file in out.iterdir()) == sorted(RESULTS)
    run.refused("3 of 9 volumes: could not be segmented")
    for words in ("not equally spaced: between", "2 slices are missing: between", "it holds 2 series and not one"):
        assert len([line for line in run.stderr.splitlines() if "failed" in line and words in line]) == 1
    assert "Unspeakable" not in run.stderr


@pytest.mark.parametrize("name", ["scan", "whole"])
def test_a_segmentation_object_is_whole_and_lies_on_its_slices(done, dataset, name):
    out, _, _ = done
    found = highdicom.seg.segread(out / f"{name}_seg.dcm")
    files = sorted((dataset / "images").glob(f"{name}*/*")) or [dataset / "images" / "whole.dcm"]
    sources = [pydicom.dcmread(file) for file in files]
    assert found.FrameOfReferenceUID == sources[0].FrameOfReferenceUID
    uids = {item.ReferencedSOPInstanceUID for item in found.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert uids == {source.SOPInstanceUID for source in sources}
    geometry = found.get_volume_geometry()
    np.testing.assert_allclose(geometry.spacing, (2.5, 0.7, 0.5))
    assert geometry.spatial_shape == (6, 15, 21)
    (segment,) = found.SegmentSequence
    assert (segment.SegmentLabel, segment.SegmentAlgorithmName) == ("vessel", "tubenet")
    volume = found.get_volume(combine_segments=True)
    nifti, probability = read_volume(out / f"{name}_prob.nii.gz")
    np.testing.assert_allclose(nifti.affine, read_header(out / f"{name}_seg.dcm").affine, atol=1e-4)
    planes = probability.transpose(2, 1, 0) > 0.5
    turned = np.dot(volume.affine[:3, 0], np.cross([0.8, 0.6, 0], [0, 0, -1])) < 0
    np.testing.assert_array_equal(volume.array, planes[::-1] if turned else planes)


@pytest.mark.parametrize(("image", "kind"), [("light.ome.zarr", "ome-zarr"), ("flat.zarr", "zarr")])
def test_a_zarr_gives_one(done, dataset, image, kind):
    out, _, _ = done
    source = read_header(dataset / "images" / image)
    stem, _, suffix = image.partition(".")
    info, classes = read_volume(out / f"{stem}_seg.{suffix}")
    probability = read_volume(out / f"{stem}_prob.{suffix}")[1]
    assert (info.kind, info.unit, info.source["zarr_format"]) == (kind, source.unit, source.source["zarr_format"])
    np.testing.assert_array_equal(info.affine, source.affine)
    np.testing.assert_array_equal(classes, probability > 0.5)
    assert "weights_sha256" in info.provenance


def test_a_level_of_a_pyramid_gives_a_result_of_its_voxels(bundle, tiny_weights, tmp_path):
    image = ome_zarr(tmp_path / "a.ome.zarr", array=ARRAY, levels=2)
    options = {"dataset_dir": image, "ckpt_path": tiny_weights, **TINY_NETWORK}
    bundle.run("inference", **options, output_dir=tmp_path / "out", level=1).ok()
    info = read_header(tmp_path / "out" / "a_seg.ome.zarr")
    coarse = read_header(image, level=1)
    assert info.shape == coarse.shape == (11, 8, 6)
    np.testing.assert_array_equal(info.affine, coarse.affine)
    done = bundle.run("inference", **options, output_dir=tmp_path / "out", level=2)
    done.refused("level 2 does not exist, the file holds 2 resolutions; choose one with --level 0..1")


@pytest.mark.parametrize(("image", "result"), [("slicer.nrrd", "slicer_seg.nrrd"), ("itk.mhd", "itk_seg.mha")])
def test_simpleitk_sees_the_same_place(done, dataset, image, result):
    out, _, _ = done
    one, two = sitk.ReadImage(str(dataset / "images" / image)), sitk.ReadImage(str(out / result))
    assert one.GetSize() == two.GetSize()
    for place in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert getattr(one, place)() == getattr(two, place)()


def test_all_kinds_of_file_have_the_same_result(done):
    out, _, _ = done
    expected = read_volume(out / "scan_prob.nii.gz")[1]
    for name in ("whole_prob.nii.gz", "slicer_prob.nrrd", "itk_prob.mha"):
        np.testing.assert_array_equal(read_volume(out / name)[1], expected)


def test_a_series_alone_replaces_its_result_and_no_other_file(done, bundle, dataset):
    out, _, options = done
    options = {**options, "dataset_dir": dataset / "images" / "scan", "output_dir": out}
    before = pydicom.dcmread(out / "scan_seg.dcm").SOPInstanceUID
    bundle.run("inference", **options).ok()
    assert pydicom.dcmread(out / "scan_seg.dcm").SOPInstanceUID != before
    multiframe(out / "scan_seg.dcm", ARRAY)  # somebody's own
    bundle.run("inference", **options).refused("scan_seg.dcm", "does not say that it is a result")


def test_a_data_set_of_hdf5_gives_an_ome_tiff_beside_its_file(bundle, tiny_weights, tmp_path):
    (tmp_path / "in").mkdir()
    image = hdf5(tmp_path / "in" / "a.h5", ARRAY, "volumes/raw", sizes=(2.0, 0.5, 0.5))
    hdf5(image, ARRAY, "volumes/other")
    options = {"ckpt_path": tiny_weights, **TINY_NETWORK}
    bundle.run("inference", dataset_dir=image / "volumes" / "raw", **options, output_dir=tmp_path / "in").ok()
    info = read_header(tmp_path / "in" / "a_volumes_raw_seg.ome.tif")
    assert (info.kind, info.unit, info.shape) == ("ome", "µm", ARRAY.shape[::-1])
    done = bundle.run("inference", dataset_dir=image, **options, output_dir=tmp_path / "in")
    done.refused(f"it holds 2 data sets, volumes/other, volumes/raw; name one, {image}/volumes/other")
