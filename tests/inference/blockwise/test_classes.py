"""By blocks, probabilities become the segmentation that the transforms make of them in memory."""

import numpy as np
import pytest
import torch
from monai.transforms import Compose

from scripts.inference.blockwise.classes import Classes
from scripts.inference.blockwise.grid import BlockGrid
from scripts.inference.blockwise.rule import Rule
from scripts.transforms import SmoothProbabilityd, SoftmaxInPlaced, ThresholdVesselsd
from tests.inference.blockwise.examples import Held, whole

SHAPE = (40, 33, 21)
RULES = [
    Rule(0.5),
    Rule(0.6, sigmas=(0.7, 0.7, 0.7)),
    Rule(0.6, hysteresis=0.4, sigmas=(1, 1, 1)),
    Rule(0.5, holes=6),
    Rule(0.5, pieces=20),
    Rule(0.6, hysteresis=0.5, sigmas=(0.7, 0.7, 0.2), holes=4, pieces=12),
]


def logits(classes=2, seed=0):
    noise = np.random.default_rng(seed).normal(size=(classes - 1, *SHAPE)).astype(np.float32)
    return 2 * noise - (classes - 2)


def in_memory(relative, rule):
    """What `inference.json` makes of the same logits: probabilities, and the segmentation."""
    pred = torch.from_numpy(np.concatenate([np.zeros_like(relative[:1]), relative]))
    before = Compose([SoftmaxInPlaced("pred"), SmoothProbabilityd("pred", sigma=rule.sigmas[0])])({"pred": pred})
    decide = ThresholdVesselsd("pred", rule.threshold, rule.hysteresis, f"{rule.holes} voxels", f"{rule.pieces} voxels")
    probability = before["pred"].clone()
    return probability.numpy(), decide(before)["pred"][0].numpy()


def by_blocks(folder, relative, rule, side=16, keep=False):
    blocks = BlockGrid(SHAPE, (side, side, side))
    return Classes(folder, blocks, blocks.side, rule, Held(relative), len(relative) + 1, keep)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_segmentation_is_that_of_the_whole(tmp_path, rule, classes):
    rule = Rule(rule.threshold, rule.hysteresis, (rule.sigmas[0],) * 3, rule.holes, rule.pieces)
    relative = logits(classes)
    probability, expected = in_memory(relative, rule)
    found = by_blocks(tmp_path, relative, rule, keep=True)
    found.stage().run()
    found.clean()
    assert 0 < expected.astype(bool).mean() < 1
    assert np.array_equal(found.array.read(whole(SHAPE)), expected)
    kept = np.stack([array.read(whole(SHAPE)) for array in found.probability])
    np.testing.assert_allclose(kept, probability[1:], atol=1e-6)


def test_a_cleaning_that_was_interrupted_goes_on(tmp_path, monkeypatch):
    rule = RULES[-1]
    rule = Rule(rule.threshold, rule.hysteresis, (0.7,) * 3, rule.holes, rule.pieces)
    relative = logits()
    _, expected = in_memory(relative, rule)
    first = by_blocks(tmp_path, relative, rule)
    first.stage().run()
    written, write = [], type(first.array).write

    def dies(self, box, array):
        written.append(box)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(self, box, array)

    monkeypatch.setattr(type(first.array), "write", dies)
    for _ in range(50):  # killed again and again, three blocks further each time
        written.clear()
        again = by_blocks(tmp_path, relative, rule)
        try:
            again.clean()
            break
        except KeyboardInterrupt:
            continue
    assert np.array_equal(again.array.read(whole(SHAPE)), expected)


def test_what_a_rule_does_not_need_takes_no_room(tmp_path):
    by_blocks(tmp_path, logits(3), Rule(0.5))
    assert [path.name for path in tmp_path.iterdir()] == ["classes.zarr"]
