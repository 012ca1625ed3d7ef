"""Every process has its own open file, and only what is asked for is read."""

import os
import pickle

import numpy as np
import torch

from scripts.io import open_volume, write_volume
from scripts.transforms.scaling import Scaling
from scripts.transforms.stored import Fitted, StoredImage
from scripts.transforms.stored.volumes import Reopened, StoredClasses
from tests.helpers.volume_examples import HeldVolume

SHAPE = (9, 8, 7)
WHOLE = tuple((0, side) for side in SHAPE)
VOXELS = np.arange(9 * 8 * 7, dtype=np.float32).reshape(SHAPE)


def test_a_process_opens_for_itself(tmp_path, monkeypatch):
    first = Reopened(open_volume(write_volume(tmp_path / "v.tif", VOXELS)))
    assert first.volume is first.volume
    own = first.volume
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a worker, after a fork
    assert first.volume is not own
    assert first.volume is first.volume
    assert np.array_equal(first.read(WHOLE), VOXELS)
    assert np.array_equal(pickle.loads(pickle.dumps(first)).read(WHOLE), VOXELS)


def test_only_what_is_asked_for_is_read():
    held = HeldVolume(VOXELS)
    image = StoredImage(Reopened(held), Fitted((0, 1, 2), WHOLE, ((-2, 9), (0, 8), (0, 7))), Scaling(0.0, 503.0))
    assert image.shape == (1, 11, 8, 7)
    part = image[(slice(None), slice(1, 4), slice(2, 3), slice(6, 7))]
    assert held.boxes == [((0, 2), (2, 3), (6, 7))]
    expected = torch.from_numpy(VOXELS[:2, 2:3, 6:7] / np.float32(503))
    assert torch.equal(part, torch.cat([expected[:1], expected])[None])  # the edge is repeated


def test_what_lies_outside_of_the_region_is_not_labelled():
    held = HeldVolume((VOXELS % 3).astype(np.uint8))
    label = StoredClasses(Reopened(held), ((1, 9), (0, 8), (2, 5)), [0, 1, 2], None)
    found = label.read(((0, 4), (3, 8), (0, 4)))
    expected = (VOXELS % 3)[:4, 3:8, :4].astype(np.int8)
    expected[0], expected[:, :, :2] = -1, -1
    assert np.array_equal(found, expected)
    assert (label.read(((0, 1), (0, 2), (0, 2))) == -1).all()
