import struct

import pytest
import tifffile

from scripts.io.tiff import read_tiff
from scripts.io.tiff.integrity import check_directories, check_segments
from tests.helpers.volume_examples import imagej, ome, pages, plain, told

KINDS = {
    "imagej": lambda path: imagej(path),
    "imagej LZW": lambda path: imagej(path, compression="lzw"),
    "ome": lambda path: ome(path),
    "plain": lambda path: plain(path),
    "plain deflate": lambda path: plain(path, compression="zlib"),
    "BigTIFF": lambda path: plain(path, bigtiff=True),
    "big-endian": lambda path: plain(path, byteorder=">"),
    "BigTIFF big-endian": lambda path: plain(path, bigtiff=True, byteorder=">"),
    "bare pages": lambda path: pages(path),
}


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_pass(tmp_path, kind):
    path = KINDS[kind](tmp_path / "a.tif")
    pages = check_directories(path, path.stat().st_size)
    assert len(set(pages.values())) == 1  # all stored alike
    with tifffile.TiffFile(path) as tif:
        check_segments(path, tif.series[0].pages)


def test_no_more_directories_are_looked_at_than_asked_for(tmp_path):
    path = plain(tmp_path / "a.tif")
    found = check_directories(path, path.stat().st_size)
    assert [*check_directories(path, path.stat().st_size, most=2)] == [*found][:2]
    with path.open("r+b") as file:
        file.seek([*found][2])
        file.write(b"\xff\xff")  # entries of the third page
    assert len(check_directories(path, path.stat().st_size, most=2)) == 2
    with pytest.raises(ValueError, match="page 2"):
        check_directories(path, path.stat().st_size, most=3)


def test_a_circle_of_pages_ends(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0" + struct.pack("<IHI", 8, 0, 8))  # a directory without entries, whose next is itself
    with pytest.raises(ValueError, match="circle") as error:
        check_directories(path, 14)
    told(error, path)


@pytest.mark.parametrize("head", [b"II*\0", b"II*\0\0\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0" + b"\0" * 8])
def test_a_header_alone_is_no_image(tmp_path, head):
    path = tmp_path / "a.tif"
    path.write_bytes(head)
    with pytest.raises(ValueError, match="cut short") as error:
        check_directories(path, len(head))
    told(error, path, "export it again")


@pytest.mark.parametrize("offset", [2**32, 2**58, 2**62, 2**63, 2**64 - 1])
def test_offsets_beyond_the_end_of_any_file(tmp_path, offset):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<Q", offset))
    with pytest.raises(ValueError, match=f"page 0 begins at byte {offset} of 16") as error:
        check_directories(path, 16)
    told(error, path, "export it again")


@pytest.mark.parametrize("entries", [2**20, 2**60, 2**64 - 1])
def test_more_tags_than_any_file_holds(tmp_path, entries):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, entries) + bytes(100))
    with pytest.raises(ValueError, match="directory of page 0 ends after") as error:
        check_directories(path, 124)
    told(error, path)


def test_many_pages_that_name_one_long_text(tmp_path):
    """A library reads it once a page: 5000 pages and 1 MB would be 5 GB."""
    path, text, pages = tmp_path / "a.tif", b"x" * 10**5, 500
    first, size = 8 + len(text), 2 + 12 + 4
    content = b"II*\0" + struct.pack("<I", first) + text
    for page in range(pages):
        content += struct.pack("<HHHII", 1, 270, 2, len(text), 8) + struct.pack("<I", first + (page + 1) * size)
    path.write_bytes(content[:-4] + bytes(4))
    with pytest.raises(ValueError, match="longer than the file") as error:
        check_directories(path, path.stat().st_size)
    told(error, path)


def test_a_number_of_eight_bytes_in_four(tmp_path):
    path = plain(tmp_path / "a.tif")
    content, at = bytearray(path.read_bytes()), struct.unpack_from("<I", path.read_bytes(), 4)[0]
    struct.pack_into("<H", content, at + 2 + 2, 16)  # the type of the first tag, ImageWidth
    path.write_bytes(content)
    (first, *_) = check_directories(path, path.stat().st_size).values()
    assert first[0] == -1  # not known
    with pytest.raises(ValueError, match=r"a\.tif") as error:
        read_tiff(path)
    told(error, path)
