import json

import pytest

from scripts.io.metadata import as_metadata, parse_metadata


def test_metadata_comes_back():
    metadata = as_metadata({"weights": "abc", "µ": [1, 2]}, (0, 160))
    assert parse_metadata(json.dumps(metadata)) == ({"weights": "abc", "µ": [1, 2]}, (0.0, 160.0))


def test_nothing_to_say_is_nothing():
    assert as_metadata(None, None) == {}


OF_OTHERS = [None, "", "BioFormats 6.1", "[1, 2]", b"\xff\xfe", "[" * 200_000]
OF_OTHERS += [f'{{"intensity_range": {bounds}}}' for bounds in ("[1]", '"x"', f"[0, 1{'0' * 400}]")]


@pytest.mark.parametrize("text", OF_OTHERS, ids=range(len(OF_OTHERS)))
def test_the_text_of_others_says_nothing(text):
    assert parse_metadata(text) == ({}, None)


@pytest.mark.parametrize("bounds", [(1,), (2, 1), (0, float("nan")), (0, 1, 2)])
def test_a_range_is_two_numbers(bounds):
    with pytest.raises(ValueError, match="intensity_range"):
        as_metadata(None, bounds)
