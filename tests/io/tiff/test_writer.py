import json
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff, read_tiff_header, write_tiff, writer
from scripts.io.volume import Geometry
from tests.helpers.volume_examples import imagej, ome, pages, plain, positions, shared_files, zyx

METADATA = {"provenance": {"weights": "é"}, "intensity_range": [0.0, 160.0]}


def give_back(one, two, array=None, metadata=METADATA):
    """Write a mask as the same kind of file as `one`; returns both headers."""
    info = read_tiff_header(one)
    mask = (positions(info.shape) % 2).astype("u1") if array is None else array
    write_tiff(two, mask, Geometry(info.affine, info.unit, info.source, unmoved=True), metadata)
    after, voxels = read_tiff(two) if mask.ndim == 3 else (read_tiff_header(two, 0), mask)
    np.testing.assert_array_equal(voxels, mask)
    assert (info.kind, info.unit) == (after.kind, after.unit)
    assert np.array_equal(info.affine, after.affine)
    same = ("byteorder", "bigtiff", "resolutionunit", "spacing", "unit", "zunit", "physical")
    assert {k: info.source.get(k) for k in same} == {k: after.source.get(k) for k in same}
    assert _ratios(info) == _ratios(after)
    if metadata:
        assert (after.provenance, after.intensity_range) == (METADATA["provenance"], (0.0, 160.0))
    return info, after


def _ratios(info):
    return [Fraction(*rational) for rational in info.source.get("resolution", [])]  # tifffile writes 4/2 as 2/1


@pytest.mark.parametrize("unit", ["um", "\\u00B5m", "micron", "nm", "pixel", "inch"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_imagej_comes_back(tmp_path, unit, byteorder):
    give_back(imagej(tmp_path / "a.tif", "u2", byteorder, unit), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        description = tif.imagej_metadata
        assert tif.series[0].axes == "ZYX"
        assert (description["spacing"], description["unit"], description["slices"]) == (2.0, unit, 3)
        assert (description["min"], description["max"]) == (0, 1)  # else ImageJ shows a mask of 0 and 1 all black
        assert tif.pages[0].tags["XResolution"].value == (2, 1)
        assert json.loads(description["Info"]) == METADATA


@pytest.mark.parametrize("unit", ["µm", "nm", "mm"])
def test_ome_comes_back(tmp_path, unit):
    give_back(ome(tmp_path / "a.ome.tif", "u2", (0.1, 1.59, 5), unit), tmp_path / "b.ome.tif")
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as tif:
        pixels = next(e for e in ElementTree.fromstring(tif.ome_metadata).iter() if e.tag.endswith("Pixels"))
    assert [pixels.get(f"PhysicalSize{axis}") for axis in "XYZ"] == ["0.1", "1.59", "5"]
    assert {pixels.get(f"PhysicalSize{axis}Unit") for axis in "XYZ"} == {unit}


@pytest.mark.parametrize(
    "kwargs",
    [
        {"resolution": (300, 300), "resolutionunit": "INCH"},
        {"resolution": ((20000, 3), (20000, 7)), "resolutionunit": "CENTIMETER"},
        {"bigtiff": True, "byteorder": ">"},
        {},
        {"resolution": (4, 4), "resolutionunit": 1, "metadata": {"axes": "ZYX", "spacing": 2.5, "unit": "um"}},
    ],
)
def test_plain_comes_back(tmp_path, kwargs):
    give_back(plain(tmp_path / "a.tif", **kwargs), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert not tif.is_imagej
        assert not tif.is_ome


def test_bare_pages_come_back(tmp_path):
    give_back(pages(tmp_path / "a.tif"), tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("before", "after"),
    [("lzw", "LZW"), ("zlib", "ADOBE_DEFLATE"), ("zstd", "ZSTD"), ("jpeg2000", "ADOBE_DEFLATE"), (None, "NONE")],
)
@pytest.mark.parametrize("make", [imagej, ome, plain])
def test_compression_is_kept_where_it_loses_nothing(tmp_path, make, before, after):
    give_back(make(tmp_path / "a.tif", compression=before), tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.pages[0].compression.name == after


@pytest.mark.parametrize(("make", "axes"), [(imagej, "ZCYX"), (ome, "CZYX"), (plain, "CZYX")])
@pytest.mark.parametrize("dtype", ["u1", "f4"])
def test_channels(tmp_path, make, axes, dtype):
    both = np.stack([positions(dtype=dtype), positions(dtype=dtype) * 0])
    give_back(make(tmp_path / "a.tif"), tmp_path / "b.tif", both)
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert tif.series[0].axes == axes
    np.testing.assert_array_equal(read_tiff(tmp_path / "b.tif", 0)[1], both[0])
    np.testing.assert_array_equal(read_tiff(tmp_path / "b.tif", 1)[1], both[1])


@pytest.mark.parametrize("sides", [(3, 4, 5), (4, 3, 5), (3, 3, 3)])
def test_short_axes_are_not_taken_for_colours(tmp_path, sides):
    for name in ("a.tif", "a.ome.tif"):
        write_tiff(tmp_path / name, positions(sides), Geometry(np.eye(4)), {})
        np.testing.assert_array_equal(read_tiff(tmp_path / name)[1], positions(sides))


@pytest.mark.parametrize(("name", "kind"), [("a.tif", "imagej"), ("a.OME.tif", "ome"), ("a.tiff", "imagej")])
@pytest.mark.parametrize(("unit", "mm"), [("µm", 1e-3), ("mm", 1), ("inch", 25.4), ("", 1)])
def test_from_nothing(tmp_path, name, kind, unit, mm):
    path = tmp_path / name
    sizes = (0.994, 0.5, 5) if unit else (1, 1, 1)
    write_tiff(path, positions(), Geometry(np.diag([*(s * mm for s in sizes), 1]), unit), {})
    info = read_tiff_header(path)
    assert (info.kind, info.unit) == (kind, unit)
    np.testing.assert_allclose(info.voxel_size, np.array(sizes) * mm, rtol=1e-6)


def test_another_voxel_size_is_stated_in_the_old_unit(tmp_path):
    for make, name in ((imagej, "a.tif"), (ome, "a.ome.tif")):
        info = read_tiff_header(make(tmp_path / name, unit="um" if make is imagej else "µm"))
        doubled = Geometry(info.affine @ np.diag([2, 2, 2, 1]), "µm", info.source)
        write_tiff(tmp_path / f"b{name}", positions(), doubled, {})
        after = read_tiff_header(tmp_path / f"b{name}")
        assert after.unit == "µm"
        np.testing.assert_allclose(after.voxel_size, np.array(info.voxel_size) * 2, rtol=1e-9)


def test_what_tiff_cannot_hold_is_logged(tmp_path, caplog):
    write_tiff(tmp_path / "a.tif", positions(), Geometry(np.diag([-1.0, 1, 1, 1]), "mm"), {})
    assert "orientation" in caplog.text


def test_what_imagej_leaves_out_is_written_out_in_bigtiff(tmp_path):
    """A spacing of 1 is left out, and Z may have a unit of its own."""
    text = "ImageJ=1.53t\nimages=3\nslices=3\nunit=um\nzunit=nm\n"
    one = plain(tmp_path / "a.tif", metadata=None, description=text, resolution=(2, 2), bigtiff=True)
    info = read_tiff_header(one)
    np.testing.assert_allclose(np.diag(info.affine), [5e-4, 5e-4, 1e-6, 1])
    write_tiff(tmp_path / "b.tif", positions(), Geometry(info.affine, info.unit, info.source, unmoved=True), {})
    after = read_tiff_header(tmp_path / "b.tif")
    assert (info.kind, after.kind, after.unit) == ("imagej", "tiff", "µm")
    np.testing.assert_allclose(after.affine, info.affine)


def test_above_4_gb_imagej_gives_way_to_bigtiff(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "MAX_CLASSIC", 10)
    info = read_tiff_header(imagej(tmp_path / "a.tif"))
    write_tiff(tmp_path / "b.tif", positions(), Geometry(info.affine, info.unit, info.source, unmoved=True), METADATA)
    after, voxels = read_tiff(tmp_path / "b.tif")
    assert (after.kind, after.source["bigtiff"], after.unit) == ("tiff", True, "µm")
    assert np.array_equal(after.affine, info.affine)
    assert after.provenance == METADATA["provenance"]
    np.testing.assert_array_equal(voxels, positions())


def test_a_second_reader_sees_the_stored_order(tmp_path):
    write_tiff(tmp_path / "a.tif", positions(), Geometry(np.eye(4)), {})
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), zyx(positions()))


@pytest.mark.parametrize("path", shared_files("images/*.tif"), ids=lambda path: path.name)
def test_real_volumes(path, tmp_path):
    info, after = give_back(path, tmp_path / path.name)
    assert info.source["compression"] == after.source["compression"]
    assert read_tiff_header(path).shape == after.shape
