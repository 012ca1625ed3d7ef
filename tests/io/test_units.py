import pytest

from scripts.io import in_unit
from scripts.io.units import canonical_unit, millimetres


@pytest.mark.parametrize("text", ["um", "µm", "μm", "\\u00B5m", "micron", "Microns", " micrometer "])
def test_one_unit_many_spellings(text):
    assert canonical_unit(text) == "µm"


@pytest.mark.parametrize("text", ["", None, "pixel", "pixels", "sec", "gray value"])
def test_no_unit_is_invented(text):
    assert canonical_unit(text) == ""


def test_lengths():
    assert millimetres("nm") == 1e-6
    assert millimetres("inch") == 25.4
    assert millimetres("") == 1
    assert in_unit(5 * millimetres("µm"), "µm") == 5.0
    assert in_unit(0.994 * millimetres("µm"), "µm") == 0.994
