"""Test-time augmentation: each view turned back, in plane alone, and how far they differ."""

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scripts.inference import AugmentedInferer, EdgePaddedInferer, GridInferer, MultiscaleInferer
from scripts.inference.augmented import VIEWS, views
from tests.helpers.inferer_examples import positions


def plain(inputs, network, *args, **kwargs):
    return network(inputs)


def both(x):
    return torch.cat((-x[:, :1], x[:, :1]), dim=1)


def meta(x, spacing=(1.0, 2.0, 9.0)):
    affine = torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64))
    return MetaTensor(x, affine=affine, meta={"filename_or_obj": "a.tif"})


@pytest.mark.parametrize("shape", [(4, 6, 3), (5, 5, 2), (1, 3, 1)], ids=str)
def test_every_view_is_turned_back(shape):
    image = positions(*shape)
    assert all(torch.equal(back(view), image) for view, back in views(image))
    seen = {tuple(view.flatten().tolist()) + tuple(view.shape) for view, _ in views(image)}
    assert len(list(views(image))) == VIEWS
    assert len(seen) == (VIEWS if min(shape[:2]) > 1 else 4)


@pytest.mark.parametrize(("spacing", "across"), [((1, 1, 5), 2), ((5, 1, 1), 0), ((1, 7, 1), 1), ((1, 1, 1), 2)])
def test_views_are_turned_in_plane(spacing, across):
    image = positions(4, 6, 3)
    for view, _ in views(meta(image, spacing)):
        assert view.shape[2 + across] == image.shape[2 + across]
        assert torch.equal(view[:, across].unique(), image[:, across].unique())
        first = view[:, across].movedim(across + 1, 0).flatten(1)
        assert torch.equal(first, torch.arange(len(first)).float()[:, None].expand_as(first))  # never flipped


def test_a_quarter_turn_takes_the_voxel_sizes_along():
    image = meta(torch.rand(1, 1, 4, 6, 3))
    sizes = {
        (*view.shape[2:4], *np.linalg.norm(np.asarray(view.affine)[..., :3, :3], axis=-2).ravel().tolist())
        for view, _ in views(image)
    }
    assert sizes == {(4, 6, 1.0, 2.0, 9.0), (6, 4, 2.0, 1.0, 9.0)}


def test_views_warn_of_nothing(recwarn):
    """MONAI warns of an image that is given an affine twice, and a user would read it in the log."""
    assert len(list(views(meta(torch.rand(1, 1, 4, 6, 3))))) == VIEWS
    assert not recwarn.list


def test_logits_are_averaged_over_the_views():
    """A network that marks what lies to the left finds, in all views together, the same everywhere in plane."""

    def left(x):
        ramp = torch.linspace(-3, 3, x.shape[2])[:, None, None].expand(x.shape[2:])[None, None]
        return torch.cat((-ramp, ramp), dim=1)

    image = meta(torch.rand(1, 1, 6, 6, 4), (1, 1, 4))
    found = AugmentedInferer(True, plain)(image, left)
    assert torch.allclose(found.as_tensor(), torch.zeros(()), atol=1e-6)
    assert found.meta["filename_or_obj"] == "a.tif"
    assert torch.equal(found.affine, image.affine)


@pytest.mark.parametrize("enabled", [True, "true"])
def test_a_network_without_a_direction_finds_the_same(enabled):
    image = torch.rand(1, 1, 5, 7, 3)
    inferer = AugmentedInferer(enabled, plain, spread=True)
    assert torch.allclose(inferer(image, both), both(image), atol=1e-6)
    assert inferer.take_spread().max() < 1e-6
    assert inferer.take_spread() is None


@pytest.mark.parametrize("enabled", [False, "false"])
def test_without_it_the_inferer_inside_sees_the_volume_once(enabled):
    image, calls = torch.rand(1, 1, 5, 7, 3), []

    def once(inputs, network):
        calls.append(inputs)
        return network(inputs)

    assert torch.equal(AugmentedInferer(enabled, once, spread=True)(image, both), both(image))
    assert len(calls) == 1
    assert calls[0] is image


def test_with_windows_and_scales_inside():
    windows = GridInferer((32, 32, 32), mode="gaussian", overlap=0.5)
    inferer = AugmentedInferer(True, MultiscaleInferer(1, EdgePaddedInferer(32, windows)))
    image = meta(torch.rand(1, 1, 40, 33, 15), (1, 1, 4))
    assert torch.allclose(inferer(image, both).as_tensor(), both(image.as_tensor()), atol=1e-5)


@pytest.mark.parametrize(("enabled", "passes"), [(True, 8), ("true", 8), (False, 1)])
def test_how_often_the_network_sees_the_volume(enabled, passes):
    assert AugmentedInferer(enabled, GridInferer((32, 32, 32))).passes == passes


def test_another_value_is_refused():
    with pytest.raises(ValueError, match="--tta perhaps: is not true or false"):
        AugmentedInferer("perhaps", plain)
