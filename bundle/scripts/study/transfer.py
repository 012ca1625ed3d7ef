"""Fine-tune on a block of one volume, and score on the rest of it and on every other volume."""

from __future__ import annotations

import logging
from pathlib import Path

from scripts.core import refuse

from .block import has_both
from .block_size import FINETUNE, ZERO_SHOT
from .cut import MIN_SIDE, Cut, cut_of
from .held_out import SCORED, TRAINS, refuse_test_dir
from .part import LabelledVolume, Part, write_part, write_parts
from .trial import Setting, Trial

logger = logging.getLogger(__name__)

SIDE = 120
"""Of the smallest block of the paper, in voxels: what a laboratory labels first."""
EACH = 4
"""So many volumes, or fewer, are each trained on; of more, the first of each kind is."""


def plan(setting: Setting) -> list[Trial]:
    """Plan fine-tuning on a block of each of several volumes, scored on all volumes.

    The volumes that are trained on are the first of each kind that has room for a block, or all of them if there are
    four or fewer. Of such a volume what lies outside the block and a margin around it (`cut_of`) is scored, of every
    other volume all; the shipped weights are scored on the same as they are. All volumes come before the next seed.

    Args:
        setting: the first of the `sides` of its description, by default 120, is the side of the block; where there is
            no room for it, half of that, and so on.

    Raises:
        UserError: if there is one volume alone, none has room for a block, or a `test_dir` is given.
    """
    refuse_test_dir(setting)
    others = [each for each in setting.volumes if has_both(each.voxels)]
    if len(others) < 2:
        problem = "has fewer than two volumes with vessel and background, so nothing can be carried over to another"
        refuse("the dataset", problem, "add a labelled volume of another kind")
    side = int((setting.description.get("sides") or [SIDE])[0])
    tuned = _tuned(setting, others, side)
    if not tuned:
        problem = f"has no volume with room for a block of {min(side, MIN_SIDE)} voxels"
        refuse("the dataset", problem, "label a larger part of one as a whole, at least twice as large as the block")
    trials = []
    for volume, cut in tuned:
        ((_, box),) = cut.blocks.items()
        write_part(_folder(setting, volume) / TRAINS, volume, Part(box))
        rest = [(each, cut.scored if each is volume else Part.whole(each)) for each in others]
        write_parts(_folder(setting, volume) / SCORED, rest)
        trials.append(_zero_shot(setting, volume))
    return trials + [_tuning(setting, volume, seed) for seed in setting.seeds for volume, _ in tuned]


def _zero_shot(setting: Setting, volume: LabelledVolume) -> Trial:
    """Return the trial of the shipped weights on what is scored after training on a volume."""
    seed, on = setting.seeds[0], {"tuned_on": None, "of": volume.name}
    about = {**on, "kind_of": dict(setting.kinds)}
    return Trial(ZERO_SHOT, seed, None, _folder(setting, volume) / SCORED, {**on, "seed": seed}, about=about)


def _tuning(setting: Setting, volume: LabelledVolume, seed: int) -> Trial:
    return Trial(
        variant=f"tuned on {volume.name}",
        seed=seed,
        trains=_folder(setting, volume) / TRAINS,
        scored=_folder(setting, volume) / SCORED,
        params={"tuned_on": volume.name, "seed": seed},
        configs=(FINETUNE,),
        about={"tuned_on": volume.name, "of": volume.name, "kind_of": dict(setting.kinds)},
    )


def _tuned(setting: Setting, volumes: list[LabelledVolume], side: int) -> list[tuple[LabelledVolume, Cut]]:
    """Return the volumes that are trained on, each with its block."""
    nested = [(side,)]
    while nested[-1][0] // 2 >= MIN_SIDE:
        nested.append((nested[-1][0] // 2,))
    found: list[tuple[LabelledVolume, Cut]] = []
    for volume in volumes:
        kinds = {setting.kinds[each.name] for each, _ in found}
        if len(volumes) > EACH and setting.kinds[volume.name] in kinds:
            continue
        cut = cut_of(volume.voxels, setting.affines[volume.name], nested, setting.patch_size)
        if cut is None:
            logger.warning("%s: has no room for a block, and is only scored", volume.name)
            continue
        ((_, box),) = cut.blocks.items()
        logger.info("%s: trains on %s, and is scored on %s", volume.name, Part(box), cut.scored)
        found.append((volume, cut))
    return found


def _folder(setting: Setting, volume: LabelledVolume) -> Path:
    return setting.folder / volume.name
