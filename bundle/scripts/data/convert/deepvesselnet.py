"""DeepVesselNet's synthetic volumes: 136 vessel networks in noise.

The paper is DOI 10.3389/fnins.2020.592352; each has 325x304x600 voxels. Layout, from
github.com/giesekow/deepvesselnet/wiki/Datasets and from code that reads it: its archives `raw` and `seg` unpacked
side by side, `raw/1.nii.gz` with `seg/1.nii.gz`. Its real volumes, MRA and CT, are not public.
"""

from __future__ import annotations

from pathlib import Path

from .copying import copy_cases, pair_up, vessels

LICENCE = "not stated by its authors: ask before weights that were trained on it ship"


def convert(source: Path, output_dir: Path) -> None:
    """Make a dataset of it, with volumes `deepvesselnet_1` and so on; see `import_dataset`."""
    copy_cases(source, output_dir, pair_up(source / "raw", source / "seg", prefix="deepvesselnet_"), vessels)
