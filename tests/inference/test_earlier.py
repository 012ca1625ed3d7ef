"""What an earlier run left in a folder is told as replaced, or as not of this run."""

from pathlib import Path

import pytest

from scripts.inference.earlier import EarlierResults, listed


@pytest.fixture
def folder(tmp_path):
    for name in ("a_seg.tif", "a_prob.tif", "a_seg.nii.gz", "a_outlines.png", "b_seg.tif", "a.tif", "a_segment.tif"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a_std").mkdir()
    return tmp_path


def test_each_earlier_result_is_replaced_or_left(folder):
    earlier = EarlierResults(folder, [Path("in/a.tif")])
    assert (earlier.replaced, earlier.left) == ([], ["a_prob.tif", "a_seg.nii.gz", "a_seg.tif"])
    (folder / "new").write_text("a_seg.tif")  # the same content, as from the same weights
    (folder / "new").rename(folder / "a_seg.tif")
    assert (earlier.replaced, earlier.left) == (["a_seg.tif"], ["a_prob.tif", "a_seg.nii.gz"])


def test_an_image_is_no_earlier_result(folder):
    assert "a_seg.tif" not in EarlierResults(folder, [folder / "a.tif", folder / "a_seg.tif"]).left
    assert EarlierResults(folder / "none", [folder / "a.tif"]).left == []


def test_of_many_some_are_named(folder, caplog):
    assert listed(list("abcde")) == "a, b, c, d, e"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"
    EarlierResults(folder, [Path("b.tif")]).tell_left()
    EarlierResults(folder, [Path("c.tif")]).tell_left()
    assert caplog.messages == [f"{folder}: of an earlier run, this one did not write it: b_seg.tif"]
