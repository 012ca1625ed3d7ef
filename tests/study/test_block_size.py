"""Three nested blocks of a volume, all scored on the same rest."""

import numpy as np
import pytest

from scripts.core import BUNDLE, UserError
from scripts.study import PLANS
from tests.study.examples import boxes_of, contents_of, disjoint, setting_of, striped, write_volumes


def planned(tmp_path, labels, side=None, **how):
    dataset = write_volumes(tmp_path / "data", labels)
    description = {} if side is None else {"sides": [side]}
    return PLANS["block_size"](setting_of(dataset, tmp_path / "study", description, **how))


def test_blocks_lie_inside_one_another_and_are_scored_on_the_same(tmp_path):
    """Of 120 × 100 voxels a block of 64 trains 4096; with margins of 16 it is 9216 at most, and the rest is scored."""
    trials = planned(tmp_path, {"v": striped((120, 100, 8))}, 64)
    assert [(each.about["method"], each.about["size"], each.seed) for each in trials] == [
        ("zero-shot", 0, 0),
        *(
            (method, size, seed)
            for seed in (0, 1)
            for size in (16, 32, 64)
            for method in ("fine-tuned", "from scratch")
        ),
    ]
    assert {each.scored for each in trials} == {tmp_path / "study" / "v" / "scored"}
    assert trials[0].trains is None
    boxes = {each.about["size"]: boxes_of(each.trains)["v"] for each in trials[1:7]}
    for size, box in boxes.items():
        assert [stop - start for start, stop in box] == [size, size, 8]
    for inner, outer in ((16, 32), (32, 64)):
        assert all(a <= c and d <= b for (a, b), (c, d) in zip(boxes[outer], boxes[inner], strict=True))
    assert all(disjoint(each.trains, each.scored) for each in trials[1:7])
    assert [each.about["share"] for each in trials[1:7:2]] == [256 / 12000, 1024 / 12000, 4096 / 12000]


def test_one_training_is_a_fine_tuning_and_the_other_begins_from_nothing(tmp_path):
    tuned, scratch = planned(tmp_path, {"v": striped((120, 100, 8))}, 64)[1:3]
    assert (tuned.configs, tuned.options) == (("finetune",), {})
    assert (BUNDLE / "configs" / "finetune.json").is_file()
    assert (scratch.configs, scratch.options) == ((), {})
    assert tuned.params == {"method": "fine-tuned", "size": 16, "volume": "v", "seed": 0}
    assert (tuned.variant, scratch.variant) == ("fine-tuned, smallest block", "from scratch, smallest block")


def test_the_largest_block_that_leaves_half_is_taken(tmp_path):
    """Of 120 × 100 a block of 80 is 6400, more than half, and 64 less; there is nothing in between."""
    trials = planned(tmp_path, {"v": striped((120, 100, 8))})
    assert sorted({each.about["size"] for each in trials}) == [0, 16, 32, 64]


def test_a_volume_without_room_is_left_out_and_all_of_them_are_refused(tmp_path, caplog):
    small = {"s": striped((60, 60, 8)), "v": striped((120, 100, 8))}
    assert {each.about["volume"] for each in planned(tmp_path, small, 64)} == {"v"}
    assert "s: has no room for a block of 64 voxels or more" in caplog.text
    with pytest.raises(UserError, match="has no volume with room for blocks of 64, 32 and 16 voxels"):
        planned(tmp_path / "none", {"s": striped((60, 60, 8)), "e": np.zeros((90, 90, 9), np.int8)})


def test_planned_again_is_the_same(tmp_path):
    trials = planned(tmp_path, {"v": striped((120, 100, 8))}, 64)
    before = contents_of(tmp_path / "study")
    assert planned(tmp_path, {"v": striped((120, 100, 8))}, 64) == trials
    assert contents_of(tmp_path / "study") == before
