import gc
import logging
import os
import re

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff, read_tiff_header, whole_volumes
from scripts.io.tiff.sets import open_tiff
from tests.helpers.volume_examples import SHAPE, ome, plain, positions, told, zyx

ONE = '<TiffData IFD="0" PlaneCount="3"/>'


def xml_of(path):
    with tifffile.TiffFile(ome(path)) as tif:
        return tif.ome_metadata


def with_xml(path, xml, array):
    tifffile.imwrite(path, array, photometric="minisblack", description=xml.encode(), metadata=None)
    return path


def ome_set(folder, names=("s_z0.ome.tif", "s_z1.ome.tif", "s_z2.ome.tif")):
    """One slice a file, and in each the XML of all."""
    xml = xml_of(folder / "whole.ome.tif")
    (folder / "whole.ome.tif").unlink()
    parts = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{z}</UUID></TiffData>'
        for z, name in enumerate(names)
    )
    xml = xml.replace(ONE, parts)
    for z, name in enumerate(names):
        own = xml.replace('UUID="', f'UUID="urn:uuid:{z}" Was="', 1)
        with_xml(folder / name, own, zyx(positions())[z])
    return [folder / name for name in names]


def binary_only(path, master, array):
    xml = f'<OME xmlns="u" UUID="urn:uuid:9"><BinaryOnly MetadataFile="{master}" UUID="urn:uuid:0"/></OME>'
    return with_xml(path, xml, array)


def test_a_set_is_one_volume_and_one_file_stands_for_it(tmp_path, caplog):
    files = ome_set(tmp_path)
    for file in files:
        info, voxels = read_tiff(file)
        assert info.shape == SHAPE
        np.testing.assert_array_equal(voxels, positions())
    other = plain(tmp_path / "other.tif")
    assert whole_volumes(tmp_path, [other, *files]) == [other, files[0]]
    assert "3 files are parts of one OME set, s_z0.ome.tif stands for it" in caplog.text


@pytest.mark.parametrize("harm", ["missing", "cut", "more pages"])
def test_a_set_is_whole_or_refused(tmp_path, harm):
    files = ome_set(tmp_path)
    if harm == "missing":
        files[1].unlink()
    elif harm == "cut":
        files[1].write_bytes(files[1].read_bytes()[:100])
    else:
        plain(files[1])
    with pytest.raises(ValueError, match=r"s_z1\.ome\.tif|3 planes") as error:
        read_tiff(files[0])
    told(error, files[1] if harm == "cut" else files[0])


def test_a_part_whose_description_is_elsewhere_is_no_volume(tmp_path, caplog):
    files = [binary_only(tmp_path / f"p{n}.ome.tif", "x.companion.ome", zyx(positions())) for n in range(3)]
    with pytest.raises(ValueError, match="one part of an OME set") as error:
        read_tiff_header(files[1])
    told(error, files[1], "x.companion.ome", "make one file of the set (Fiji: File > Import > Bio-Formats")
    with caplog.at_level(logging.WARNING):
        assert whole_volumes(tmp_path, files) == files[:1]  # which is refused once, and not three times


def test_the_file_with_the_description_stands_for_its_parts(tmp_path):
    whole = ome_set(tmp_path)
    parts = [binary_only(path, whole[2].name, zyx(positions())[z]) for z, path in enumerate(whole[:2])]
    assert whole_volumes(tmp_path, [*parts, whole[2]]) == [whole[2]]
    np.testing.assert_array_equal(read_tiff(whole[2])[1], positions())


def test_a_file_that_only_one_side_calls_a_part_stays(tmp_path):
    files = ome_set(tmp_path)
    innocent = plain(files[1])  # named by the others, and no part by its own word
    assert whole_volumes(tmp_path, files) == [files[0], innocent]


@pytest.mark.parametrize("name", ["/ABSOLUTE/s.tif", "../s.tif", "below/s.tif", "..", ".", "", "link.tif", "C:\\s.tif"])
def test_no_file_outside_the_folder_is_opened(tmp_path, name):
    folder = tmp_path / "images"
    (folder / "below").mkdir(parents=True)
    for secret in (tmp_path / "s.tif", folder / "below" / "s.tif"):
        plain(secret)
    (folder / "link.tif").symlink_to(tmp_path / "s.tif")
    name = name.replace("/ABSOLUTE", str(tmp_path))
    xml = xml_of(folder / "a.ome.tif").replace(
        ONE, f'<TiffData IFD="0" PlaneCount="3"><UUID FileName="{name}">urn:uuid:7</UUID></TiffData>'
    )
    path = with_xml(folder / "a.ome.tif", xml, zyx(positions()))
    with pytest.raises(ValueError, match="folder") as error:
        read_tiff(path)
    told(error, path, repr(name), "make one file")


def nameless(path, parts, array):
    """Save a file whose XML has no UUID of its own."""
    xml = xml_of(path).replace(ONE, parts)
    return with_xml(path, re.sub(' UUID="[^"]*"', "", xml, count=1), array)


@pytest.mark.parametrize("uuid", ["urn:uuid:7", "\n urn:uuid:7\t", ""])
@pytest.mark.parametrize("name", ["old.ome.tif", "../old.ome.tif", "below/old.ome.tif"])
def test_a_file_without_a_uuid_may_be_renamed_and_copied(tmp_path, uuid, name):
    (tmp_path / "below").mkdir()
    folder = tmp_path / "below"
    part = f'<TiffData IFD="0" PlaneCount="3"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
    path = nameless(folder / "new.ome.tif", part, zyx(positions()))
    np.testing.assert_array_equal(read_tiff(path)[1], positions())
    for other in (tmp_path, folder, folder / "below"):  # whatever has the name is never opened
        other.mkdir(exist_ok=True)
        nameless(other / "old.ome.tif", part, zyx(positions() + 1))
    np.testing.assert_array_equal(read_tiff(path)[1], positions())
    np.testing.assert_array_equal(read_tiff(folder / "old.ome.tif")[1], positions() + 1)
    files = [path, folder / "old.ome.tif"]
    assert whole_volumes(folder, files) == files


def test_a_set_without_a_uuid_is_no_single_file(tmp_path):
    parts = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="old{z}.tif">u{z}</UUID></TiffData>'
        for z in range(3)
    )
    path = nameless(tmp_path / "new.ome.tif", parts, zyx(positions()))
    with pytest.raises(ValueError, match=r"another file, 'old0\.tif'") as error:
        read_tiff(path)
    told(error, path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFO on this system")
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo.tif")
    part = '<TiffData IFD="0" PlaneCount="3"><UUID FileName="fifo.tif">urn:uuid:7</UUID></TiffData>'
    xml = xml_of(tmp_path / "a.ome.tif").replace(ONE, part)
    path = with_xml(tmp_path / "a.ome.tif", xml, zyx(positions()))
    with pytest.raises(ValueError, match="no file of its folder") as error:
        read_tiff(path)
    told(error, path)
    assert whole_volumes(tmp_path, [path, tmp_path / "fifo.tif"]) == [path, tmp_path / "fifo.tif"]


def test_no_index_of_other_files_is_followed(tmp_path):
    """Micro-Manager's stacks name the others of an acquisition by a pattern, which tifffile opens."""
    settings = {"Summary": {"MicroManagerVersion": "1.4", "Prefix": "a", "Frames": 1, "Slices": 9, "Channels": 1}}
    path = plain(tmp_path / "a_MMStack.tif", extratags=[(51123, 2, 0, str(settings).replace("'", '"'), True)])
    os.symlink("/dev/null", tmp_path / "a_MMStack_1.tif")
    np.testing.assert_array_equal(read_tiff(path)[1], positions())


def test_a_file_without_a_page_is_closed(tmp_path):
    path = tmp_path / "nothing.tif"
    path.write_bytes(b"II*\0" + bytes(12))
    with pytest.raises(IndexError) as error:  # which holds on to what was opened
        open_tiff(path)
    left = [each for each in gc.get_objects() if isinstance(each, tifffile.TiffFile) and each.filename == path.name]
    assert [each.filehandle.closed for each in left] == [True]
    assert error.value.__traceback__ is not None


def slices(folder, shapes):
    files = [folder / f"s{number}.tif" for number in range(len(shapes))]
    for file, shape in zip(files, shapes, strict=True):
        tifffile.imwrite(file, np.zeros(shape, "u1"), photometric="rgb" if len(shape) == 3 else "minisblack")
    return files


def test_a_folder_of_slices_is_told_once_how_to_join_them(tmp_path):
    files = slices(tmp_path, [(4, 5)] * 3)
    with pytest.raises(ValueError, match="single slices") as error:
        whole_volumes(tmp_path, files)
    told(error, tmp_path, "its 3 files", "Fiji: File > Import > Image Sequence", f"imread('{tmp_path}/*.tif')")
    colours = tmp_path / "colours"
    colours.mkdir()
    with pytest.raises(ValueError, match="single slices") as error:
        whole_volumes(colours, slices(colours, [(4, 5, 3)] * 2))
    assert "python" not in str(error.value)


def test_other_folders_are_left_to_the_reader(tmp_path):
    files = slices(tmp_path, [(4, 5), (4, 6)])
    assert whole_volumes(tmp_path, files) == files  # not of one size
    assert whole_volumes(tmp_path, files[:1]) == files[:1]
    mixed = [files[0], plain(tmp_path / "v.tif"), tmp_path / "missing.tif", tmp_path / "n.nii.gz"]
    assert whole_volumes(tmp_path, mixed) == mixed
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0\x08\0\0\0")
    assert whole_volumes(tmp_path, [files[0], broken]) == [files[0], broken]


@pytest.mark.parametrize("part", range(3))
def test_the_state_of_a_set_is_that_of_all_its_files(tmp_path, part):
    files = ome_set(tmp_path)
    before = read_tiff_header(files[0]).state
    assert before[0] == 3
    os.utime(files[part], ns=(10**18, 3 * 10**18))
    assert read_tiff_header(files[0]).state != before
