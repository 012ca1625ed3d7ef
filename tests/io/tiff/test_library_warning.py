import logging
import threading

import numpy as np
import pytest
import tifffile

from scripts.io.tiff import read_tiff
from scripts.io.tiff.library_warning import no_warning
from tests.helpers.volume_examples import plain, positions, told

LIBRARY = logging.getLogger("tifffile")


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_a_warning_is_a_refusal_and_not_printed_twice(caplog, level):
    with pytest.raises(ValueError, match="Missing data are zeroed") as error, no_warning("a.tif"):
        LIBRARY.log(level, "3 frames.\nMissing data are zeroed")
    told(error, "a.tif", "3 frames. Missing")
    assert not caplog.records


def test_what_was_raised_inside_says_more(caplog):
    def warn_and_raise():
        with no_warning("a.tif"):
            LIBRARY.warning("w")
            raise KeyError("k")

    with pytest.raises(KeyError):
        warn_and_raise()
    LIBRARY.warning("after")
    assert caplog.messages == ["after"]


def test_lesser_records_and_other_threads_pass(caplog):
    caplog.set_level(logging.INFO)
    with no_warning("a.tif"):
        LIBRARY.info("i")
        thread = threading.Thread(target=LIBRARY.warning, args=("of another file",))
        thread.start()
        thread.join()
    assert caplog.messages == ["i", "of another file"]


def test_a_tag_of_which_nothing_is_read_is_only_logged(tmp_path, caplog):
    path = plain(tmp_path / "a.tif", extratags=[(42113, 2, 0, "no number", True)])
    np.testing.assert_array_equal(read_tiff(path)[1], positions())
    assert "GDAL_NODATA" in caplog.text
    assert str(path) in caplog.text


@pytest.mark.parametrize(("tag", "read"), [(305, True), (258, False), (259, False), (277, False)])
def test_a_damaged_tag_counts_if_it_is_read(tmp_path, tag, read):
    path = plain(tmp_path / "a.tif", metadata=None)
    with tifffile.TiffFile(path) as tif:
        at = tif.pages[0].tags[tag].offset
    content = bytearray(path.read_bytes())
    content[at + 2 : at + 4] = b"\x63\0"  # a type of value that there is not
    path.write_bytes(content)
    if read:
        np.testing.assert_array_equal(read_tiff(path)[1], positions())
        return
    with pytest.raises(ValueError, match=r"a\.tif") as error:
        read_tiff(path)
    told(error, path)
