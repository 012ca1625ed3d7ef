"""Tables of measurements, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GIB = 2**30


def rate_of_machine(result: Mapping[str, Any], case: str) -> float:
    """Return the rate of the machine for a case, in FLOP/s.

    It is that of the matrix product in the precision of the case, the mean of before and after.
    """
    name = f"matrix product, {'bfloat16' if 'bfloat16' in case else 'float32'}"
    return (result["before"][name] + result["after"][name]) / 2


def table(result: Mapping[str, Any]) -> str:
    """Return the table of a measurement: the machine's rates, then a row for each case.

    A row holds seconds, rate, share of the machine's rate and peak of memory.
    """
    lines = ["| limit | before | after |", "|---|---|---|"]
    for name in result["before"]:
        before, after = (f"{result[when][name] / 1e9:.1f}" for when in ("before", "after"))
        unit = "GFLOP/s" if "matrix" in name else "GB/s"
        lines.append(f"| {name}, {unit} | {before} | {after} |")
    columns = ("case", "s, median", "min to max", "rate", "of the matrix product", "peak, GiB")
    lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name, figures in result["cases"].items():
        seconds, flop = figures["median"], figures.get("flop")
        share = f"{flop / seconds / rate_of_machine(result, name):.0%}" if flop else ""
        spread = f"{min(figures['seconds']):.3g} to {max(figures['seconds']):.3g}"
        peak = f"{figures['peak_bytes'] / GIB:.2f}"
        lines.append(f"| {name} | {seconds:.3g} | {spread} | {_rate(figures)} | {share} | {peak} |")
    return "\n".join(lines)


def comparison(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the table of two measurements: a row for each case that both hold.

    A row holds seconds, how many times faster the second is, and how many times at equal rates of the machine.
    """
    columns = ("case", "before, s", "after, s", "faster", "at the machine's rates", "peak, GiB")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for name in (name for name in before["cases"] if name in after["cases"]):
        one, two = before["cases"][name], after["cases"][name]
        faster = one["median"] / two["median"]
        scaled = faster * rate_of_machine(before, name) / rate_of_machine(after, name)
        peaks = " to ".join(f"{figures['peak_bytes'] / GIB:.2f}" for figures in (one, two))
        lines.append(
            f"| {name} | {one['median']:.3g} | {two['median']:.3g} | {faster:.2f}× | {scaled:.2f}× | {peaks} |"
        )
    return "\n".join(lines)


def _rate(figures: Mapping[str, Any]) -> str:
    """Return patches or voxels in a second, as text."""
    if "patches" in figures:
        return f"{figures['patches'] / figures['median']:.3g} patches/s"
    if "voxels" in figures:
        return f"{figures['voxels'] / figures['median'] / 1e6:.3g} million voxels/s"
    return ""
