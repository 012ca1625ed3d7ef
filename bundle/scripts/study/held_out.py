"""Split a dataset in two: what all variants train on, and what all of them are scored on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.core import Box, counted, longest_in_plane_axis, refuse, sha256
from scripts.data import find_dataset, split_in_space

from .block import has_both, labelled_box
from .part import LabelledVolume, Part, write_parts
from .trial import Setting

logger = logging.getLogger(__name__)

TEST_FRACTION = 0.25
"""Of the longest in-plane axis; the paper held out as much of its volumes."""
TRAINS, SCORED = "trains", "scored"


@dataclass(frozen=True)
class HeldOut:
    """Two datasets that have no voxel in common.

    Attributes:
        trains: the dataset that trains; a training validates on a part of it.
        scored: the dataset that is scored.
        told: in words what is scored, for a page.
    """

    trains: Path
    scored: Path
    told: str


def hold_out(setting: Setting) -> HeldOut:
    """Write what trains and what is scored as two datasets, `trains` and `scored`.

    Of each volume the last `test_fraction` of the longest in-plane axis of its labelled box is scored. The margin to
    what trains is a patch side; where that would leave less than a patch side to train, half of it, or none. A volume
    one of whose parts lacks vessel or background trains as a whole, and is not scored. Where the setting has a
    `test_dir`, that is scored, and all of each volume trains.

    Args:
        setting: of the study; `test_fraction` of its description is 0.25 by default.

    Raises:
        UserError: if the fraction is not between 0 and 1, nothing can be held out, or an image of `test_dir` trains.
    """
    return _held_out_ends(setting) if setting.test_dir is None else _held_out_dataset(setting, setting.test_dir)


def _held_out_ends(setting: Setting) -> HeldOut:
    fraction = setting.description.get("test_fraction", TEST_FRACTION)
    if not 0 < fraction < 1:
        refuse(f"test_fraction {fraction}", "is not between 0 and 1", f"give one such as {TEST_FRACTION}")
    trains: list[tuple[LabelledVolume, Part]] = []
    scored: list[tuple[LabelledVolume, Part]] = []
    margins: list[int | None] = []
    for volume in setting.volumes:
        train, score, margin = _ends(volume, setting.affines[volume.name], fraction, setting.patch_size)
        trains.append((volume, train))
        margins.append(margin)
        if score is None:
            logger.warning("%s: its end or the rest lacks vessel or background, so it only trains", volume.name)
            continue
        scored.append((volume, score))
        between = f"{margin} voxels from what trains" if margin else "which touches what trains"
        logger.info("%s: scored in %s, %s", volume.name, score, between)
    if not scored:
        problem = "has no volume with vessel and background both in its end and in the rest"
        refuse(setting.volumes[0].label, f"(and its dataset) {problem}", "label more of it, or give a test_dir")
    told = f"the last {100 * fraction:.3g} % of each volume along its longer axis in plane{_distances(margins)}"
    return HeldOut(write_parts(setting.folder / TRAINS, trains), write_parts(setting.folder / SCORED, scored), told)


def _ends(
    volume: LabelledVolume, affine: np.ndarray, fraction: float, patch_size: Sequence[int]
) -> tuple[Part, Part | None, int | None]:
    """Return what trains, what is scored, and the margin in voxels; None twice if all trains."""
    label, everything = volume.voxels, Part.whole(volume)
    if not has_both(label):
        return everything, None, None
    box = labelled_box(label)
    axis = longest_in_plane_axis([stop - start for start, stop in box], affine)
    side = patch_size[axis]
    for margin in (side, side // 2, 0):
        parts = split_in_space(box, affine, fraction, [margin] * 3)
        if parts is None or (margin and _extent(parts[0], axis) < side):
            continue
        train, score = map(Part, parts)
        if has_both(train.of(label)) and has_both(score.of(label)):
            return train, score, margin
    return everything, None, None


def _extent(box: Box, axis: int) -> int:
    return box[axis][1] - box[axis][0]


def _distances(margins: Sequence[int | None]) -> str:
    """Say how far what is scored lies from what trains, and in how many volumes."""
    found = Counter(margins)
    where = {margin: f" ({counted(count, 'volume')})" if len(found) > 1 else "" for margin, count in found.items()}
    told = [
        f"{margin} voxels from what trains{where[margin]}" if margin else f"touching what trains{where[margin]}"
        for margin in sorted((each for each in found if each is not None), reverse=True)
    ]
    told += [f"none of it where it or the rest lacks vessel or background{where[None]}"] if None in found else []
    return "".join(f", {each}" for each in told)


def _held_out_dataset(setting: Setting, test_dir: Path) -> HeldOut:
    tested = find_dataset(test_dir)
    known = {sha256(volume.image): volume for volume in setting.volumes if Path(volume.image).is_file()}
    for item in tested:
        if Path(item["image"]).is_file() and (same := known.get(sha256(item["image"]))):
            problem = f"is the same image as {same.image}, so it would be scored on what trains"
            refuse(item["image"], problem, "take it out of one of the two datasets")
    whole = [(each, Part.whole(each)) for each in setting.volumes]
    # written anew, because its labels may have other values than those of what trains
    read = [LabelledVolume.read(item, setting.unlabelled_value) for item in tested]
    scored = [(each, Part.whole(each)) for each in read]
    return HeldOut(
        write_parts(setting.folder / TRAINS, whole),
        write_parts(setting.folder / SCORED, scored),
        f"all of {test_dir.name} ({counted(len(scored), 'volume')}), none of which trains",
    )


def refuse_test_dir(setting: Setting) -> None:
    """Refuse a `test_dir` where a study scores what it leaves of its own volumes."""
    if setting.test_dir is not None:
        problem = "is not scored by this study, which scores what does not train of its own volumes"
        refuse(f"--test_dir {setting.test_dir}", problem, "leave it out, or put its volumes into the dataset")
