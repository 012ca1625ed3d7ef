"""A volume that is scored by blocks has the scores that it has in memory."""

import json
import logging

import numpy as np
import pytest
import torch

from scripts.core import most_telling, slices
from scripts.inference.blockwise.plan import Plan
from scripts.inference.blockwise.score import centrelines, pair
from scripts.io import write_volume
from scripts.metrics import CentrelineCounts, Pair, SurfaceCounts, TopologyCounts
from tests.helpers.bundle_command import TINY_NETWORK
from tests.inference.blockwise.examples import Held, tubes

SHAPE = (90, 60, 40)


@pytest.fixture
def dataset(tmp_path):
    rng = np.random.default_rng(0)
    for name, seed in (("a", 0), ("b", 1)):
        vessel = tubes(SHAPE, seed) > 0.5
        image = (120 * vessel + 60 * rng.random(SHAPE)).astype(np.uint8)
        label = vessel.astype(np.float32)
        label[:10] = -1
        write_volume(tmp_path / "in" / "images" / f"{name}.tif", image, voxel_size=(1, 1, 1), unit="µm")
        write_volume(tmp_path / "in" / "labels" / f"{name}.tif", label, voxel_size=(1, 1, 1), unit="µm")
    return tmp_path / "in"


def evaluated(workflow, dataset, out, weights, **options):
    run = workflow(
        "train",
        "train",
        "evaluate",
        **TINY_NETWORK,
        dataset_dir=str(dataset),
        output_dir=str(out),
        scale=1,
        ckpt_path=str(weights),
        smooth=0.7,
        min_size="20 voxels",
        region="5:85,:,:",
        amp="false",
        **options,
    )
    run.initialize()
    run.run()
    run.finalize()
    return json.loads((out / "metrics.json").read_text())


def test_scores_are_those_in_memory(workflow, dataset, tmp_path, tiny_weights, monkeypatch, caplog):
    expected = evaluated(workflow, dataset, tmp_path / "memory", tiny_weights)
    caplog.set_level(logging.INFO)
    # a window takes as much as all else of so small a volume
    monkeypatch.setattr("scripts.inference.estimate.free_memory", lambda: 30_000_000)
    plan = Plan((32, 40, 40), (32, 40, 40), 1)
    monkeypatch.setattr("scripts.inference.blockwise.segment.Blockwise.plan", lambda self, info, side=None: plan)
    found = evaluated(workflow, dataset, tmp_path / "blocks", tiny_weights)
    assert sum(message.endswith("it is scored by blocks") for message in caplog.messages) == 2
    assert found["threshold"] == expected["threshold"]
    for name in ("a", "b"):
        for metric, value in expected["cases"][name].items():
            assert found["cases"][name][metric] == pytest.approx(value, abs=1e-4), metric
    assert sorted(path.name for path in (tmp_path / "blocks").iterdir()) == sorted(
        path.name for path in (tmp_path / "memory").iterdir()
    )


def test_what_needs_the_whole_in_memory_is_refused(workflow, dataset, tmp_path, tiny_weights):
    with pytest.raises(Exception) as error:  # noqa: PT011 - MONAI wraps it
        evaluated(workflow, dataset, tmp_path / "out", tiny_weights, adapt="true", blocks="true")
    assert "a.tif in memory, which --blocks true does without; leave it out" in str(most_telling(error.value))


class Segmented:
    """A segmentation on disk, as far as its centrelines are concerned."""

    def __init__(self, voxels):
        self.array, self.classes = Held(voxels), 2
        self.array.chunks = (32, 32, 32)


def test_centrelines_are_those_of_the_whole(monkeypatch):
    monkeypatch.setattr("scripts.inference.blockwise.score.AT_ONCE", 32**3)
    label = (tubes(SHAPE) > 0.5).astype(np.uint8)
    found = np.roll(label, 1, axis=1)
    held = Held(label.astype(np.float32)[None])
    size = np.array([1.0, 1.0, 5.0])
    counts = centrelines(Segmented(found), lambda box: torch.from_numpy(held.read(box)), size)
    both = (torch.from_numpy(each)[None] for each in (found, label))
    expected = CentrelineCounts.of_segmentation(*both, voxel_size=size)
    assert counts.label[0, 1] == pytest.approx(expected.label[0, 1], rel=0.02)
    for score in CentrelineCounts.SCORES:
        assert counts.scores(score) == pytest.approx(expected.scores(score), abs=0.01)


@pytest.mark.parametrize("statistics", [SurfaceCounts, TopologyCounts])
def test_surfaces_and_topology_are_exactly_those_of_the_whole(statistics, monkeypatch):
    """Of a vessel with pinholes, specks and a ring, and a label that is shifted and ends half way."""
    found = ((tubes(SHAPE) > 0.5) ^ (np.random.default_rng(0).random(SHAPE) < 0.003)).astype(np.uint8)
    found[25:45, 2:15, 5], found[26:44, 3:14, 5] = 1, 0  # a ring across blocks
    label = np.roll((tubes(SHAPE) > 0.5).astype(np.int8), 1, axis=1)
    label[20:50, 30:32] = 0
    label[60:] = -1
    held, size = Held(label[None]), np.array([1.0, 1.0, 5.0])
    whole = statistics.of_pair(Pair(lambda box: (found[slices(box)], label[slices(box)]), SHAPE, tuple(size.tolist())))
    for module in ("surface", "topology"):
        monkeypatch.setattr(f"scripts.metrics.{module}.AT_ONCE", 20**3)
    parts = statistics.of_pair(pair(Segmented(found), lambda box: torch.from_numpy(held.read(box)), size))
    for score in statistics.SCORES:
        assert whole.scores(score)[0] > 0
        assert parts.scores(score) == pytest.approx(whole.scores(score), rel=1e-6)
