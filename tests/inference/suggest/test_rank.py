import numpy as np

from scripts.inference import Described, rank


def blocks(features, uncertainty, places=None):
    places = [0] * len(features) if places is None else places
    return [
        Described(((0, 1),) * 3, np.array([place, 0.0, 0.0]), unsure, np.array([each, 0.0]))
        for each, unsure, place in zip(features, uncertainty, places, strict=True)
    ]


def chosen(*given, **more):
    return [index for index, _ in rank(*given, **more)]


def test_of_each_kind_of_block_one_before_a_second_of_the_same():
    among = blocks([0, 0.1, 5, 5.1, 10], [1, 0.9, 0.8, 0.7, 0.6])
    assert {index // 2 for index in chosen(among, [], 3)} == {0, 1, 2}


def test_what_a_labelled_block_stands_for_is_not_asked_again():
    among = blocks([0, 0.1, 5, 5.1], [1, 1, 0.5, 0.5])
    assert chosen(among, [], 1)[0] in (0, 1)
    assert chosen(among, blocks([0.05], [0]), 1)[0] in (2, 3)


def test_what_the_network_is_sure_of_is_not_asked():
    assert chosen(blocks([0, 5, 10], [0, 1, 0]), [], 1) == [1]


def test_one_odd_block_does_not_come_before_the_many_that_are_unsure():
    among = blocks([0, 0.1, 0.2, 0.1, 100], [0.5, 0.5, 0.5, 0.5, 0.6])
    assert chosen(among, [], 2)[0] != 4


def test_of_blocks_alike_those_far_apart_are_chosen():
    among = blocks([0, 0.1, 0, 0.1], [1, 1, 1, 1], [0, 1, 100, 101])
    assert {index // 2 for index in chosen(among, [], 2)} == {0, 1}
    assert chosen(among, blocks([0.05], [0], [0.5]), 1)[0] in (2, 3)


def test_of_several_volumes_places_say_nothing():
    here, elsewhere = (blocks([0, 0.1, 5, 5.1], [1] * 4, places) for places in ([0, 0, 0, 0], [3, 90, 1, 7]))
    assert rank(here, [], 4, of_one_volume=False) == rank(elsewhere, [], 4, of_one_volume=False)


def test_gains_fall_and_are_shares_of_all():
    gains = [gain for _, gain in rank(blocks(range(6), [1] * 6), [], 6)]
    assert gains == sorted(gains, reverse=True)
    assert 0 < sum(gains) <= 1 + 1e-9


def test_few_candidates():
    assert chosen([], [], 5) == []
    assert chosen(blocks([3], [0]), [], 5) == [0]
    assert sorted(chosen(blocks([3, 3], [0, 0]), [], 5)) == [0, 1]
