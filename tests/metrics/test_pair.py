"""What a pair says of its volume."""

import torch
from monai.data import MetaTensor

from scripts.metrics import Pair


def test_boxes_classes_and_the_threshold():
    """Log-odds of 1 and 3 are probabilities of 0.73 and 0.95."""
    log_odds = torch.tensor([1.0, 3.0, -1.0]).reshape(1, 3, 1, 1)
    label = torch.tensor([0, 1, -1]).reshape(1, 3, 1, 1)
    logits = MetaTensor(torch.cat((0 * log_odds, log_odds)), affine=torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0])))
    pair = Pair.of(logits, label, 0.9, None)
    found, real = pair.read(((0, 2), (0, 1), (0, 1)))
    assert (found.ravel().tolist(), real.ravel().tolist()) == ([0, 1], [0, 1])
    assert (pair.shape, pair.voxel_size, pair.classes) == ((3, 1, 1), (2, 3, 4), 2)
    assert Pair.of(logits.as_tensor(), label, 0.9, None).voxel_size == (1, 1, 1)
    assert pair.sides(2) == (2, 1, 1)
