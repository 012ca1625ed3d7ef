"""Random combinations: no two are alike, and the seed alone decides them."""

import pytest

from scripts.core import UserError
from scripts.study import PLANS
from tests.study.examples import setting_of, striped, write_volumes

RATES = {"option": "learning_rate", "values": [1e-5, 1e-4, 1e-3]}
ACTIVATIONS = {
    "option": "network_def#act",
    "values": {"ReLU": "relu", "LeakyReLU 0.2": ["leakyrelu", {"negative_slope": 0.2}]},
}
DROPOUT = {"option": "network_def#dropout", "low": 0.1, "high": 0.3}


def planned(tmp_path, ranges, trials=15, **how):
    dataset = write_volumes(tmp_path / "data", {"v": striped((64, 16, 8))})
    description = {"ranges": ranges, "trials": trials}
    return PLANS["search"](setting_of(dataset, tmp_path / "study", description, **how))


def test_every_combination_comes_once_where_there_are_no_more(tmp_path):
    """Three rates and two activations are six, of fifteen that are wanted."""
    trials = planned(tmp_path, {"learning_rate": RATES, "activation": ACTIVATIONS})
    assert sorted(each.variant for each in trials) == [
        f"learning_rate {rate}, {name}" for rate in ("0.0001", "0.001", "1e-05") for name in ("LeakyReLU 0.2", "ReLU")
    ]
    (found,) = [each for each in trials if each.variant == "learning_rate 0.001, LeakyReLU 0.2"]
    assert found.params == {"learning_rate": 1e-3, "activation": "LeakyReLU 0.2", "seed": 0}
    assert found.options == {"learning_rate": 1e-3, "network_def#act": ["leakyrelu", {"negative_slope": 0.2}]}
    study = tmp_path / "study"
    assert {(each.trains, each.scored, each.seed) for each in trials} == {(study / "trains", study / "scored", 0)}


def test_the_first_seed_decides_what_is_drawn(tmp_path):
    ranges = {"learning_rate": RATES | {"values": list(range(100))}, "dropout": DROPOUT}
    first, again, other = (
        [each.variant for each in planned(tmp_path, ranges, 5, seeds=seeds)] for seeds in ((3, 4), (3,), (4,))
    )
    assert len(set(first)) == 5
    assert first == again != other


def test_numbers_of_an_interval_lie_in_it_and_have_three_digits(tmp_path):
    ranges = {"rate": {"option": "learning_rate", "low": 1e-5, "high": 1e-1, "log": True}, "dropout": DROPOUT}
    trials = planned(tmp_path, ranges, 40)
    rates = [each.options["learning_rate"] for each in trials]
    assert len(trials) == 40
    assert all(1e-5 <= each <= 1e-1 and each == float(f"{each:.3g}") for each in rates)
    assert 10 < sum(each < 1e-3 for each in rates) < 30  # half, by their logarithms
    assert all(0.1 <= each.options["network_def#dropout"] <= 0.3 for each in trials)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"values": [1]}, "names no option"),
        ({"option": "a", "values": []}, "has no values"),
        ({"option": "a", "values": [["leakyrelu", {}]]}, "a table cannot name"),
        ({"option": "a", "low": 1, "high": 1}, 'neither "values" nor'),
        ({"option": "a"}, 'neither "values" nor'),
        ({"option": "a", "low": 0, "high": 1, "log": True}, "begins at 0"),
    ],
)
def test_a_range_that_cannot_be_drawn_from_is_refused(values, told, tmp_path):
    with pytest.raises(UserError, match=told):
        planned(tmp_path, {"learning_rate": values})


def test_a_search_of_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match="has no ranges"):
        planned(tmp_path, {})


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ({"seed": {"option": "learning_rate", "values": [1, 2]}}, "the range of seed: sets what a study sets itself"),
        ({"a": {"option": "ckpt_path", "values": ["x"]}}, "the range of a: sets what a study sets itself"),
        ({"a": [1, 2]}, "the range of a: is"),
        ({"a": {"option": "zoom", "values": 3}}, "has no values"),
        ({"a": {"option": "zoom", "low": 1, "high": float("inf")}}, 'has neither "values"'),
    ],
)
def test_a_range_that_cannot_be_is_refused(ranges, told, tmp_path):
    with pytest.raises(UserError, match=told):
        planned(tmp_path, ranges)
