"""Surface distances by hand, MONAI's own, and the same whatever the blocks."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.metrics import compute_hausdorff_distance, compute_surface_dice

from scripts.core import slices
from scripts.metrics import Pair, SurfaceCounts, surface
from scripts.metrics.surface import Distances, tolerance_of

NAN = float("nan")


def cube(start, stop, shape=(20, 12, 12)):
    mask = np.zeros(shape, dtype=np.int8)
    mask[start:stop, 3:9, 3:9] = 1
    return mask


def pair(predicted, label, size=(1.0, 1.0, 1.0), classes=2):
    return Pair(lambda box: (predicted[slices(box)], label[slices(box)]), label.shape, size, classes)


def scores(*args, **kwargs):
    counts = SurfaceCounts.of_pair(pair(*args, **kwargs))
    return [counts.scores(score) for score in SurfaceCounts.SCORES]


def of_monai(predicted, label, size):
    """Both scores as MONAI has them."""
    masks = [torch.from_numpy((mask > 0).astype(np.uint8))[None, None] for mask in (predicted, label)]
    distance = compute_hausdorff_distance(*masks, include_background=True, percentile=95, spacing=size)
    dice = compute_surface_dice(*masks, [tolerance_of(size)], include_background=True, spacing=size)
    return pytest.approx([float(distance), float(dice)], rel=1e-6)


@pytest.mark.parametrize(("size", "distance"), [((5.0, 1.0, 1.0), 10), ((1.0, 5.0, 5.0), 2), ((0.5, 0.5, 0.5), 1)])
def test_two_cubes_two_voxels_apart(size, distance):
    """Along X: of 152 surface voxels the 36 of the end plane, over 5 %, have the other one two voxels away."""
    (hausdorff,), (dice,) = scores(cube(4, 10), cube(6, 12), size)
    assert hausdorff == pytest.approx(distance)
    assert [hausdorff, dice] == of_monai(cube(4, 10), cube(6, 12), size)


def test_surface_dice_by_hand():
    """Two lines of 10 voxels, all surface, one voxel longer at one end, then three: 1, and less the 2 beyond one."""
    line = np.zeros((20, 3, 3), dtype=np.int8)
    line[:10, 1, 1] = 1
    for more, dice in ((1, 1), (3, (10 + 10 + 1) / 23)):
        longer = line.copy()
        longer[10 : 10 + more, 1, 1] = 1
        assert scores(longer, line)[1] == [pytest.approx(dice)]
        assert scores(longer, line, (0.994e-3, 0.994e-3, 5e-3))[1] == [pytest.approx(dice)]  # rounding decides nothing


def test_the_tolerance_is_a_voxel_in_plane():
    assert tolerance_of((0.9, 1.0, 5.0)) == 1
    assert tolerance_of((5.0, 1.0, 1.0)) == 1
    assert tolerance_of((2.0, 2.0, 2.0)) == 2


def test_percentiles_are_those_of_numpy():
    random = np.random.default_rng(0)
    for number in (1, 2, 19, 20, 21, 400):
        values = np.round(random.random(number) * 9).astype(np.float32)
        half = Distances.of(values[: number // 2]) + Distances.of(values[number // 2 :])
        assert half.percentile(95) == pytest.approx(np.percentile(values, 95))
        assert half.within(4) == (values <= 4).sum()
    assert np.isnan(Distances.of(np.zeros(0)).percentile(95))


@pytest.mark.parametrize(
    ("predicted", "label", "expected"),
    [(0, 0, [[NAN], [NAN]]), (1, 0, [[NAN], [0]]), (0, 1, [[NAN], [0]]), (1, 1, [[0], [1]])],
)
def test_nothing_predicted_or_nothing_there(predicted, label, expected):
    found = scores(cube(4, 10) * np.int8(predicted), cube(4, 10) * np.int8(label))
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores(cube(4, 10), np.full_like(cube(4, 10), -1)), [[NAN], [NAN]])


def test_only_labelled_voxels_count_and_a_vessel_goes_on():
    """What is wrong where nothing is labelled does not count, nor is the border of the labelled part a surface."""
    label = cube(0, 20)
    predicted = label.copy()
    predicted[12:, 5, 5], predicted[12:, :2] = 0, 1
    label[10:] = -1
    assert scores(predicted, label) == [[0], [1]]
    predicted[:3] = 0  # three planes short: of the label the end is 3 away, as far as to the plane that is left
    assert scores(predicted, label)[0] == [3]
    # found where only the label says that there is none: of the labelled part alone
    beside = cube(15, 20)
    beside[2:4, 0, 0] = 1
    nothing = np.zeros_like(beside)
    nothing[10:] = -1
    np.testing.assert_array_equal(scores(beside, nothing), [[NAN], [0]])


def test_classes_one_by_one():
    label = cube(2, 8) + 2 * cube(10, 16)
    predicted = cube(2, 8) + 2 * cube(12, 18)
    hausdorff, dice = scores(predicted, label, classes=4)
    np.testing.assert_array_equal(hausdorff, [0, 2, NAN])
    np.testing.assert_array_equal(np.isfinite(dice), [True, True, False])
    assert dice[0] == 1


@pytest.mark.parametrize(("at_once", "reach"), [(10**9, 16), (200, 1), (60, 2), (64, 0.4)])
def test_random_masks_in_blocks_are_as_in_monai(at_once, reach, monkeypatch):
    """However small the blocks, and however far the other surface."""
    monkeypatch.setattr(surface, "AT_ONCE", at_once)
    monkeypatch.setattr(surface, "REACH", reach)
    random = np.random.default_rng(0)
    for density in (0.003, 0.05, 0.5) * 4:
        shape, size = random.integers(5, 20, 3), tuple(random.choice([0.994, 1.0, 5.0, 2.3], 3).tolist())
        predicted, label = (random.random((2, *shape)) < [[[[density]]], [[[0.05]]]]).astype(np.int8)
        predicted[0, 0, 0] = label[-1, -1, -1] = 1
        (hausdorff,), (dice,) = scores(predicted, label, size)
        assert [hausdorff, dice] == of_monai(predicted, label, size)


def test_voxels_are_as_large_as_the_affine_says():
    logits = torch.stack((torch.zeros(20, 12, 12), torch.from_numpy(cube(4, 10)).float() - 0.5))
    label, affine = torch.from_numpy(cube(6, 12))[None], torch.diag(torch.tensor([5.0, 1.0, 1.0, 1.0]))
    for image, expected in ((logits, 2), (MetaTensor(logits, affine=affine), 10)):
        assert SurfaceCounts.of(image, label).scores("hausdorff_95") == [expected]
    assert SurfaceCounts.of(logits, MetaTensor(label, affine=affine)).scores("hausdorff_95") == [10]
    assert SurfaceCounts.of(logits, label, predicted=label).scores("hausdorff_95") == [0]
