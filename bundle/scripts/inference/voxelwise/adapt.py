"""Let a volume teach itself: two students learn what the network finds.

What the network believes of a volume says how vessels look in that volume: how bright they are, how wide, how sharp. A
gradient-boosted classifier of a few features a voxel is taught that, without labels, and so is intensity alone, and the
mean of their log-odds and the network's is taken. They have seen nothing but this volume, so they go by what tells
vessel from the rest here, and not by what did on average over all volumes that the network was trained on. Intensity is
the weaker student, and where it tells vessel from the rest, as in noise, the better one, because it cannot learn what
the network gets wrong. Where it explains much less of what the network says than the classifier does, it is not
listened to, and neither is where both explain too little.

Each voxel teaches the classifier both classes, vessel by the network's probability and background by the rest of it, so
that voxels of which the network is sure weigh most, and those of which it is not teach nothing but that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterator
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer

from scripts.core import foreground_log_odds, planes_per_slab, read_boolean, refuse, return_freed_memory, voxel_size
from scripts.io import name_of
from scripts.transforms import FEATURES, REACH_OF_FEATURES, sigma_of_axes, smooth_in_place, voxel_features

from .intensity import Brightness

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

logger = logging.getLogger(__name__)

Student: TypeAlias = "HistGradientBoostingClassifier | Brightness"

SMOOTH = 0.7  # standard deviation, in voxels of the finest axis, by which the teacher is smoothed
SAMPLE = 60_000  # voxels that are learnt from; twice as many, by half as many trees again, gained nothing
STRATA = (0.001, 0.01, 0.1, 0.5, 0.9)  # of the teacher's probability; as many voxels are drawn between each two
TREES, LEAVES, LEAST_IN_LEAF = 40, 15, 50
HELD_OUT = 5  # one in so many of them is not learnt, to see what was
LEAST_OF_EITHER = 200  # voxels that are likelier vessel than not, or the other way round
LEAST_AGREEMENT = 0.3  # share of the teacher's variance that the classifier explains
LEAST_ALONE = 0.75  # of that, what intensity explains alone: other things are as bright as vessels where it is less
SIDE = 96  # of the blocks that are described one by one, in voxels
IN_BLOCK = SIDE**3
PART, ROWS = 1 << 20, 1 << 17  # voxels that are drawn from, and classified, at a time
OF_DESCRIBED = 270  # bytes for a voxel of a block, of its features and their classification, measured

Features = npt.NDArray[np.float32]


class AdaptedInferer(Inferer):
    """Average the logits of the inferer inside with those of students taught by the volume.

    The students compute on the CPU, and see a volume block by block, so that they take 4 bytes a voxel and what a
    block takes. The same volume gives the same result.

    Args:
        enabled: whether to; otherwise the logits of the inferer inside pass. Text is read as on the command line.
        inferer: runs the network over a volume of any size.
        classes: of the network.

    Raises:
        UserError: for more than two classes.
    """

    def __init__(self, enabled: bool | str, inferer: Inferer, classes: int = 2) -> None:
        super().__init__()
        self.enabled = read_boolean("adapt", enabled)
        if self.enabled and classes != 2:
            problem = f"is for vessel and background alone, and these weights tell {classes} classes apart"
            refuse("--adapt true", problem, "leave it out")
        self.inferer = inferer

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take a batch of one voxel size, `(B, C, X, Y, Z)`, to logits `(B, K, X, Y, Z)`."""
        logits = self.inferer(inputs, network, *args, **kwargs)  # (B, K, X, Y, Z)
        if not self.enabled:
            return logits
        bare, images = (each.as_tensor() if isinstance(each, MetaTensor) else each for each in (logits, inputs))
        affine = inputs.affine if isinstance(inputs, MetaTensor) else np.eye(4)
        affine = np.asarray(affine, dtype=float).reshape(-1, 4, 4)[0]
        for image, found in zip(images, bare, strict=True):
            adapt(image[0], found, affine, str(name_of(inputs)))
            return_freed_memory()
        return logits


def adapt(image: torch.Tensor, logits: torch.Tensor, affine: np.ndarray, name: str = "volume") -> bool:
    """Average one volume's log-odds with those of students that learn them from it.

    Where the network found too little vessel to learn from, or what it found cannot be told from the rest by how a
    voxel's surroundings look, the logits stay as they are, and the log says so.

    Args:
        image: `(X, Y, Z)`, as the network saw it.
        logits: `(2, X, Y, Z)`, background first; changed in place.
        affine: 4x4; only the proportions of its voxel sizes matter.
        name: of the volume, for the log.

    Returns:
        Whether the logits changed.
    """
    spacing = voxel_size(affine)
    steps = spacing / spacing.min()
    voxels = image.float().cpu().numpy()  # (X, Y, Z)
    teacher = _teacher(logits, affine)  # (X, Y, Z)
    students = _taught(voxels, steps, teacher, name)
    del teacher
    if not students:
        return False
    for core, features in described_blocks(voxels, steps):
        part = logits[(slice(None), *core)]  # (2, x, y, z), a view
        total = foreground_log_odds(part)  # (x, y, z)
        for student in students:
            found = _log_odds(student, features.reshape(FEATURES, -1)).reshape(features.shape[1:])  # (x, y, z)
            total += torch.from_numpy(found).to(total)
        half = total / (2 * (1 + len(students)))
        part[0], part[1] = -half, half
    return True


def _teacher(logits: torch.Tensor, affine: np.ndarray) -> npt.NDArray[np.float32]:
    """Return the smoothed probability of vessel, `(X, Y, Z)`."""
    probability = torch.empty((1, *logits.shape[1:]))  # (1, X, Y, Z)
    planes = planes_per_slab(logits)
    for slab, place in zip(logits.split(planes, dim=1), probability[0].split(planes), strict=True):
        place.copy_(foreground_log_odds(slab).sigmoid())
    return smooth_in_place(probability, sigma_of_axes(SMOOTH, affine))[0].numpy()


def _drawn(teacher: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Draw the voxels to learn from, the same ones each time.

    Vessel may be one voxel in two hundred, and what passes for it one in fifty. So as many are drawn between each two
    of `STRATA`, and each weighs as many as it stands for.

    Returns:
        `(N,)` indices into the flat volume, ascending, and `(N,)` weights.
    """
    flat = teacher.reshape(-1)
    parts = [slice(first, first + PART) for first in range(0, flat.size, PART)]
    numbers = sum(np.bincount(np.digitize(flat[part], STRATA), minlength=len(STRATA) + 1) for part in parts)
    chance = np.minimum(1, SAMPLE / (len(STRATA) + 1) / np.maximum(numbers, 1))  # (strata,)
    random = np.random.default_rng(0)
    places, weights = [], []
    for part in parts:
        of_each = chance[np.digitize(flat[part], STRATA)]  # (PART,)
        hit = np.flatnonzero(random.random(len(of_each)) < of_each)
        places.append(hit + part.start)
        weights.append(1 / of_each[hit])
    return np.concatenate(places), np.concatenate(weights)


def _taught(
    voxels: npt.NDArray[np.float32], steps: np.ndarray, teacher: npt.NDArray[np.float32], name: str
) -> list[Student]:
    """Return the students that learnt what the teacher says; none if none could."""
    places, weights = _drawn(teacher)
    says = teacher.reshape(-1)[places]  # (N,)
    if min(np.count_nonzero(says > 0.5), np.count_nonzero(says < 0.5)) < LEAST_OF_EITHER:
        logger.info("%s: not adapted to, because the network found too little in it to learn from", name)
        return []
    features = described_at(voxels, steps, places)
    held_out = np.arange(len(places)) % HELD_OUT == 0
    learnt, seen = (tuple(each[part] for each in (features, says, weights)) for part in (~held_out, held_out))
    classifier, brightness = _classifier(*learnt), Brightness(*learnt)
    agreement, alone = (_agreement(student, *seen) for student in (classifier, brightness))
    told = f"agreement {agreement:.2f}, by intensity alone {alone:.2f}"
    if agreement < LEAST_AGREEMENT:
        why = "what the network found does not show in its intensities"
        logger.info("%s: not adapted to, because %s (%s)", name, why, told)
        return []
    logger.info("%s: adapted to, by %d voxels of it (%s)", name, len(learnt[0]), told)
    return [classifier, brightness] if alone >= LEAST_ALONE * agreement else [classifier]


def _classifier(
    features: Features, says: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
) -> HistGradientBoostingClassifier:
    """Return a classifier of all features, `(N, FEATURES)`; each voxel teaches it both classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(
        max_iter=TREES, max_leaf_nodes=LEAVES, min_samples_leaf=LEAST_IN_LEAF, early_stopping=False, random_state=0
    )
    weight = np.concatenate((weights * says, weights * (1 - says)))
    classifier.fit(
        np.concatenate((features, features)),  # each voxel once as vessel, once as background
        np.repeat((1, 0), len(features)),
        sample_weight=weight / weight.mean(),
    )
    return classifier


def _agreement(
    student: Student,
    features: Features,
    says: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64],
) -> float:
    """Return the share of the teacher's variance that is explained, on voxels not learnt from."""
    found = 1 / (1 + np.exp(-_log_odds(student, features.T)))
    mean = np.average(says, weights=weights)
    return float(1 - np.average((says - found) ** 2, weights=weights) / np.average((says - mean) ** 2, weights=weights))


def _log_odds(student: Student, features: Features) -> npt.NDArray[np.float32]:
    """Return the log-odds of vessel, `(N,)`, of features `(FEATURES, N)`, a part at a time.

    Scikit-learn makes numbers of 64 bits of them.
    """
    found = np.empty(features.shape[1], dtype=np.float32)
    for first in range(0, len(found), ROWS):
        found[first : first + ROWS] = student.decision_function(features[:, first : first + ROWS].T)
    return found


def described_at(
    voxels: npt.NDArray[np.float32], steps: np.ndarray, places: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Return the features `(N, FEATURES)` of some voxels of a volume.

    Blocks that hold none of them are left out.

    Args:
        voxels: `(X, Y, Z)`, as the network sees them.
        steps: `(3,)`, sides of a voxel in units of the finest.
        places: `(N,)`, flat indices of voxels.
    """
    features = np.empty((len(places), FEATURES), dtype=np.float32)
    where = np.stack(np.unravel_index(places, voxels.shape), axis=1)  # (N, 3)
    block_of = where // SIDE
    for core, described in described_blocks(voxels, steps, {*map(tuple, np.unique(block_of, axis=0).tolist())}):
        first = np.array([each.start for each in core])
        inside = np.flatnonzero((block_of == first // SIDE).all(axis=1))
        features[inside] = described[(slice(None), *(where[inside] - first).T)].T
    return features


def described_blocks(
    voxels: npt.NDArray[np.float32], steps: np.ndarray, blocks: Container[tuple[int, ...]] | None = None
) -> Iterator[tuple[tuple[slice, ...], npt.NDArray[np.float32]]]:
    """Yield a volume block by block: where each lies, and its features, `(FEATURES, x, y, z)`.

    Args:
        voxels: `(X, Y, Z)`, as the network sees them.
        steps: `(3,)`, sides of a voxel in units of the finest.
        blocks: numbers along X, Y and Z of the blocks that are wanted; by default all are.
    """
    for start in product(*(range(0, size, SIDE) for size in voxels.shape)):
        if blocks is not None and tuple(first // SIDE for first in start) not in blocks:
            continue
        core = tuple(slice(first, min(first + SIDE, size)) for first, size in zip(start, voxels.shape, strict=True))
        around = tuple(slice(max(0, each.start - REACH_OF_FEATURES), each.stop + REACH_OF_FEATURES) for each in core)
        inner = tuple(
            slice(each.start - wide.start, each.stop - wide.start) for each, wide in zip(core, around, strict=True)
        )
        yield core, voxel_features(voxels[around], steps, inner)
