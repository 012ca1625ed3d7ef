"""Fine-tune on blocks of three sizes of each volume, and score on the rest of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scripts.core import Box, refuse, slices

from .cut import MIN_SIDE, Cut, cut_of
from .held_out import SCORED, refuse_test_dir
from .part import LabelledVolume, Part, write_part
from .trial import Setting, Trial

logger = logging.getLogger(__name__)

SIDE = 480
"""The largest block of the paper, which had 120, 240 and 480 voxels along each side."""
STEP = 16  # voxels between sides that are tried, so that halves and quarters of them are whole
ZERO_SHOT, FINE_TUNED, FROM_SCRATCH = "zero-shot", "fine-tuned", "from scratch"
FINETUNE = "finetune"
RANKS = ("largest", "middle", "smallest")
"""How variants are named: the largest block that there is room for has another side in each volume."""


def plan(setting: Setting) -> list[Trial]:
    """Plan trainings on blocks of sides S, S/2 and S/4 of each volume.

    Each starts from the shipped weights, and another from scratch. The smaller blocks lie inside the larger ones, and
    all are scored on what lies outside the largest and a margin around it (`cut_of`); so are the shipped weights as
    they are. All volumes come before the next seed.

    Args:
        setting: the first of the `sides` of its description, by default 480, is the largest S; a volume without room
            for it has the largest that there is room for.

    Raises:
        UserError: if no volume has room for blocks, or a `test_dir` is given.
    """
    refuse_test_dir(setting)
    largest = int((setting.description.get("sides") or [SIDE])[0])
    cuts: list[tuple[LabelledVolume, Cut]] = []
    for volume in setting.volumes:
        cut = _cut(volume.voxels, setting, volume.name, largest)
        if cut is None:
            logger.warning(
                "%s: has no room for a block of %d voxels or more, and is left out", volume.name, 4 * MIN_SIDE
            )
            continue
        told = ", ".join(f"{side} ({Part(box)})" for side, box in cut.blocks.items())
        logger.info("%s: blocks of %s; scored on %s", volume.name, told, cut.scored)
        cuts.append((volume, cut))
    if not cuts:
        problem = f"has no volume with room for blocks of {4 * MIN_SIDE}, {2 * MIN_SIDE} and {MIN_SIDE} voxels"
        refuse("the dataset", problem, "label a larger part of one as a whole, at least twice as large as the block")
    trials = [each for volume, cut in cuts for each in _zero_shot(setting, volume, cut)]
    for seed in setting.seeds:
        trials += [each for volume, cut in cuts for each in _trainings(setting, volume, cut, seed)]
    return trials


def _cut(label: np.ndarray, setting: Setting, name: str, largest: int) -> Cut | None:
    # the largest as it is given, then whatever is smaller
    sides = dict.fromkeys([largest, *range(largest - largest % STEP, 4 * MIN_SIDE - 1, -STEP)])
    nested = [(side, side // 2, side // 4) for side in sides if side // 4 >= MIN_SIDE]
    return cut_of(label, setting.affines[name], nested, setting.patch_size)


def _folder(setting: Setting, volume: LabelledVolume, part: str) -> Path:
    return setting.folder / volume.name / part


def _zero_shot(setting: Setting, volume: LabelledVolume, cut: Cut) -> Iterator[Trial]:
    scored = write_part(_folder(setting, volume, SCORED), volume, cut.scored)
    about = {"method": ZERO_SHOT, "size": 0, "share": 0.0, "volume": volume.name, "kind_of": dict(setting.kinds)}
    seed = setting.seeds[0]
    params = {"method": ZERO_SHOT, "size": 0, "volume": volume.name, "seed": seed}
    yield Trial(ZERO_SHOT, seed, None, scored, params, about=about)


def _trainings(setting: Setting, volume: LabelledVolume, cut: Cut, seed: int) -> Iterator[Trial]:
    for rank, (side, box) in reversed(list(zip(RANKS, cut.blocks.items(), strict=True))):
        trains = write_part(_folder(setting, volume, f"block_{side}"), volume, Part(box))
        about = {"rank": rank, "size": side, "share": _share(volume.voxels, box), "volume": volume.name}
        about["kind_of"] = dict(setting.kinds)
        ways: dict[str, tuple[str, ...]] = {FINE_TUNED: (FINETUNE,), FROM_SCRATCH: ()}
        for method, configs in ways.items():
            yield Trial(
                variant=f"{method}, {rank} block",
                seed=seed,
                trains=trains,
                scored=_folder(setting, volume, SCORED),
                params={"method": method, "size": side, "volume": volume.name, "seed": seed},
                configs=configs,
                about={"method": method, **about},
            )


def _share(label: np.ndarray, box: Box) -> float:
    """Return how many of the labelled voxels lie in a box, as a share of all."""
    return float(np.count_nonzero(label[slices(box)] >= 0) / np.count_nonzero(label >= 0))
