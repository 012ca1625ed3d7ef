"""Train on as many voxels of one, two, four ... kinds of image, and score on other kinds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from math import lcm, prod

import numpy as np

from scripts.core import Box, counted, refuse

from .block import has_both, labelled_box, typical_box
from .held_out import refuse_test_dir
from .part import LabelledVolume, Part, write_parts
from .trial import Setting, Trial

logger = logging.getLogger(__name__)

MAX_VOXELS = 128**3
"""What one kind gives alone: eight patches of 64³, so that of eight kinds each still gives a whole patch."""
MIN_VOXELS = 16**3
"""What a volume gives at least, where others of its kind can give more."""
MIN_KINDS = 3
UNSEEN = 3  # every third kind is scored
SMALLER = 0.8  # how much less is tried where no block has as many voxels as are wanted

Given = Sequence[tuple[LabelledVolume, Box]]
"""The volumes of a kind, each with the largest block that it can give, the largest of them first."""


def plan(setting: Setting) -> list[Trial]:
    """Plan trainings on equal numbers of labelled voxels from ever more kinds of image.

    For each seed the kinds are shuffled, and the last third of them, at least one, is scored and never trained on. Of
    the others the first 1, 2, 4 ... and all train, each giving its share of the same number of voxels: what every kind
    can give alone, so the first kind's block becomes smaller as others join it. The voxels of a kind come from as many
    of its volumes as have room, equally. All numbers of kinds come before the next seed.

    Args:
        setting: of the study; its description may have `max_voxels` that train, by default 128³, and `configs` of the
            trainings, by default none: they start from scratch, as shipped weights have seen kinds of image already.

    Raises:
        UserError: if fewer than three kinds have a volume of which a block is labelled, or a `test_dir` is given.
    """
    refuse_test_dir(setting)
    most = int(setting.description.get("max_voxels", MAX_VOXELS))
    kinds = {kind: _given(setting, kind, most) for kind in sorted(set(setting.kinds.values()))}
    for kind in [each for each, given in kinds.items() if not given]:
        logger.warning("%s: of no volume of this kind a block is labelled, so the kind is left out", kind)
        del kinds[kind]
    if len(kinds) < MIN_KINDS:
        problem = f"has {counted(len(kinds), 'kind')} of image to train on, fewer than {MIN_KINDS}"
        refuse("the dataset", problem, "add volumes of other kinds, or say by --kinds which volumes are of one kind")
    voxels, least = min((min(most, _capacity(given)), kind) for kind, given in kinds.items())
    why = f"{least} has no more to give" if voxels < most else "max_voxels allows no more"
    logger.info("%d voxels train each time: %s", voxels, why)
    return [trial for seed in setting.seeds for trial in _trials(setting, kinds, voxels, seed)]


def _trials(setting: Setting, kinds: Mapping[str, Given], voxels: int, seed: int) -> Iterator[Trial]:
    """Plan the trainings of one seed."""
    order = [str(each) for each in np.random.default_rng(seed).permutation(list(kinds))]
    last = max(1, len(order) // UNSEEN)
    pool, unseen = order[:-last], order[-last:]
    folder = setting.folder / f"seed_{seed}"
    tested = [each for each in setting.volumes if setting.kinds[each.name] in unseen and has_both(each.voxels)]
    scored = write_parts(folder / "scored", [(each, Part.whole(each)) for each in tested])
    for count in _counts(len(pool)):
        seen = pool[:count]
        blocks = {kind: _blocks(kinds[kind], voxels / count) for kind in seen}
        every = [each for of_kind in blocks.values() for each in of_kind]
        number = sum(prod(stop - start for start, stop in box) for _, box in every)
        told = f"{counted(count, 'kind')}, {', '.join(seen)}: {number} voxels of {counted(len(every), 'volume')}"
        logger.info("seed %d, %s", seed, told)
        yield Trial(
            variant=counted(count, "kind"),
            seed=seed,
            trains=write_parts(folder / f"kinds_{count}", [(volume, Part(box)) for volume, box in every]),
            scored=scored,
            params={"kinds": count, "seed": seed},
            configs=tuple(setting.description.get("configs", ())),
            options=_weights(blocks),
            about={
                "kinds": count,
                "seen": seen,
                "unseen": unseen,
                "voxels": number,
                "kind_of": dict(setting.kinds),
            },
        )


def _counts(most: int) -> list[int]:
    """Return how many kinds train: 1, 2, 4 ... and all."""
    return sorted({most, *(2**power for power in range(most.bit_length()) if 2**power <= most)})


def _weights(blocks: Mapping[str, Given]) -> dict[str, dict[str, int]]:
    """Return the option by which kinds of unlike numbers of volumes are drawn from equally.

    Without it each volume of a dataset is drawn from equally often.
    """
    numbers = {len(of_kind) for of_kind in blocks.values()}
    if len(numbers) == 1:
        return {}
    common = lcm(*numbers)
    weights = {volume.name: common // len(of_kind) for of_kind in blocks.values() for volume, _ in of_kind}
    return {"dataset_weights": weights}


def _given(setting: Setting, kind: str, most: int) -> Given:
    """Return the volumes of a kind that can give a block."""
    found: list[tuple[LabelledVolume, Box]] = []
    for volume in setting.volumes:
        if setting.kinds[volume.name] == kind and (box := largest_block(volume.voxels, most)):
            found.append((volume, box))
    return sorted(found, key=lambda each: -_voxels(each[1]))


def _capacity(given: Given) -> int:
    """Return how many voxels a kind can give, each volume that takes part as many."""
    return max(number * _voxels(box) for number, (_, box) in enumerate(given, start=1))


def _blocks(given: Given, voxels: float) -> Given:
    """Return blocks of a kind that have a number of voxels together, inside its largest ones."""
    enough = [n for n, (_, box) in enumerate(given, start=1) if voxels / n <= _voxels(box)] or [len(given)]
    # crumbs of many volumes would hold less than a patch sees
    number = max((n for n in enough if voxels / n >= MIN_VOXELS), default=min(enough))
    blocks = []
    for volume, within in given[:number]:
        sides = sides_of([stop - start for start, stop in within], voxels / number)
        # one with a vessel in it, as the large one has
        box = typical_box(volume.voxels, sides, within) or typical_box(volume.voxels, sides)
        if box is None:
            problem = f"has no block of {round(voxels / number)} voxels with vessel and background"
            refuse(volume.label, problem, "label more of it, or take it out of the dataset")
        blocks.append((volume, box))
    return blocks


def largest_block(label: np.ndarray, most: int) -> Box | None:
    """Return the largest block that a volume can give, of so many voxels at most, or None.

    It is labelled as a whole, and holds vessel and background.

    Args:
        label: `(X, Y, Z)`, above 0 for vessel, 0 for background, below where nothing is labelled.
        most: voxels at most, but for what makes its sides whole numbers.
    """
    if not has_both(label):
        return None
    extents = [stop - start for start, stop in labelled_box(label)]
    voxels = float(min(most, np.count_nonzero(label >= 0)))
    while voxels >= min(most, MIN_VOXELS):
        if box := typical_box(label, sides_of(extents, voxels)):
            return box
        voxels *= SMALLER
    return None


def sides_of(extents: Sequence[int], voxels: float) -> list[int]:
    """Return the sides of a block that has as nearly so many voxels as there is room for.

    It is a cube where there is room for one; a thin axis is taken whole, and the others become longer for it.

    Args:
        extents: voxels along X, Y and Z that there are.
        voxels: how many there are to be.
    """
    sides = [0, 0, 0]
    left = voxels
    for done, axis in enumerate(sorted(range(3), key=lambda axis: extents[axis])):
        sides[axis] = min(extents[axis], max(1, round(left ** (1 / (3 - done)))))
        left /= sides[axis]
    return sides


def _voxels(box: Box) -> int:
    return prod(stop - start for start, stop in box)
