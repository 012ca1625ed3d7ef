"""SNOMED's codes and the colours of classes by their names."""

from pathlib import Path

import pytest

pytest.importorskip("pydicom")

from scripts.io.dicom.vessels import category_code, singular, vessel_code, vessel_colour, vessel_of_code

HERE = Path("seg.dcm")


# the numbers are those of SNOMED CT's browser
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("vessel", "59820001"), ("Blood vessels", "59820001"), ("class 7", "59820001"), ("liver", "59820001")),
        *(("Artery", "51114001"), ("arteries", "51114001"), ("VEINS", "29092000"), ("capillary", "20982000")),
        *(("pulmonary_artery", "81040000"), ("portal vein", "32764006"), ("aorta", "15825003")),
    ],
)
def test_codes_by_name(name, value):
    code = vessel_code(HERE, name)
    assert (code.value, code.scheme_designator) == (value, "SCT")
    if name not in ("class 7", "liver"):
        assert vessel_of_code(HERE, value) == singular(name)


def test_another_code_is_no_vessel():
    assert vessel_of_code(HERE, "78961009") == ""  # the spleen
    assert vessel_of_code(HERE, "") == ""


def test_colours_can_be_told_apart():
    assert vessel_colour("artery", 2) == vessel_colour("Coronary arteries", 1) != vessel_colour("vein", 2)
    assert len({vessel_colour(f"class {number}", number) for number in range(1, 6)}) == 5


def test_what_is_unlabelled_is_no_vessel():
    for name in ("unlabelled", "Unlabeled"):
        code = vessel_code(HERE, name)
        assert (code.value, code.scheme_designator, code.meaning) == ("125040", "DCM", "Background")
        assert category_code(HERE, name).meaning == "Spatial and Relational Concept"
        assert vessel_of_code(HERE, code.value) == ""
        assert len(set(vessel_colour(name, 2))) == 1  # grey
    assert category_code(HERE, "artery").meaning == "Anatomical Structure"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("class", "class"), ("blood  vessel", "vessel"), ("Blood_ vessels ", "vessel")),
        *(("coronary sinus", "coronary sinus"), ("portal  veins", "portal vein")),
    ],
)
def test_singular(name, expected):
    assert singular(name) == expected
