"""What `analyse` says of a whole network, as words and numbers with their units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .case import as_text

POWERS = {
    "vessel_volume": " {unit}³",
    "length_density": " per {unit}²",
    **dict.fromkeys(
        (
            "voxel_size",
            *("length", "radius_mean", "radius_percentiles", "branch_length_mean", "branch_length_percentiles"),
            *("tissue_distance_mean", "tissue_distance_max"),
        ),
        " {unit}",
    ),
}
"""What follows a number, where it has a unit."""
NOT_SHOWN = "name", "unit"  # they stand above, and behind each number
COMPARED = "compared_with"
PARTS = ("missed", "true"), ("invented", "found")  # of which length


def summary_rows(summary: Mapping[str, Any], unit: str) -> list[tuple[str, str]]:
    """Return pairs of a word and what it says.

    Args:
        summary: what `NAME_summary.json` holds.
        unit: of lengths.
    """
    rows = []
    for name, value in summary.items():
        if name in NOT_SHOWN:
            continue
        if name == COMPARED and isinstance(value, dict):
            rows += _compared(value, unit)
            continue
        ending = POWERS.get(name, "").format(unit=unit)
        ending = ending.replace("voxels³", "voxels").replace("voxels²", "voxel²")  # a voxel is a volume itself
        words = name.replace("_", " ")
        if isinstance(value, dict):
            rows += [
                (f"{words.removesuffix(' percentiles')}, {share}", told + ending) for share, told in _shares(value)
            ]
        else:
            told = " × ".join(map(_number, value)) if isinstance(value, list) else _number(value)
            rows.append((words, told if value is None else told + ending))
    return rows


def _shares(percentiles: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield percentiles as what lies in the middle: half of all from the 25th to the 75th."""
    for share, value in sorted(percentiles.items(), key=lambda each: float(each[0])):
        inner, other = 100 - 2 * float(share), percentiles.get(f"{100 - float(share):g}")
        if inner == 0:
            yield "median", _number(value)
        elif inner > 0 and other is not None:
            yield f"middle {inner:g}\u00a0%", f"{_number(value)} to {_number(other)}"


def _number(value: object) -> str:
    """Return a number with three digits or more, and no power of ten where it is large."""
    if isinstance(value, float) and abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.3g}" if isinstance(value, float) else as_text(value)


def _compared(found: Mapping[str, Any], unit: str) -> Iterator[tuple[str, str]]:
    """Yield what was missed and invented: branches in all, and shares of length by radius."""
    yield "compared with", as_text(found.get("file"))
    error = found.get("length_error")
    yield "length error", _share(error)
    for name in ("missed", "invented"):
        yield f"branches {name}", str(len(found.get(name) or ()))
    least = 0.0
    for row in found.get("by_radius") or ():
        most = row["up_to"]
        words = f"radius over {least:.3g} {unit}" if most is None else f"radius {least:.3g} to {most:.3g} {unit}"
        missed, invented = (_share(row[part] / row[whole] if row[whole] else None) for part, whole in PARTS)
        there = row["true"] or row["found"]
        yield words, f"missed {missed}, invented {invented}" if there else "no vessels"
        least = most


def _share(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.3g} %"
