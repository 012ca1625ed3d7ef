"""Which blocks teach most together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .describe import Described

LIMIT = 3.0  # standard deviations, beyond which a feature is no further away: one odd block is not all there is


def rank(
    candidates: Sequence[Described], labelled: Sequence[Described], count: int, of_one_volume: bool = True
) -> list[tuple[int, float]]:
    """Choose blocks one by one, each of which stands for most that nobody stands for yet.

    A block stands for others as far as its features are like theirs and it lies near them, and what each needs is as
    much as the network is unsure of it. So uncertainty alone does not decide, which would choose five blocks alike, or
    an artefact that is like nothing else. This is the facility location function, of which choosing one by one finds at
    least 63 % of the best (Nemhauser, Wolsey and Fisher 1978); Wei, Iyer and Bilmes 2015 choose training data by it.

    Args:
        candidates: blocks that may be chosen.
        labelled: blocks that are labelled, and stand for those that are like them.
        count: how many to choose; where there are fewer candidates, all.
        of_one_volume: whether how near blocks lie to each other says anything.

    Returns:
        Index and gain of each, the one that teaches most first; a gain is the share of all that is uncertain.
    """
    if not candidates:
        return []
    blocks = [*candidates, *labelled]
    squares = _squares(_scaled(np.stack([each.features for each in blocks])))  # (blocks, blocks)
    if of_one_volume:
        squares = (squares + _squares(np.stack([each.place for each in blocks]))) / 2
    alike = np.exp(-squares)[: len(candidates)]  # (candidates, candidates and labelled)
    needs = np.array([each.uncertainty for each in candidates])
    needs = needs / needs.sum() if needs.sum() > 0 else np.full(len(needs), 1 / len(needs))
    stood_for = alike[:, len(candidates) :].max(axis=1, initial=0)  # (candidates,)
    chosen: list[tuple[int, float]] = []
    for _ in range(min(count, len(candidates))):
        gains = needs @ np.maximum(alike[:, : len(candidates)] - stood_for[:, None], 0)  # (candidates,)
        gains[[index for index, _ in chosen]] = -1
        best = int(gains.argmax())
        chosen.append((best, float(gains[best])))
        stood_for = np.maximum(stood_for, alike[:, best])
    return chosen


def _scaled(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return features `(blocks, F)` in standard deviations from their mean."""
    deviation = features.std(axis=0)
    scaled = (features - features.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return scaled.clip(-LIMIT, LIMIT)


def _squares(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the squared distances between points `(N, D)`, of which the median is 1: `(N, N)`."""
    squares = ((points[:, None] - points[None]) ** 2).mean(axis=2)  # (N, N)
    others = squares[~np.eye(len(points), dtype=bool)]
    width = np.median(others) if others.size else 1.0
    return squares / (width if width > 0 else 1.0)
