import struct

import pytest
import tifffile

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
