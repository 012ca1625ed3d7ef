"""A block of one volume trains; the rest of it and all others are scored."""

import numpy as np
import pytest

from scripts.core import UserError
from scripts.study import PLANS
from tests.study.examples import boxes_of, contents_of, disjoint, labels_of, setting_of, striped, write_volumes

WIDE = (100, 40, 8)  # 4000 voxels in a plane: a block of 32 trains 1024 of them


def planned(tmp_path, labels, side=32, **how):
    dataset = write_volumes(tmp_path / "data", labels)
    return PLANS["transfer"](setting_of(dataset, tmp_path / "study", {"sides": [side]}, **how))


def test_each_of_a_few_volumes_trains_and_all_are_scored(tmp_path):
    trials = planned(tmp_path, {name: striped(WIDE) for name in ("a1", "a2", "b")})
    assert [(each.variant, each.seed) for each in trials] == [
        *[("zero-shot", 0)] * 3,
        *((f"tuned on {name}", seed) for seed in (0, 1) for name in ("a1", "a2", "b")),
    ]
    assert [each.about["of"] for each in trials[:3]] == ["a1", "a2", "b"]
    assert all(each.trains is None and each.about["tuned_on"] is None for each in trials[:3])
    assert [each.scored for each in trials[:3]] == [each.scored for each in trials[3:6]]
    tuned = trials[4]
    assert (tuned.params, tuned.configs) == ({"tuned_on": "a2", "seed": 0}, ("finetune",))
    assert tuned.about == {"tuned_on": "a2", "of": "a2", "kind_of": {"a1": "a", "a2": "a", "b": "b"}}
    ((name, box),) = boxes_of(tuned.trains).items()
    assert (name, [stop - start for start, stop in box]) == ("a2", [32, 32, 8])
    scored = labels_of(tuned.scored)
    assert all((scored[each] == striped(WIDE)).all() for each in ("a1", "b"))
    (x, y, _) = box
    left = np.ones(WIDE, bool)
    left[max(0, x[0] - 16) : x[1] + 16, max(0, y[0] - 16) : y[1] + 16] = False
    assert ((scored["a2"] >= 0) == left).all()
    assert disjoint(tuned.trains, tuned.scored)
    assert len({tuple(each.params.items()) for each in trials}) == 9


def test_of_many_volumes_the_first_of_each_kind_with_room_trains(tmp_path):
    labels = {name: striped(WIDE) for name in ("a2", "b1", "b2", "c")} | {"a1": striped((10, 10, 8))}
    trials = planned(tmp_path, labels)
    assert [each.about["of"] for each in trials[:3]] == ["a2", "b1", "c"]
    assert len(trials) == 9
    assert sorted(labels_of(trials[0].scored)) == ["a1", "a2", "b1", "b2", "c"]


def test_a_side_without_room_is_halved(tmp_path):
    """Of 100 × 40 voxels a block of 128 is all and one of 64 more than half."""
    trials = planned(tmp_path, {"a": striped(WIDE), "b": striped(WIDE)}, side=128)
    ((x, y, _),) = boxes_of(trials[2].trains).values()
    assert (x[1] - x[0], y[1] - y[0]) == (32, 32)


def test_a_volume_without_vessel_is_not_scored(tmp_path):
    labels = {"a": striped(WIDE), "b": striped(WIDE), "e": np.zeros(WIDE, np.int8)}
    assert sorted(labels_of(planned(tmp_path, labels)[0].scored)) == ["a", "b"]


def test_one_volume_and_volumes_without_room_are_refused(tmp_path):
    with pytest.raises(UserError, match="fewer than two volumes"):
        planned(tmp_path / "one", {"a": striped(WIDE)})
    with pytest.raises(UserError, match="no volume with room for a block of 16 voxels"):
        planned(tmp_path / "small", {"a": striped((10, 10, 8)), "b": striped((9, 9, 8))})


def test_planned_again_is_the_same(tmp_path):
    labels = {"a": striped(WIDE), "b": striped(WIDE)}
    trials = planned(tmp_path, labels)
    before = contents_of(tmp_path / "study")
    assert planned(tmp_path, labels) == trials
    assert contents_of(tmp_path / "study") == before
