import gzip
import os
import zlib

import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.volume_examples import told

pytest.importorskip("SimpleITK")

VOXELS = np.arange(24, dtype="<u2").reshape(4, 3, 2)
STORED = VOXELS.tobytes()
NRRD = {"type": "uint16", "dimension": "3", "sizes": "2 3 4", "endian": "little", "encoding": "raw"}
META = {"ObjectType": "Image", "NDims": "3", "DimSize": "2 3 4", "ElementType": "MET_USHORT"}


def nrrd(path, data=STORED, lines="", **fields):
    text = "NRRD0004\n" + "".join(f"{key}: {value}\n" for key, value in (NRRD | fields).items() if value is not None)
    path.write_bytes(text.encode() + lines.encode() + b"\n" + data)
    return path


def meta(path, data=STORED, where="LOCAL", **fields):
    lines = {**META, **fields, "ElementDataFile": where}
    path.write_bytes("".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None).encode() + data)
    return path


def zipped(path, data, **fields):
    size = {"CompressedDataSize": str(len(data)), **fields}
    return meta(path, data, CompressedData="True", **size)


def refused(path, *words, read=read_header):
    with pytest.raises((ValueError, OSError), match=words[0]) as error:
        read(path)
    told(error, path, *words)


def test_by_hand(tmp_path):
    for path in (nrrd(tmp_path / "a.nrrd"), meta(tmp_path / "a.mha")):
        np.testing.assert_array_equal(read_volume(path)[1], VOXELS.T)
    packed = nrrd(tmp_path / "b.nrrd", gzip.compress(VOXELS.tobytes()), encoding="gzip")
    np.testing.assert_array_equal(read_volume(packed)[1], VOXELS.T)
    packed = zipped(tmp_path / "b.mha", zlib.compress(VOXELS.tobytes()))
    np.testing.assert_array_equal(read_volume(packed)[1], VOXELS.T)


@pytest.mark.parametrize("name", ["../a.raw", "/etc/passwd", "sub/a.raw", "..\\a.raw", "c:a.raw", "", "..", "."])
@pytest.mark.parametrize(("make", "suffix"), [(nrrd, ".nhdr"), (nrrd, ".nrrd"), (meta, ".mhd"), (meta, ".mha")])
def test_nothing_outside_the_folder_is_opened(tmp_path, make, suffix, name):
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for place in (tmp_path, tmp_path / "in" / "sub"):
        (place / "a.raw").write_bytes(VOXELS.tobytes())
    given = {"lines": f"data file: {name}\n"} if make is nrrd else {"where": name}
    refused(make(tmp_path / "in" / f"a{suffix}", b"", **given), "outside its folder", "one file")


@pytest.mark.parametrize("line", ["datafile: x.raw", "Data File: x.raw", "data  file: x.raw", "data file:../x.raw"])
def test_however_the_field_is_spelled(tmp_path, line):
    (tmp_path / "in").mkdir()
    (tmp_path / "x.raw").write_bytes(VOXELS.tobytes())
    refused(nrrd(tmp_path / "in" / "a.nhdr", b"", lines=line + "\n"), ";")


def test_links_and_pipes_beside_the_header(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "x.raw").write_bytes(VOXELS.tobytes())
    (tmp_path / "in" / "link.raw").symlink_to(tmp_path / "x.raw")
    os.mkfifo(tmp_path / "in" / "pipe.raw")
    for name in ("link.raw", "pipe.raw", "a.mhd"):
        refused(meta(tmp_path / "in" / "a.mhd", b"", name), "no file of its folder")
    refused(meta(tmp_path / "in" / "a.mhd", b"", "gone.raw"), "which is not there", "in one folder")


@pytest.mark.parametrize("where", ["LIST", "a%03d.raw 1 4 1", "LIST 2"])
def test_one_slice_a_file(tmp_path, where):
    refused(meta(tmp_path / "a.mhd", b"", where), "several files")
    refused(nrrd(tmp_path / "a.nhdr", b"", lines=f"data file: {where}\n"), "several files")


@pytest.mark.parametrize(("make", "name"), [(nrrd, "a.nrrd"), (meta, "a.mha")])
def test_too_few_and_too_many_voxels(tmp_path, make, name):
    refused(make(tmp_path / name, VOXELS.tobytes()[:-1]), "cut short, 47 bytes of 48")
    refused(make(tmp_path / name, VOXELS.tobytes() + b"\0"), "goes on after the 48 bytes")
    refused(make(tmp_path / name, b""), "cut short, 0 bytes of 48")


def test_packed_voxels_that_are_not_whole(tmp_path):
    noise = np.random.default_rng(0).integers(0, 60000, (4, 3, 2)).astype("<u2").tobytes()
    gz, zl = gzip.compress(noise), zlib.compress(noise)
    for data, words in ((gz[:-1], "decompressed"), (gz[:30], "decompressed"), (gz[:20] + b"\7" + gz[21:], ";")):
        refused(nrrd(tmp_path / "a.nrrd", data, encoding="gzip"), words, read=read_volume)
    for data, words in ((zl[:-1], "decompressed"), (zl[:9], ";"), (zl[:20] + b"\7" + zl[21:], ";")):
        refused(zipped(tmp_path / "a.mha", data), words, read=read_volume)
    for sizes in ("2 3 3", "2 3 5"):
        words = "its header states"
        refused(nrrd(tmp_path / "a.nrrd", gz, encoding="gzip", sizes=sizes), words, read=read_volume)
        refused(zipped(tmp_path / "a.mha", zl, DimSize=sizes), words, read=read_volume)


@pytest.mark.parametrize("told", [None, "1", "99999", "x"])
def test_packed_voxels_of_another_length(tmp_path, told):
    """MetaIO returns whatever its memory holds then."""
    path = zipped(tmp_path / "a.mha", zlib.compress(VOXELS.tobytes()), CompressedDataSize=told)
    refused(path, "CompressedDataSize", "are there")


def test_a_few_bytes_that_claim_many(tmp_path):
    for sizes in ("100000 100000 100000", "9" * 18 + " 1 1"):
        refused(nrrd(tmp_path / "a.nrrd", sizes=sizes), "cut short")
        refused(nrrd(tmp_path / "a.nrrd", gzip.compress(b"0"), encoding="gzip", sizes=sizes), "cannot hold")
        refused(meta(tmp_path / "a.mha", DimSize=sizes), "cut short")
        refused(zipped(tmp_path / "a.mha", zlib.compress(b"0"), DimSize=sizes), "cannot hold")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"encoding": "ascii"}, "encoded as ascii"),
        ({"encoding": "bzip2"}, "encoded as bzip2"),
        ({"encoding": None}, "nothing stated"),
        ({"type": "block"}, "of type 'block'"),
        ({"type": None}, "of type 'nothing stated'"),
        ({"sizes": "2 3"}, "states 3 axes and the lengths 2 3"),
        ({"sizes": "2 -3 4"}, "the lengths '2 -3 4'"),
        ({"sizes": "0 3 4"}, "the lengths 0 3 4"),
        ({"sizes": "²  3 4"}, "the lengths"),
        ({"sizes": None}, "the lengths ''"),
        ({"dimension": None}, "no axes"),
        ({"byte skip": "8"}, "to be skipped"),
        ({"line skip": "-1"}, "to be skipped"),
        ({"endian": "middle"}, ";"),
        ({"space directions": "(1,0,0) (0,1,0)"}, ";"),
        ({"space": "nowhere"}, ";"),
    ],
)
def test_nrrd_headers_that_are_not_read(tmp_path, fields, words):
    refused(nrrd(tmp_path / "a.nrrd", **fields), words)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ObjectType": "Tube"}, "type Tube and no image"),
        ({"BinaryData": "False"}, "as text"),
        ({"HeaderSize": "-1"}, "to be skipped"),
        ({"ElementType": "MET_STRING"}, "of type 'MET_STRING'"),
        ({"ElementNumberOfChannels": "-1"}, "ElementNumberOfChannels is '-1'"),
        ({"NDims": "4"}, "4 axes and the lengths 2 3 4"),
        ({"DimSize": "2 3 x"}, "the lengths '2 3 x'"),
        ({"dimsize": "2 3 4"}, "states 'dimsize' twice"),
        ({"headersize": "0"}, "spells HeaderSize as 'headersize'"),
    ],
)
def test_metaimage_headers_that_are_not_read(tmp_path, fields, words):
    refused(meta(tmp_path / "a.mha", **fields), words)


def test_headers_without_an_end(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\ntype: uchar\n")
    refused(tmp_path / "a.nrrd", "no end")
    (tmp_path / "a.mha").write_bytes(b"ObjectType = Image\nNDims = 3\n")
    refused(tmp_path / "a.mha", "ElementDataFile")
    (tmp_path / "b.mha").write_bytes(b"ObjectType = Image\nNDims = 3\nnothing\n")
    refused(tmp_path / "b.mha", "the line 'nothing'")


def test_what_programs_keep_for_themselves_is_passed_over(tmp_path):
    lines = "# data file: ../x\nkept:=data file: ../x\n"
    assert read_header(nrrd(tmp_path / "a.nrrd", lines=lines)).shape == (2, 3, 4)


def test_names_that_lie(tmp_path):
    refused(nrrd(tmp_path / "a.nrrd").rename(tmp_path / "a.mha"), "it holds NRRD", "end in .nrrd")
    refused(meta(tmp_path / "a.mha").rename(tmp_path / "b.nrrd"), "it holds MetaImage", "end in .mha")
