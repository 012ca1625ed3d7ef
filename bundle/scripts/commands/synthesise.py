"""A folder of synthetic volumes with exact labels: what the shipped weights, the demo and the tests learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import check_writable, refuse
from scripts.io import SUFFIXES, write_volume
from scripts.synthesis import DRAWN_STYLES, synthesise

SHAPES = ((96, 96, 96), (128, 128, 64), (176, 176, 20))  # a cube, a slab, a thin stack of about equal voxel counts


def write_dataset(
    output_dir: str | Path,
    count: int = 12,
    seed: int = 0,
    shape: Sequence[int] | None = None,
    style: str | None = None,
    suffix: str = ".tif",
    voxel_size: Sequence[float] | None = None,
    unit: str = "µm",
) -> Path:
    """Write a dataset of synthetic volumes; volume number *i* depends on `seed + i` alone.

    Args:
        output_dir: becomes `images/` and `labels/`, of files `STYLE_SEED.EXT`.
        count: how many volumes.
        seed: of the first.
        shape: (X, Y, Z); by default cubes, slabs and thin stacks in turn.
        style: one of `scripts.synthesis.STYLES`; by default those for training in turn.
        suffix: file type.
        voxel_size: X, Y, Z in `unit`, to be stated in the files; by default none is.
        unit: of `voxel_size`.

    Returns:
        The folder.

    Raises:
        UserError: for a count, seed, shape, style or suffix that is none.
        UserError: where the folder cannot be written.
    """
    for option, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or value < least:
            refuse(f"--{option} {value}", f"is not a whole number of at least {least}", "give one such as 12")
    if suffix not in SUFFIXES:
        refuse(f"--suffix {suffix}", "is not a file type that is written", f"give one of {' '.join(SUFFIXES)}")
    shape = tuple(shape) if isinstance(shape, list) else shape
    folder = check_writable(output_dir)
    for number in range(seed, seed + count):
        drawn_style = style or DRAWN_STYLES[number % len(DRAWN_STYLES)]
        # stepping through the shapes at another pace than through the styles meets every pair
        drawn_shape = shape or ((176, 176, 20) if drawn_style == "stack" else SHAPES[number // 2 % len(SHAPES)])
        image, label = synthesise(number, drawn_shape, drawn_style)
        name = f"{drawn_style}_{number}{suffix}"
        stated = {"voxel_size": voxel_size, "unit": unit} if voxel_size is not None else {}
        write_volume(folder / "images" / name, image.astype(np.float32), **stated)
        write_volume(folder / "labels" / name, label, **stated)
    return folder
