import numpy as np

from scripts.report import vessel_or_not


def test_what_is_not_labelled_is_neither_vessel_nor_background():
    label = np.array([0, 1, 9, 255, -3, 0.5, np.nan]).reshape(7, 1, 1)
    assert vessel_or_not(label).ravel().tolist() == [0, 1, 1, 1, -1, 1, 0]
    assert vessel_or_not(label, 9).ravel().tolist() == [0, 1, -1, 1, -1, 1, 0]
    whole = np.array([0, 1, 255], np.uint8).reshape(1, 1, 3)
    assert vessel_or_not(whole, 0).tolist() == [[[-1, 1, 1]]]
    assert vessel_or_not(whole, 255).dtype == np.int8


def test_outside_a_region_nothing_is_labelled():
    label = np.array([1, 0, 2, 0]).reshape(4, 1, 1)
    assert vessel_or_not(label, region=((1, 3), (0, 1), (0, 1))).ravel().tolist() == [-1, 0, 1, -1]
