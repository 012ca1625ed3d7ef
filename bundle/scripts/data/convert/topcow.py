"""TopCoW 2024: the circle of Willis in CT and MR angiograms (DOI 10.5281/zenodo.15692630).

Layout, from topcow24.grand-challenge.org and from code that reads the release: `imagesTr/topcow_ct_001_0000.nii.gz`
(`mr` for MR), `cow_seg_labelsTr/topcow_ct_001.nii.gz` with a value for each of its 13 segments, and
`roi_loc_labelsTr/topcow_ct_001.txt`, the box around the circle within which the challenge scores.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from scripts.core import UNLABELLED, Box, refuse, slices
from scripts.io import read_header

from .copying import Case, copy_cases, pair_up

LICENCE = "open use, commercial use only with permission: not for weights that others may use commercially"
RELEASE = "TopCoW2024_Data_Release"


def convert(source: Path, output_dir: Path, classes: bool = False) -> None:
    """Make a dataset of it; see `import_dataset`.

    The arteries of the circle alone are labelled, and no vessel elsewhere in the head. So what is not vessel outside
    the box is *not labelled*.

    Args:
        source: folder of the data set.
        output_dir: the dataset.
        classes: keep the value of each segment; otherwise all of them are 1.
    """
    release = source / RELEASE if (source / RELEASE).is_dir() else source
    cases = pair_up(release / "imagesTr", release / "cow_seg_labelsTr", image_ending="_0000")
    boxes = {case: _box(release / "roi_loc_labelsTr" / f"{case.name}.txt", case.image) for case in cases}

    def relabel(case: Case, label: np.ndarray) -> np.ndarray:
        kept = (label if classes else label > 0).astype(np.float32)  # (X, Y, Z), of a type that holds -1
        kept[kept == 0] = UNLABELLED
        inside = slices(boxes[case])
        kept[inside] = np.maximum(kept[inside], 0)
        return kept

    copy_cases(source, output_dir, cases, relabel)


def _box(file: Path, image: Path) -> Box:
    """Read the box around the circle of Willis."""
    if not file.is_file():
        refuse(file, "no such file", "download it: it says where the label holds", FileNotFoundError)
    text = file.read_text(encoding="utf-8", errors="replace")
    found = [re.search(rf"{word} \(Voxels\):\s*(\d+)\s+(\d+)\s+(\d+)", text) for word in ("Location", "Size")]
    if not all(found):
        refuse(file, "has no lines 'Size (Voxels): X Y Z' and 'Location (Voxels): X Y Z'", "download it again")
    first, size = ([int(number) for number in match.groups()] for match in found if match)
    box: Box = tuple((start, start + side) for start, side in zip(first, size, strict=True))
    shape = read_header(image).shape
    if any(stop > side or start == stop for (start, stop), side in zip(box, shape, strict=True)):
        refuse(file, f"its box does not lie in the {shape} voxels (X, Y, Z) of {image}", "download both again")
    return box
