import json

import pytest

from scripts.io.metadata import as_metadata, parse_metadata


def test_metadata_comes_back():
    metadata = as_metadata({"weights": "abc", "µ": [1, 2]}, (0, 160))
    assert parse_metadata(json.dumps(metadata)) == ({"weights": "abc", "µ": [1, 2]}, (0.0, 160.0))


def test_nothing_to_say_is_nothing():
    assert as_metadata(None, None) == {}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "BioFormats 6.1",
        "[1, 2]",
        '{"intensity_range": [1]}',
        '{"intensity_range": "x"}',
        b"\xff\xfe",
        "[" * 200_000,
        '{"intensity_range": [0, 1%s]}' % ("0" * 400),
    ],
)
def test_the_text_of_others_says_nothing(text):
    assert parse_metadata(text) == ({}, None)


@pytest.mark.parametrize("bounds", [(1,), (2, 1), (0, float("nan")), (0, 1, 2)])
def test_a_range_is_two_numbers(bounds):
    with pytest.raises(ValueError, match="intensity_range"):
        as_metadata(None, bounds)
