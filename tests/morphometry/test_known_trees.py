"""Trees of the generator, whose every branch is known: lengths and radii as they are distributed."""

import numpy as np
import pytest

from scripts.morphometry import measure
from scripts.synthesis import stamp_balls
from scripts.synthesis.organ_trees import feeding_tree

SIDE, TERMINALS, APART = 200, 24, 35


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lengths_and_radii_are_distributed_as_they_are(seed):
    rng = np.random.default_rng(seed)
    terminals = []
    while len(terminals) < TERMINALS:
        place = rng.uniform(20, SIDE - 20, 3)
        if all(np.linalg.norm(place - other) > APART for other in terminals):
            terminals.append(place)
    ends, _, flows = feeding_tree(np.array([SIDE / 2, SIDE / 2, 12]), np.array(terminals))
    lengths, radii = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1), 2 * flows ** (1 / 3)
    lines = [np.linspace(*pair, int(length / 0.4) + 2) for pair, length in zip(ends, lengths, strict=True)]
    balls = np.repeat(radii, [len(line) for line in lines])
    depth, _ = stamp_balls(np.concatenate(lines), balls, np.ones(len(balls)), (SIDE,) * 3, 1.0)

    summary = measure(depth >= 0, (1, 1, 1)).summary()
    assert summary["components"] == 1
    assert summary["branches"] == pytest.approx(len(lengths), rel=0.15)  # some are shorter than vessels are wide
    assert summary["length"] == pytest.approx(lengths.sum(), rel=0.01)
    assert summary["radius_mean"] == pytest.approx(np.average(radii, weights=lengths), abs=0.1)
    true = np.percentile(np.repeat(radii, np.rint(10 * lengths).astype(int)), [5, 50, 95])
    assert [summary["radius_percentiles"][each] for each in ("5", "50", "95")] == pytest.approx(true, abs=0.5)
    assert summary["branch_length_percentiles"]["50"] == pytest.approx(np.median(lengths), rel=0.15)
