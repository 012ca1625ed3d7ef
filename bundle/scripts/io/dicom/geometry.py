"""From the positions of slices to one affine, or the reason why there is none.

DICOM tells where each slice lies, in millimetres to the patient's left, back and head (LPS). The distance of slices is
that of their positions: SliceThickness is what a slice averages over, and SpacingBetweenSlices is often wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import refuse

from ..volume import LPS_TO_RAS
from .slices import Slice

MAX_UNEQUAL = 0.02  # of the distance of two slices: positions are rounded
MAX_SHIFT = 0.5  # of a voxel, in plane, by which a slice may lie beside the line of all
SAME_PLACE = 1e-3  # millimetres

_SORT = "put each series, time point or echo into a folder of its own"
_RESAMPLE = "export it as equally spaced slices, or resample it (dcm2niix does)"


def sorted_stack(path: Path, slices: Sequence[Slice]) -> tuple[list[Slice], np.ndarray]:
    """Sort slices by where they lie, and return the affine of the volume that they are.

    Args:
        path: the folder or file, for messages.
        slices: all of one volume, in any order, two or more.

    Returns:
        The slices along the normal of the first (to which rows and columns run as X and Y to Z), and the affine from
        voxels (X, Y, Z) to millimetres, in NIfTI's and MONAI's directions (RAS). Under a tilted gantry each slice is
        shifted against the one before; Z then runs aslant, and no voxel is resampled.

    Raises:
        UserError: for slices that differ in size, direction or voxel size, lie on each other or beside a straight line,
            are not equally spaced, or lack some between them.
    """
    first = slices[0]
    normal = np.cross(first.rows_run, first.columns_run)
    for other in slices[1:]:
        _check_alike(path, first, other)
    ordered = sorted(slices, key=lambda each: float(each.position @ normal))
    at = np.array([each.position @ normal for each in ordered])
    _check_distinct(path, ordered, np.diff(at))
    aslant = _shift(path, ordered)
    _check_spacing(path, ordered, at)
    lps = np.eye(4)
    lps[:3, 0] = first.rows_run * first.spacing[1]
    lps[:3, 1] = first.columns_run * first.spacing[0]
    lps[:3, 2] = (normal * (at[-1] - at[0]) + aslant) / (len(at) - 1)
    lps[:3, 3] = ordered[0].position
    return ordered, LPS_TO_RAS @ lps


def _named(path: Path, each: Slice) -> str:
    """Return how a slice is called: its file, or the number of its frame."""
    return each.path.name if each.path != path else f"frame {each.frame + 1}"


def _check_alike(path: Path, first: Slice, other: Slice) -> None:
    here, there = _named(path, other), _named(path, first)
    for what, one, two in (
        ("rows and columns", (other.plane.rows, other.plane.columns), (first.plane.rows, first.plane.columns)),
        ("samples a voxel", other.plane.samples, first.plane.samples),
        ("bits", (other.plane.stored, other.plane.signed), (first.plane.stored, first.plane.signed)),
        ("white is zero", other.plane.inverted, first.plane.inverted),
    ):
        if one != two:
            refuse(path, f"{here} and {there} differ in {what}, {one} and {two}", _SORT)
    here_runs, there_runs = ([*each.rows_run, *each.columns_run] for each in (other, first))
    if not np.allclose(here_runs, there_runs, atol=1e-3):
        refuse(path, f"{here} and {there} differ in direction (ImageOrientationPatient)", _SORT)
    if not np.allclose(other.spacing, first.spacing, rtol=1e-3):
        refuse(path, f"{here} and {there} differ in voxel size (PixelSpacing)", _SORT)


def _check_distinct(path: Path, ordered: Sequence[Slice], steps: np.ndarray) -> None:
    same = np.flatnonzero(steps < SAME_PLACE)
    if len(same):
        one, two = _named(path, ordered[same[0]]), _named(path, ordered[same[0] + 1])
        more = f", and {len(same) - 1} more such pairs" if len(same) > 1 else ""
        refuse(path, f"{one} and {two} lie at one position{more}", _SORT)


def _shift(path: Path, ordered: Sequence[Slice]) -> np.ndarray:
    """Return by which vector the last slice is shifted in plane against the first.

    In millimetres, LPS; 0 for what rounding does.
    """
    first = ordered[0]
    runs = np.stack([first.rows_run, first.columns_run])
    shifts = np.array([each.position - first.position for each in ordered]) @ runs.T  # (slices, 2)
    sizes = [first.spacing[1], first.spacing[0]]
    if np.abs(shifts / sizes).max() <= MAX_SHIFT:
        return np.zeros(3)
    even = np.linspace(0, 1, len(ordered))[:, None] * shifts[-1]  # (slices, 2)
    away = np.abs((shifts - even) / sizes).max(axis=1)
    if away.max() > MAX_SHIFT:
        here = _named(path, ordered[int(away.argmax())])
        refuse(path, f"its slices lie on no straight line: {here} is {away.max():.3g} voxels beside it", _RESAMPLE)
    return np.asarray(shifts[-1] @ runs)


def _check_spacing(path: Path, ordered: Sequence[Slice], at: np.ndarray) -> None:
    even = np.linspace(at[0], at[-1], len(at))
    if np.abs(at - even).max() <= MAX_UNEQUAL * (even[1] - even[0]):
        return
    steps = np.diff(at)
    least, widest = float(steps.min()), int(steps.argmax())
    multiples = steps / least
    between = f"between {_named(path, ordered[widest])} and {_named(path, ordered[widest + 1])}"
    if np.abs(multiples - multiples.round()).max() <= 2 * MAX_UNEQUAL:
        count = int((multiples.round() - 1).sum())
        lack = f"{count} slices are missing" if count > 1 else "a slice is missing"
        problem = f"{lack}: {between} lie {steps[widest]:.4g} mm, elsewhere {least:.4g} mm"
        refuse(path, problem, "copy or export the whole series again")
    problem = f"its slices are not equally spaced: {between} lie {steps[widest]:.4g} mm, elsewhere {least:.4g} mm"
    refuse(path, problem, _RESAMPLE)
