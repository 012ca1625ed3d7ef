"""What is scored has no voxel of what trains; counted on striped volumes."""

import shutil

import numpy as np
import pytest

from scripts.core import UserError
from scripts.study import PLANS, hold_out
from tests.study.examples import boxes_of, contents_of, disjoint, labels_of, setting_of, striped, write_volumes


def held_out(tmp_path, shape, **how):
    dataset = write_volumes(tmp_path / "data", {"v": striped(shape)})
    return hold_out(setting_of(dataset, tmp_path / "study", **how))


@pytest.mark.parametrize(
    ("length", "trains", "scored", "told"),
    [
        (64, 32, 48, "16 voxels from what trains"),
        (40, 22, 30, "8 voxels from what trains"),
        (24, 18, 18, "touching what trains"),
        (13, 10, 10, "touching what trains"),
    ],
)
def test_the_margin_is_a_patch_side_where_a_patch_is_left_to_train(length, trains, scored, told, tmp_path):
    """Of 64: 16 scored, 16 between, 32 train. Of 40: 10 scored, and with 16 between 14 would train: 8 between."""
    found = held_out(tmp_path, (12, length, 8))
    assert boxes_of(found.trains) == {"v": ((0, 12), (0, trains), (0, 8))}
    assert boxes_of(found.scored) == {"v": ((0, 12), (scored, length), (0, 8))}
    assert disjoint(found.trains, found.scored)
    assert found.told == f"the last 25 % of each volume along its longer axis in plane, {told}"


def test_volumes_of_several_sizes_are_told_of(tmp_path):
    labels = {"a": striped((64, 16, 8)), "b": striped((40, 16, 8)), "c": striped((64, 16, 8)), "d": striped((24, 9, 8))}
    labels["e"] = np.zeros((64, 16, 8), np.int8)
    labels["e"][2] = 1
    found = hold_out(setting_of(write_volumes(tmp_path / "data", labels), tmp_path / "study"))
    where = "16 voxels from what trains (2 volumes), 8 voxels from what trains (1 volume), "
    where += "touching what trains (1 volume), none of it where it or the rest lacks vessel or background (1 volume)"
    assert found.told.endswith(where)
    assert boxes_of(found.trains)["e"] == ((0, 64), (0, 16), (0, 8))
    assert sorted(boxes_of(found.scored)) == ["a", "b", "c", "d"]


def test_the_fraction_is_of_the_labelled_box(tmp_path):
    label = striped((100, 16, 8))
    label[:20] = -1
    dataset = write_volumes(tmp_path / "data", {"v": label})
    found = hold_out(setting_of(dataset, tmp_path / "study", {"test_fraction": 0.5}))
    assert boxes_of(found.trains) == {"v": ((20, 44), (0, 16), (0, 8))}
    assert boxes_of(found.scored) == {"v": ((60, 100), (0, 16), (0, 8))}


@pytest.mark.parametrize("fraction", [0, 1, -2])
def test_a_fraction_that_is_none_is_refused(fraction, tmp_path):
    with pytest.raises(UserError, match="is not between 0 and 1"):
        held_out(tmp_path, (64, 16, 8), description={"test_fraction": fraction})


def test_a_dataset_of_which_nothing_can_be_held_out_is_refused(tmp_path):
    label = np.zeros((64, 16, 8), np.int8)
    label[2] = 1
    with pytest.raises(UserError, match="no volume with vessel and background both"):
        hold_out(setting_of(write_volumes(tmp_path / "data", {"v": label}), tmp_path / "study"))


@pytest.mark.parametrize("suffix", [".tif", ".nii.gz"])
def test_held_out_again_is_the_same(suffix, tmp_path):
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8))}, suffix)
    before = contents_of(hold_out(setting_of(dataset, tmp_path / "study")).trains.parent)
    hold_out(setting_of(dataset, tmp_path / "study"))
    assert len(before) == 4
    assert contents_of(tmp_path / "study") == before


def test_a_dataset_of_its_own_is_scored_whole_and_all_else_trains(tmp_path):
    """Labels of both are written as 0, 1 and not labelled, whatever values they have."""
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8)) * 7})
    label = striped((20, 16, 8)) * 2
    label[0] = 9
    apart = write_volumes(tmp_path / "apart", {"v": label})
    found = hold_out(setting_of(dataset, tmp_path / "study", test_dir=apart, unlabelled_value=9))
    assert boxes_of(found.trains) == {"v": ((0, 64), (0, 16), (0, 8))}
    assert (labels_of(found.trains)["v"] == striped((64, 16, 8))).all()
    scored = labels_of(found.scored)["v"]
    assert (scored[0] == -1).all()
    assert (scored[1:] == striped((19, 16, 8))).all()
    assert found.told == "all of apart (1 volume), none of which trains"


def test_an_image_that_trains_is_not_scored_under_another_name(tmp_path):
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8))})
    apart = write_volumes(tmp_path / "apart", {"w": striped((20, 16, 8)), "x": striped((64, 16, 8))})
    shutil.copy(dataset / "images" / "v.tif", apart / "images" / "x.tif")
    with pytest.raises(UserError, match=r"x.tif: is the same image as .*v.tif"):
        hold_out(setting_of(dataset, tmp_path / "study", test_dir=apart))


@pytest.mark.parametrize("design", ["block_size", "variety", "transfer"])
def test_a_design_that_scores_its_own_volumes_takes_no_other_dataset(design, tmp_path):
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8))})
    with pytest.raises(UserError, match="is not scored by this study"):
        PLANS[design](setting_of(dataset, tmp_path / "study", test_dir=tmp_path / "apart"))
