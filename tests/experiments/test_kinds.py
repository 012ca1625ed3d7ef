"""Kinds of image by the names of volumes, and means over them, by hand."""

import math

from experiments.kinds import SYNTHETIC, by_kind, kind_of, mean, over_kinds

NAN = float("nan")


def test_the_kind_is_the_longest_beginning_that_is_named():
    kinds = {"two": "microscopy", "two_photon_bbb": "leaks"}
    assert kind_of("two_photon_bbb", kinds) == "leaks"
    assert kind_of("two_photon_lowres", kinds) == "microscopy"
    assert kind_of("octa_retina") == "retina"


def test_a_name_that_none_names_is_its_own_kind_up_to_underscore_or_digit():
    assert kind_of("mesh_0") == kind_of("mesh12") == "mesh"
    assert kind_of("7") == "7"
    assert kind_of("synthetic_100") == SYNTHETIC


def test_three_stacks_of_one_kind_count_once_and_synthetic_ones_not_at_all():
    scored = {f"a_{number}": {"dice": 0.25} for number in range(3)} | {"b_0": {"dice": 0.75}, "b_1": {"dice": NAN}}
    found = by_kind(scored | {"synthetic_1": {"dice": 0.0}, "c_0": {}}, "dice")
    assert {kind: value for kind, value in found.items() if kind != "c"} == {"a": 0.25, "b": 0.75, SYNTHETIC: 0.0}
    assert math.isnan(found["c"])
    assert over_kinds(found) == 0.5


def test_the_mean_of_nothing_is_undefined():
    assert mean([NAN, 2.0]) == 2
    assert math.isnan(mean([NAN]))
