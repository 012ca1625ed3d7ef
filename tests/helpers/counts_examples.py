"""Log-odds with labels, and their counts."""

import numpy as np
import torch

from scripts.metrics import BestThreshold, VolumeCounts

HALF = [2, 1, -1, -2], [1, 0, 1, 0]  # log-odds and labels: half right


def scored(kind, n=200_000, seed=0):
    """Log-odds that know something of their labels, of one kind or another."""
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.1
    log_odds = random.normal(1.5 * label - 2, 1.5)
    if kind == "saturated":  # 95 % of the probabilities within 1e-6 of 0 or 1, and what ranks them beyond that
        sure = random.random(n) < 0.95
        log_odds[sure] = np.sign(log_odds[sure] + 0.5) * (14 + 3 * np.abs(log_odds[sure]))
    elif kind == "ties":
        log_odds = np.round(log_odds)
    elif kind == "near even":
        log_odds *= 1e-6
    elif kind == "all alike":  # a network that has hardly begun to learn
        log_odds = 1 + 1e-3 * log_odds
    return torch.tensor(log_odds, dtype=torch.float32), torch.tensor(label)


def counts(log_odds, label, threshold=0.5):
    """Of one row of voxels and two classes."""
    log_odds = torch.as_tensor(log_odds, dtype=torch.float32)
    logits = torch.stack((torch.zeros_like(log_odds), log_odds)).reshape(2, -1, 1, 1)
    return VolumeCounts.of(logits, torch.as_tensor(label).to(torch.int8).reshape(1, -1, 1, 1), threshold)


def noisy(seed=0, n=100_000, skill=2.0):
    """Log-odds that know more of their labels, the more skill they have."""
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.1
    return random.normal(skill * label - 2, 1.5).astype(np.float32), label


def overlap(*args, **kwargs):
    one = counts(*args, **kwargs)
    return {name: one.scores(name)[0] for name in ("dice", "precision", "recall")}


def own_threshold(log_odds, label):
    """Best for one volume."""
    metric = BestThreshold()
    metric([counts(log_odds, label)], [label])
    return metric.aggregate().item()
