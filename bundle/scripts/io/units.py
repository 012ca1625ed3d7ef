"""Units of length, as files spell them.

ImageJ writes `\\u00B5m` as six ASCII characters, Bio-Formats `µm` with either of Unicode's two signs, users `micron`.
"""

from __future__ import annotations

from functools import cache

# canonical name: (millimetres in one, spellings in lower case with the micro sign written u)
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
def _spellings() -> dict[str, str]:
    return {spelling: name for name, (_, all_) in _UNITS.items() for spelling in all_.split()}


def canonical_unit(text: object) -> str:
    """The unit's one name here (`µm`, `mm`, ...), or `""` for pixels, nothing, or a word that is no length.

    An unknown word is no unit: guessing one would put a wrong number under every result.
    """
    plain = str(text or "").replace("\\u00B5", "u").replace("\\u00b5", "u").replace("µ", "u").replace("μ", "u")
    return _spellings().get(plain.strip().lower(), "")


def millimetres(unit: str) -> float:
    """Millimetres in one canonical `unit`; 1 for `""`, where lengths are voxels.

    Raises:
        KeyError: `unit` is not canonical.
    """
    return _UNITS[unit][0] if unit else 1.0


def in_unit(length_mm: float, unit: str) -> float:
    """A length in millimetres, in `unit`, without the digits that a division adds (0.005 mm is 5 µm, not 4.9...)."""
    return float(f"{length_mm / millimetres(unit):.12g}")
