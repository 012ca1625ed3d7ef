"""A voxel classifier learns a tube from some of its voxels, and nothing from those that are not labelled."""

import numpy as np
import pytest
import torch

from scripts.inference import classified
from scripts.training.classifier import fit as module
from scripts.training.classifier import fit_classifier
from scripts.training.classifier.fit import draw_sample
from scripts.transforms import FEATURES

SHAPE = (24, 32, 32)
STEPS = np.ones(3)


def tube(seed=0, radius=4.0):
    """A tube along X, bright in noise: image and label, (X, Y, Z) each."""
    _, y, z = np.indices(SHAPE)
    label = ((y - 16) ** 2 + (z - 16) ** 2 <= radius**2).astype(np.int8)
    noise = np.random.default_rng(seed).normal(scale=0.1, size=SHAPE)
    return (0.3 + 0.4 * label + noise).astype(np.float32), label


def dice(found, label):
    return 2 * np.count_nonzero(found & (label > 0)) / (np.count_nonzero(found) + np.count_nonzero(label))


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 256)
    monkeypatch.setattr(module, "PASSES", 6)


def test_it_finds_the_tube_in_another_volume():
    image, label = tube()
    half = label.copy()
    half[12:] = -1
    made = fit_classifier([draw_sample(image, half, STEPS, 3000, np.random.default_rng(0))], 2)
    other, truth = tube(seed=1)
    logits = classified(made, torch.from_numpy(other), np.eye(4)).numpy()
    assert dice(logits[1] > logits[0], truth) > 0.9
    assert dice(other > 0.5, truth) < 0.9


def test_as_many_are_drawn_of_each_class_and_weigh_what_they_stand_for():
    image, label = tube(radius=1.5)
    label[:2] = -1
    vessel, background = (np.count_nonzero(label == number) for number in (1, 0))
    sample = draw_sample(image, label, STEPS, 200, np.random.default_rng(0))
    assert sample.features.shape == (200, FEATURES)
    assert [np.count_nonzero(sample.classes == number) for number in (0, 1)] == [100, 100]
    assert sample.weights[sample.classes == 1].sum() == pytest.approx(vessel)
    assert sample.weights[sample.classes == 0].sum() == pytest.approx(background, rel=1e-5)


def test_a_volume_without_labels_gives_nothing():
    image, label = tube()
    sample = draw_sample(image, np.full_like(label, -1), STEPS, 100, np.random.default_rng(0))
    assert sample.features.shape == (0, FEATURES)


def test_the_same_samples_give_the_same_classifier_whatever_was_drawn_before():
    image, label = tube()
    sample = draw_sample(image, label, STEPS, 500, np.random.default_rng(0))
    made = []
    for _ in range(2):
        made.append(fit_classifier([sample], 2).state_dict())
        torch.rand(3)
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def test_three_classes(monkeypatch):
    monkeypatch.setattr(module, "PASSES", 20)
    image, label = tube()
    label[(label > 0) & (np.indices(SHAPE)[0] >= 12)] = 2
    image[label == 2] += 0.4
    made = fit_classifier([draw_sample(image, label, STEPS, 3000, np.random.default_rng(0))], 3)
    found = classified(made, torch.from_numpy(image), np.eye(4)).argmax(dim=0).numpy()
    assert all(dice(found == number, label == number) > 0.8 for number in (1, 2))
