"""Units of length, in all the ways that files spell them.

ImageJ writes `\\u00B5m` as six ASCII characters, Bio-Formats `µm` with either of Unicode's two signs, users `micron`.
"""

from __future__ import annotations

from functools import cache

# name used here: (millimetres in one, spellings in lower case with the micro sign written u)
_UNITS: dict[str, tuple[float, str]] = {
    "µm": (1e-3, "um micron microns micrometer micrometers micrometre micrometres"),
    "nm": (1e-6, "nm nanometer nanometers nanometre nanometres"),
    "mm": (1.0, "mm millimeter millimeters millimetre millimetres"),
    "cm": (10.0, "cm centimeter centimeters centimetre centimetres"),
    "m": (1000.0, "m meter meters metre metres"),
    "inch": (25.4, 'inch inches in "'),
    "Å": (1e-7, "å angstrom angstroms"),
}


@cache
def _names() -> dict[str, str]:
    return {spelling: name for name, (_, spellings) in _UNITS.items() for spelling in spellings.split()}


def canonical_unit(text: object) -> str:
    """Return the one name that a unit has here, such as `µm`; `""` for a word that is no length.

    Pixels are no length, nor is nothing at all. An unknown word isn't guessed at: that would put a wrong number under
    every result.
    """
    plain = str(text or "").replace("\\u00B5", "u").replace("\\u00b5", "u").replace("µ", "u").replace("μ", "u")
    return _names().get(plain.strip().lower(), "")


def millimetres(unit: str) -> float:
    """Return the length of one `unit` in millimetres.

    Of `""` it is 1, because lengths are then in voxels.

    Args:
        unit: as `canonical_unit` returns it.

    Raises:
        KeyError: if `unit` is anything else.
    """
    return _UNITS[unit][0] if unit else 1.0


def in_unit(length_mm: float, unit: str) -> float:
    """Convert a length from millimetres into `unit`, without the spurious digits of a division.

    0.000994 mm is 0.994 µm, not 0.9940000000000001.
    """
    return float(f"{length_mm / millimetres(unit):.12g}")
