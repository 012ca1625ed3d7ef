"""The command `synthesise`: a dataset of synthetic volumes with exact labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.core import check_writable, refuse
from scripts.io import SUFFIXES, write_volume
from scripts.synthesis import DRAWN_STYLES, synthesise

CUBE, SLAB, THIN_STACK = (96, 96, 96), (128, 128, 64), (176, 176, 20)  # of about as many voxels
SHAPES = (CUBE, SLAB, THIN_STACK)


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
    """Write a dataset of synthetic vessel volumes with exact labels.

    The same seed gives the same volume, whatever the count.

    Args:
        output_dir: the folder to write `images/STYLE_SEED.EXT` and `labels/STYLE_SEED.EXT` into.
        count: how many volumes.
        seed: seed of the first volume; each further one has the next.
        shape: voxels along X, Y and Z, such as 128,128,64; by default cubes, slabs and thin stacks in turn.
        style: what grows: tree, mesh, stack, plexus, mixed, tumour, hollow or organ; by default each in turn.
        suffix: file type, such as .tif, .nii.gz or .npy.
        voxel_size: voxel size along X, Y and Z that the files state, such as 1,1,2; by default they state none.
        unit: unit of the voxel size.

    Returns:
        The folder.

    Raises:
        UserError: for a count, seed, shape, style, suffix, voxel size or unit that cannot be used; if the folder
            cannot be written.
    """
    for option, value, minimum in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or value < minimum:
            refuse(f"--{option} {value}", f"is not a whole number of at least {minimum}", "give one such as 12")
    if suffix not in SUFFIXES:
        refuse(f"--suffix {suffix}", "is not a file type that can be written", f"give one of {' '.join(SUFFIXES)}")
    if style is not None and style not in DRAWN_STYLES:
        refuse(f"--style {style}", "is not a style that can be drawn", f"give one of {', '.join(DRAWN_STYLES)}")
    shape = tuple(shape) if isinstance(shape, list) else shape
    folder = check_writable(output_dir)
    for number in range(seed, seed + count):
        drawn_style = style or DRAWN_STYLES[number % len(DRAWN_STYLES)]
        # every second volume takes the next shape and each the next style, so that all pairs occur
        drawn_shape = shape or (THIN_STACK if drawn_style == "stack" else SHAPES[number // 2 % len(SHAPES)])
        image, label = synthesise(number, drawn_shape, drawn_style)
        name = f"{drawn_style}_{number}{suffix}"
        stated = {"voxel_size": voxel_size, "unit": unit} if voxel_size is not None else {}
        write_volume(folder / "images" / name, image.astype(np.float32), **stated)
        write_volume(folder / "labels" / name, label, **stated)
    return folder
