"""The picture has the maxima of what is done, and tells what is not."""

import numpy as np
from matplotlib.image import imread

from scripts.inference.blockwise import preview
from scripts.inference.blockwise.preview import NOT_DONE, Preview


def test_halves_are_maxima_across_slices(tmp_path):
    made = Preview(tmp_path / "a_preview.png", (6, 4, 3), np.eye(4))
    voxels = np.zeros((3, 4, 3), np.float32)
    voxels[1, 2, 0], voxels[1, 2, 2] = 0.4, 0.8
    box = ((0, 3), (0, 4), (0, 3))
    made.add_image(box, voxels)
    made.add_logits(box, np.where(voxels > 0.5, 50, -50).astype(np.float32)[None])
    picture = imread(tmp_path / "a_preview.png")[..., :3]
    assert picture.shape == (4, 12, 3)  # rows are Y; the image's X, then that of what was found
    np.testing.assert_allclose(picture[2, 1], 0.8, atol=0.01)
    np.testing.assert_allclose(picture[2, 7], 1, atol=0.01)
    assert picture[0, 0].max() == picture[0, 6].max() == 0
    np.testing.assert_allclose(picture[1, 4], NOT_DONE, atol=0.01)
    made.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_large_plane_is_shrunk_by_whole_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(preview, "LARGEST", 4)
    voxels = np.random.default_rng(0).random((11, 7, 3)).astype(np.float32)
    made = Preview(tmp_path / "a.png", voxels.shape, np.eye(4))
    for start, stop in ((0, 4), (4, 11)):  # the second begins inside a pixel
        made.add_image(((start, stop), (0, 7), (0, 3)), voxels[start:stop])
    assert made.step == 3
    expected = [[voxels[x : x + 3, y : y + 3].max() for y in (0, 3, 6)] for x in (0, 3, 6, 9)]
    np.testing.assert_allclose(made.image, expected)


def test_slices_lie_across_the_coarsest_axis(tmp_path):
    made = Preview(tmp_path / "a.png", (6, 4, 3), np.diag([1, 5, 1, 1.0]))
    assert made.image.shape == (6, 3)


def test_it_is_drawn_every_few_seconds(tmp_path):
    now = [0.0]
    made = Preview(tmp_path / "a.png", (4, 4, 4), np.eye(4), clock=lambda: now[0])
    box, logits = ((0, 4), (0, 4), (0, 4)), np.zeros((1, 4, 4, 4), np.float32)
    made.add_logits(box, logits)
    made.path.unlink()
    now[0] = 5.0
    made.add_logits(box, logits)
    assert not made.path.exists()
    now[0] = 11.0
    made.add_logits(box, logits)
    assert made.path.exists()
