"""Teach a voxel classifier from labelled voxels: draw them, describe them, fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from scripts.inference import described_at
from scripts.network import VoxelClassifier

SAMPLE = 120_000  # voxels that are learnt from, of all volumes together
PASSES, BATCH = 12, 2048
RATE, DECAY = 6e-3, 1e-2  # learning rate at its peak, decay of weights
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Sample:
    """Labelled voxels, described.

    Attributes:
        features: `(N, FEATURES)`.
        classes: `(N,)`, 0 the background.
        weights: `(N,)`, how many labelled voxels each stands for.
    """

    features: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]


def draw_sample(
    image: npt.NDArray[np.float32],
    label: npt.NDArray[np.integer],
    steps: npt.NDArray[np.floating],
    count: int,
    random: np.random.Generator,
) -> Sample:
    """Draw labelled voxels of one volume and describe them.

    Vessel may be one voxel in two hundred, so up to as many are drawn of each class, and each weighs as many as it
    stands for.

    Args:
        image: `(X, Y, Z)`, as the network sees it.
        label: `(X, Y, Z)`, classes, negative where nothing is labelled.
        steps: `(3,)`, sides of a voxel in units of the finest.
        count: how many to draw.
        random: draws them.
    """
    flat = label.reshape(-1)
    present = [number for number in np.unique(flat) if number >= 0]
    places, weights = [], []
    for number in present:
        there = np.flatnonzero(flat == number)
        drawn = random.choice(there, size=min(len(there), count // len(present)), replace=False)
        places.append(drawn)
        weights.append(np.full(len(drawn), len(there) / max(1, len(drawn)), np.float32))
    order = np.concatenate([*places, np.empty(0, np.int64)]).astype(np.int64)
    features = described_at(image, steps, order)
    return Sample(features, flat[order].astype(np.int64), np.concatenate([*weights, np.empty(0, np.float32)]))


def fit_classifier(samples: Sequence[Sample], classes: int, seed: int = 0) -> VoxelClassifier:
    """Fit a voxel classifier by weighted cross-entropy.

    The same samples and seed give the same one.

    Args:
        samples: of each volume; a volume counts as much as another, however many voxels of it are labelled.
        classes: how many there are.
        seed: of the first weights and of the order.
    """
    features = torch.from_numpy(np.concatenate([each.features for each in samples]))  # (N, F)
    target = torch.from_numpy(np.concatenate([each.classes for each in samples]))  # (N,)
    weights = torch.from_numpy(np.concatenate([each.weights / each.weights.sum() for each in samples]))  # (N,)
    weights *= len(weights) / weights.sum()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = VoxelClassifier(features.shape[1], classes).train()
        classifier.mean.copy_(features.mean(dim=0))
        classifier.deviation.copy_(features.std(dim=0).clamp(min=LEAST_DEVIATION))
        optimizer = torch.optim.AdamW(classifier.parameters(), lr=RATE, weight_decay=DECAY)
        batches = -(-len(target) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=PASSES * batches)
        for _ in range(PASSES):
            for rows in torch.randperm(len(target)).split(BATCH):
                losses = F.cross_entropy(classifier(features[rows]), target[rows], reduction="none")  # (B,)
                optimizer.zero_grad()
                (losses * weights[rows]).mean().backward()
                optimizer.step()
                schedule.step()
    return classifier.eval()
