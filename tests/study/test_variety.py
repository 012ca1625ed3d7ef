"""As many voxels of one kind as of several, scored on kinds that were never seen."""

import numpy as np
import pytest

from scripts.core import UserError
from scripts.data import find_dataset
from scripts.data.patches import volume_weights
from scripts.study import PLANS
from scripts.study.variety import largest_block, sides_of
from tests.study.examples import boxes_of, contents_of, labels_of, setting_of, striped, write_volumes

CUBE = (32, 32, 32)


def planned(tmp_path, labels, most=32**3, **how):
    dataset = write_volumes(tmp_path / "data", labels)
    return PLANS["variety"](setting_of(dataset, tmp_path / "study", {"max_voxels": most}, **how))


def voxels_of(dataset):
    """Labelled voxels of each volume of a dataset of parts."""
    return {name: np.count_nonzero(label >= 0) for name, label in labels_of(dataset).items()}


@pytest.mark.parametrize(
    ("extents", "voxels", "sides"),
    [
        ((500, 500, 500), 8000, [20, 20, 20]),
        ((500, 500, 8), 8000, [32, 31, 8]),
        ((10, 500, 8), 8000, [10, 100, 8]),
        ((10, 20, 8), 8000, [10, 20, 8]),
        ((10, 20, 8), 1, [1, 1, 1]),
    ],
)
def test_a_block_has_as_many_voxels_as_are_wanted(extents, voxels, sides):
    """Of 8 slices 1000 voxels in a plane are wanted, and 32 × 31 are 992."""
    assert sides_of(extents, voxels) == sides


def test_the_largest_block_is_labelled_as_a_whole():
    label = striped((64, 32, 32))
    label[40:, :16] = -1
    label[40, 20, 0] = 1
    box = largest_block(label, 64 * 32 * 32)
    assert (label[tuple(slice(*each) for each in box)] >= 0).all()
    assert 16**3 <= np.prod([stop - start for start, stop in box]) <= 40 * 32 * 32
    assert largest_block(np.zeros(CUBE, np.int8), 100) is None
    assert largest_block(striped((8, 8, 8)), 32**3) is None


def test_every_training_of_a_seed_has_as_many_voxels_and_the_same_is_scored(tmp_path):
    """Of six kinds two are scored; one, two and all four of the others train on 32768 voxels: whole, half, quarter."""
    trials = planned(tmp_path, {name: striped(CUBE) for name in "abcdef"})
    assert [(each.variant, each.seed) for each in trials] == [
        (name, seed) for seed in (0, 1) for name in ("1 kind", "2 kinds", "4 kinds")
    ]
    for seed in (0, 1):
        one, two, four = trials[3 * seed : 3 * seed + 3]
        assert two.about["seen"] == four.about["seen"][:2]
        assert one.about["seen"] == two.about["seen"][:1]
        assert sorted([*four.about["seen"], *four.about["unseen"]]) == list("abcdef")
        assert {each.scored for each in (one, two, four)} == {tmp_path / "study" / f"seed_{seed}" / "scored"}
        assert voxels_of(one.scored) == dict.fromkeys(sorted(one.about["unseen"]), 32**3)
        assert voxels_of(one.trains) == {one.about["seen"][0]: 32768}
        # 25³ is 15625 and 25 × 25 × 26 is 16250, of 16384; 20 × 20 × 20 is 8000, and 20 × 20 × 20.5 wanted
        assert set(voxels_of(two.trains).values()) == {25 * 25 * 26}
        assert set(voxels_of(four.trains).values()) == {20 * 20 * 20}
        assert [each.about["voxels"] for each in (one, two, four)] == [32768, 2 * 16250, 4 * 8000]
        assert not four.options
    assert trials[0].about["unseen"] != trials[3].about["unseen"]
    assert trials[1].params == {"kinds": 2, "seed": 0}
    assert trials[1].about["kind_of"] == {name: name for name in "abcdef"}


def test_volumes_of_one_kind_share_its_voxels_and_kinds_are_drawn_from_equally(tmp_path):
    """Kind `a` has three volumes that give 32³ / 2 / 3 voxels each where two kinds train: 18 × 18 × 17."""
    labels = {name: striped(CUBE) for name in ("a1", "a2", "a3", "b", "c")}
    trials = planned(tmp_path, labels, seeds=range(4))
    (both,) = [each for each in trials if set(each.about["seen"]) == {"a", "b"}][:1]
    found = voxels_of(both.trains)
    assert {name: found[name] for name in ("a1", "a2", "a3")} == dict.fromkeys(("a1", "a2", "a3"), 18 * 18 * 17)
    assert found["b"] == 25 * 25 * 26
    names = [item["dataset"] for item in find_dataset(both.trains)]
    drawn = dict(zip(names, volume_weights(names, both.options["dataset_weights"]), strict=True))
    assert drawn["a1"] + drawn["a2"] + drawn["a3"] == pytest.approx(0.5)
    assert drawn["b"] == pytest.approx(0.5)


def test_the_smallest_kind_decides_how_many_voxels_train_but_not_its_smallest_volume(tmp_path):
    """`a1` has 16³ voxels, and `a2` beside it 32 × 32 × 16; twice 16³ would be fewer."""
    labels = {"a1": striped((16, 16, 16)), "a2": striped((32, 32, 16)), "b": striped(CUBE), "c": striped(CUBE)}
    trials = planned(tmp_path, labels, seeds=range(4))
    assert {each.about["voxels"] for each in trials if each.about["kinds"] == 1} == {32 * 32 * 16, 25 * 25 * 26}
    for each in trials:
        assert each.about["voxels"] == pytest.approx(32 * 32 * 16, rel=0.05)


def test_blocks_lie_in_those_of_fewer_kinds(tmp_path):
    trials = planned(tmp_path, {name: striped(CUBE) for name in "abcd"}, 20**3, seeds=(0,))
    one, two = (boxes_of(each.trains) for each in trials[:2])
    ((name, outer),) = one.items()
    assert all(a <= c and d <= b for (a, b), (c, d) in zip(outer, two[name], strict=True))


def test_fewer_than_three_kinds_are_refused(tmp_path, caplog):
    labels = {"a": striped(CUBE), "b": striped(CUBE), "e": np.zeros(CUBE, np.int8)}
    with pytest.raises(UserError, match=r"has 2 kinds of image to train on, fewer than 3; .*--kinds"):
        planned(tmp_path, labels)
    assert "e: of no volume of this kind a block is labelled" in caplog.text


def test_planned_again_is_the_same(tmp_path):
    labels = {name: striped(CUBE) for name in "abc"}
    trials = planned(tmp_path, labels)
    before = contents_of(tmp_path / "study")
    assert planned(tmp_path, labels) == trials
    assert contents_of(tmp_path / "study") == before
