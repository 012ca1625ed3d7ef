"""A volume that teaches itself: what it gains, what it leaves alone, and that blocks make no difference."""

import importlib
import logging
import re

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.core import planes_per_slab
from scripts.inference import AdaptedInferer
from scripts.metrics import VolumeCounts
from scripts.transforms import voxel_features

module = importlib.import_module("scripts.inference.voxelwise.adapt")

SHAPE = (30, 32, 32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A classifier that learns in a moment."""
    for name, value in (("SAMPLE", 6000), ("TREES", 20), ("LEAST_OF_EITHER", 50)):
        monkeypatch.setattr(module, name, value)


def volume(seed=0):
    """A tube of radius 4 along X, bright in noise: image, and where it is; (X, Y, Z) each."""
    _, y, z = np.indices(SHAPE)
    tube = (y - 16) ** 2 + (z - 16) ** 2 <= 16
    noise = np.random.default_rng(seed).normal(scale=0.05, size=SHAPE)
    return torch.from_numpy((0.3 + 0.4 * tube + noise).astype(np.float32)), torch.from_numpy(tube)


def logits_of(log_odds):
    return torch.stack((-log_odds / 2, log_odds / 2))[None]


def mistaken(tube, share=0.2):
    """Log-odds of a network that errs on a fifth of all voxels, wherever they lie."""
    wrong = torch.from_numpy(np.random.default_rng(1).random(SHAPE) < share)
    return logits_of(torch.where(tube ^ wrong, 2.0, -2.0))


def adapted(image, logits, **affine):
    """What the inferer makes of an image and of what the network finds in it, (2, X, Y, Z)."""
    inputs = MetaTensor(image[None, None].clone(), meta={"filename_or_obj": "a.tif"}, **affine)
    return AdaptedInferer(True, lambda *_: logits.clone())(inputs, None)[0]


def precision(logits, tube):
    """The average precision."""
    return VolumeCounts.of(logits, tube[None].to(torch.int8)).scores("average_precision")[0]


def test_errors_that_the_intensities_do_not_share_are_mended():
    image, tube = volume()
    before = mistaken(tube)
    after = adapted(image, before)
    assert precision(before[0], tube) < 0.25
    assert precision(after, tube) > 0.75
    moved = (3 * after - before[0]) / 2  # the mean of both students
    found = moved[1] - moved[0]
    assert (found[tube].median() > 0.5) & (found[~tube].median() < -0.5)
    assert torch.allclose(after.sum(dim=0), torch.zeros(SHAPE), atol=1e-6)


def test_switched_off_the_logits_pass():
    logits = torch.rand(1, 3, 4, 4, 4)
    assert AdaptedInferer("false", lambda *_: logits)(torch.rand(1, 1, 4, 4, 4), None) is logits
    with pytest.raises(ValueError, match="--adapt perhaps: is not true or false"):
        AdaptedInferer("perhaps", None)


def test_several_classes_are_refused():
    """And before the network has run for minutes."""
    with pytest.raises(ValueError, match=r"--adapt true: is for vessel and background alone, .* 3 classes apart"):
        AdaptedInferer(True, None, classes=3)
    assert not AdaptedInferer(False, None, classes=3).enabled


@pytest.mark.parametrize(
    ("log_odds", "why"),
    [
        (lambda tube: torch.full(SHAPE, -5.0), "found too little"),
        (lambda tube: torch.full(SHAPE, 5.0), "found too little"),
        (lambda tube: 6.0 * torch.randn(SHAPE, generator=torch.Generator().manual_seed(0)), "does not show"),
    ],
    ids=["nothing", "everything", "noise"],
)
def test_a_network_that_is_wrong_altogether_is_left_alone(log_odds, why, caplog, monkeypatch):
    """It found nothing or everything, or what has nothing to do with what the image shows."""
    monkeypatch.setattr(module, "SMOOTH", 0.0)
    image, tube = volume()
    before = logits_of(log_odds(tube))
    with caplog.at_level(logging.INFO):
        assert torch.equal(adapted(image, before), before[0])
    (line,) = [record.getMessage() for record in caplog.records if "adapted" in record.getMessage()]
    assert line.startswith("a.tif: not adapted to, because")
    assert why in line


def test_intensity_is_not_listened_to_where_it_explains_little(caplog, monkeypatch):
    """Half of the volume is as bright as the tube, so that it takes a classifier to tell it by its edges."""
    monkeypatch.setattr(module, "SMOOTH", 0.0)
    image, tube = volume()
    image = image + torch.linspace(0, 8, SHAPE[0])[:, None, None]
    before = logits_of(torch.where(tube, 4.0, -4.0))
    with caplog.at_level(logging.INFO):
        after = adapted(image, before)
    (line,) = [record.getMessage() for record in caplog.records if "adapted to" in record.getMessage()]
    surroundings, alone = map(float, re.search(r"agreement (\S+), by intensity alone (\S+)\)", line).groups())
    assert surroundings > module.LEAST_AGREEMENT
    assert alone < module.LEAST_ALONE * surroundings

    class Wrong:
        """Sure that everything is vessel."""

        def __init__(self, *_):
            pass

        def decision_function(self, features):
            return np.full(len(features), 20.0)

    monkeypatch.setattr(module, "Brightness", Wrong)
    assert torch.equal(adapted(image, before), after)


def test_blocks_make_no_difference(monkeypatch):
    image, tube = volume()
    before = mistaken(tube)
    whole = adapted(image, before)
    monkeypatch.setattr(module, "SIDE", 17)
    assert torch.allclose(adapted(image, before), whole, atol=1e-3)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 5.0, 1.0)], ids=str)
def test_features_of_a_block_are_those_of_the_whole(monkeypatch, spacing):
    monkeypatch.setattr(module, "SIDE", 20)
    voxels, steps = np.array(volume()[0]), np.array(spacing)
    whole, seen = voxel_features(voxels, steps), np.zeros(SHAPE, dtype=int)
    for core, features in module.described_blocks(voxels, steps):
        assert np.allclose(features, whole[(slice(None), *core)], atol=1e-5)
        seen[core] += 1
    assert (seen == 1).all()


def test_rare_voxels_are_drawn_as_often_and_weigh_what_they_stand_for(monkeypatch):
    """A sample of 600: all of 50 vessels, 100 of each that is more, and together they stand for all."""
    monkeypatch.setattr(module, "SAMPLE", 600)
    monkeypatch.setattr(module, "PART", 1000)
    teacher = np.full((20, 20, 20), 1e-4, dtype=np.float32)
    teacher.ravel()[::8] = 0.3
    teacher.ravel()[:50] = 0.95
    places, weights = module._drawn(teacher)
    says = teacher.ravel()[places]
    assert (np.diff(places) > 0).all()
    assert (np.count_nonzero(says > 0.9), (weights[says > 0.9] == 1).all()) == (50, True)
    assert 70 < np.count_nonzero(says == np.float32(0.3)) < 130
    assert weights.sum() == pytest.approx(8000, rel=0.15)
    assert np.array_equal(module._drawn(teacher)[0], places)


def test_the_teacher_is_the_smoothed_probability_whatever_the_slabs():
    logits = torch.randn(2, 90, 160, 160, generator=torch.Generator().manual_seed(0))
    assert planes_per_slab(logits) < 90
    teacher = module._teacher(logits, np.eye(4))
    alone = module._teacher(logits[:, 30:50], np.eye(4))
    assert np.allclose(teacher[35:45], alone[5:15], atol=1e-6)
    assert 0 < teacher.min() < teacher.max() < 1


def test_a_stack_of_one_slice():
    image, tube = volume()
    before, tube = mistaken(tube)[..., 16:17], tube[..., 16:17]
    assert precision(adapted(image[..., 16:17], before), tube) > precision(before[0], tube) + 0.2


def test_each_volume_of_a_batch_teaches_itself():
    image, tube = volume()
    inputs = torch.stack((image, volume(1)[0]))[:, None]
    both = AdaptedInferer(True, lambda *_: torch.cat((mistaken(tube), mistaken(tube))))(inputs, None)
    assert torch.equal(both[0], adapted(image, mistaken(tube)))
    assert not torch.equal(both[0], both[1])
