import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff
from scripts.io.tiff.dialect import dialect_of, ome_root
from tests.helpers.volume_examples import imagej, ome, plain, positions, zyx


def dialect(path):
    with tifffile.TiffFile(path) as tif:
        return dialect_of(tif, ome_root(path, tif))


def test_each_dialect_states_its_voxel_size(tmp_path):
    found = dialect(imagej(tmp_path / "a.tif"))
    assert (found.kind, found.unit, found.images) == ("imagej", "µm", 3)
    assert found.source == {"spacing": 2.0, "unit": "um"}
    found = dialect(ome(tmp_path / "b.tif"))
    assert (found.kind, found.unit, found.images) == ("ome", "µm", None)
    np.testing.assert_allclose(np.diag(found.affine), [5e-4, 2.5e-4, 2e-3, 1])
    found = dialect(plain(tmp_path / "c.tif", metadata={"axes": "ZYX", "spacing": 2, "unit": "um"}))
    assert (found.kind, found.source) == ("tiff", {"spacing": 2, "unit": "um"})


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a": ' * 200_000])
def test_brackets_of_others_are_ignored(tmp_path, text):
    path = plain(tmp_path / "a.tif", metadata=None, description=text)
    np.testing.assert_array_equal(read_tiff(path)[1], positions())
    metadata = {"axes": "ZYX", "Info": text}
    tifffile.imwrite(tmp_path / "b.tif", zyx(positions()), imagej=True, metadata=metadata)
    np.testing.assert_array_equal(read_tiff(tmp_path / "b.tif")[1], positions())


def test_ome_without_an_image_is_a_plain_tiff(tmp_path):
    path = plain(tmp_path / "a.tif", metadata=None, description="<OME></OME>")
    assert dialect(path).kind == "tiff"


@pytest.mark.parametrize("images", ["three", "1e3", "2.5", ""])
def test_imagej_may_state_anything_as_its_number_of_images(tmp_path, images):
    path = plain(tmp_path / "a.tif", metadata=None, description=f"ImageJ=1.53t\nimages={images}\n")
    assert dialect(path).images == {"1e3": 1000, "2.5": 2}.get(images)


def test_a_plain_tiff_keeps_no_unit_where_it_states_no_voxel_size(tmp_path):
    """A result that repeated it would state one."""
    path = plain(tmp_path / "a.tif", metadata={"axes": "ZYX", "spacing": 2, "unit": "um"})
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags["YResolution"].overwrite((0, 1))
    found = dialect(path)
    assert (found.unit, found.source) == ("", {"spacing": 2})
