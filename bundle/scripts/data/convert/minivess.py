"""MiniVess: 70 two-photon stacks of rodent cortex (DOI 10.1038/s41597-023-02048-8).

Layout, as github.com/petteriTeikari/minivess_mlops and vesselFM read it: `raw/mv01.nii.gz`, `seg/mv01_y.nii.gz` and
`json/mv01.json`, of which the last is not used. Not certain: in which unit the headers state the voxel size.
"""

from __future__ import annotations

from pathlib import Path

from .copying import copy_cases, pair_up, vessels

LICENCE = "CC BY-NC-SA: not for weights that others may use commercially"


def convert(source: Path, output_dir: Path) -> None:
    """Make a dataset of it; see `import_dataset`."""
    copy_cases(source, output_dir, pair_up(source / "raw", source / "seg", label_ending="_y"), vessels)
