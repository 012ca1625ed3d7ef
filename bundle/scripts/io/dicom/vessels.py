"""Kinds of vessels as clinics name them: the SNOMED codes and colours of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..extra import extra_library

_CONCEPTS = {
    "vessel": "BloodVessel",
    "artery": "Artery",
    "vein": "Vein",
    "capillary": "Capillary",
    "aorta": "Aorta",
    "coronary artery": "CoronaryArtery",
    "pulmonary artery": "PulmonaryArtery",
    "carotid artery": "CarotidArtery",
    "cerebral artery": "CerebralArtery",
    "pulmonary vein": "PulmonaryVein",
    "portal vein": "PortalVein",
    "hepatic vein": "HepaticVein",
    "vena cava": "VenaCava",
    "inferior vena cava": "InferiorVenaCava",
}
"""What pydicom calls the SNOMED concept of each; a class of any other name is a blood vessel."""
# as 3D Slicer draws them; then others that can be told from them
_COLOURS = {"vessel": (216, 101, 79), "artery": (216, 101, 79), "vein": (0, 151, 206), "capillary": (183, 156, 220)}
_GREY = (160, 160, 160)
_MORE_COLOURS = ((128, 174, 128), (241, 214, 145), (177, 122, 101), (111, 184, 210))


NOT_LABELLED = ("unlabelled", "unlabeled")
"""Name of a segment whose voxels are not labelled: no vessel, but a part of the image."""


def singular(name: str) -> str:
    """Return the name of a class in lower case and in the singular.

    >>> singular("Arteries"), singular("blood vessels"), singular("pulmonary_veins")
    ('artery', 'vessel', 'pulmonary vein')
    """
    word = " ".join(name.lower().replace("_", " ").split()).removeprefix("blood ")
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word if word.endswith(("ss", "us", "is")) else word.removesuffix("s")  # class, sinus, pelvis


def vessel_code(path: Path, name: str) -> Any:
    """Return SNOMED's code of a class, as pydicom's `Code`, by its name.

    What is unlabelled has DICOM's own code `Background`.
    """
    codes = extra_library("pydicom.sr.codedict", path).codes
    if singular(name) in NOT_LABELLED:
        return codes.DCM.Background
    return getattr(codes.SCT, _CONCEPTS.get(singular(name), "BloodVessel"))


def category_code(path: Path, name: str) -> Any:
    """Return the code of a class's category: a structure, or a place, of what is unlabelled."""
    codes = extra_library("pydicom.sr.codedict", path).codes
    unlabelled = singular(name) in NOT_LABELLED
    return codes.cid7150.SpatialAndRelationalConcept if unlabelled else codes.cid7150.AnatomicalStructure


def vessel_of_code(path: Path, value: str) -> str:
    """Return the name of the class that has a SNOMED code, such as `vessel` of 59820001, or ""."""
    codes = extra_library("pydicom.sr.codedict", path).codes
    return next((name for name, concept in _CONCEPTS.items() if getattr(codes.SCT, concept).value == value), "")


def vessel_colour(name: str, number: int) -> tuple[int, int, int]:
    """Return red, green and blue of a class, by its name, or else by its number from 1."""
    if singular(name) in NOT_LABELLED:
        return _GREY
    known = _COLOURS.get(singular(name).rpartition(" ")[2])
    return known or (_COLOURS["vessel"], *_MORE_COLOURS)[(number - 1) % (1 + len(_MORE_COLOURS))]
