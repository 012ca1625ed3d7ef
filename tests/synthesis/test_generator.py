"""Whole synthetic volumes: the same bytes from the same seed, their ranges, and what is refused."""

import doctest
import hashlib

import numpy as np
import pytest

from scripts import synthesis
from scripts.synthesis import DRAWN_STYLES, PARTS, synthesise

SHAPE = (48, 40, 32)


def digest(*arrays):
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


def test_the_example_of_the_package():
    assert doctest.testmod(synthesis).failed == 0


def test_same_seed_same_bytes_whatever_the_global_state():
    np.random.seed(1)
    first = digest(*synthesise(7, SHAPE, "mixed"))
    np.random.seed(2)
    state = np.random.get_state()[1].copy()
    assert digest(*synthesise(7, SHAPE, "mixed")) == first
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_seed_shape_and_style_each_matter():
    base = digest(*synthesise(0, SHAPE, "tree"))
    assert digest(*synthesise(1, SHAPE, "tree")) != base
    assert digest(*synthesise(0, SHAPE, "mesh")) != base
    assert digest(*synthesise(0, SHAPE[::-1], "tree")) != base


def test_style_none_is_drawn_by_the_seed():
    volumes = {style: digest(*synthesise(3, SHAPE, style)) for style in DRAWN_STYLES}
    assert digest(*synthesise(3, SHAPE)) in volumes.values()
    # Over a few seeds several styles turn up.
    seen = set()
    for seed in range(8):
        drawn = digest(*synthesise(seed, (16, 16, 16)))
        seen |= {style for style in DRAWN_STYLES if digest(*synthesise(seed, (16, 16, 16), style)) == drawn}
    assert len(seen) >= 3


@pytest.mark.parametrize("style", DRAWN_STYLES)
@pytest.mark.parametrize("shape", [(64, 64, 64), (96, 96, 15), (8, 8, 8), (30, 70, 17)])
def test_arrays_are_what_the_docstring_says(style, shape):
    image, label = synthesise(11, shape, style)
    assert image.shape == label.shape == shape
    assert image.dtype == np.float32
    assert label.dtype == np.uint8
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() > image.min()
    assert set(np.unique(label)) <= {0, 1}
    assert label.any()


@pytest.mark.parametrize("style", DRAWN_STYLES)
def test_vessels_are_brighter_than_tissue_on_average(style):
    margins = []
    for seed in range(6):
        image, label = synthesise(seed, (64, 64, 32), style, without=["dark"])
        margins.append((image[label > 0].mean() - image[label == 0].mean()) / image.std())
    assert np.mean(margins) > 0.3
    assert np.mean(np.array(margins) > 0) >= 0.8


@pytest.mark.slow
def test_fractions_run_from_sparse_to_dense():
    fractions = {style: [synthesise(s, (64, 64, 24), style)[1].mean() for s in range(10)] for style in DRAWN_STYLES}
    every = np.concatenate(list(fractions.values()))
    assert every.min() < 0.02
    assert every.max() > 0.25
    assert every.min() > 0.0005
    assert every.max() < 0.65
    assert np.median(fractions["tree"]) < np.median(fractions["stack"])


def test_a_thin_stack_holds_thick_stems():
    """The largest disc inside some vessel of a 15-slice stack is far wider than a capillary."""
    from scipy import ndimage

    widest = max(
        ndimage.distance_transform_edt(synthesise(s, (96, 96, 15), "stack")[1].max(axis=2)).max() for s in range(4)
    )
    assert widest > 10


def test_distractors_are_as_bright_as_vessels():
    """Somewhere outside the label it is brighter than the typical vessel: brightness alone is not the answer."""
    fooled = 0
    for seed in range(10):
        image, label = synthesise(seed, (64, 64, 32))
        fooled += (image[label == 0] > np.median(image[label > 0])).mean() > 0.001
    assert fooled >= 5


def test_what_is_left_out_changes_only_itself():
    """Without a style, the other volumes stay as they were; without a part of the imaging, the vessels stay."""
    everything = synthesise(4, SHAPE, "tree")
    assert digest(*synthesise(4, SHAPE, "tree", without=["stack"])) == digest(*everything)
    for part in ("noise", "blur", "detector", "distractors", "artefacts", "gaps", "dark"):
        image, label = synthesise(4, SHAPE, "tree", without=["label_offset", part])
        np.testing.assert_array_equal(label, synthesise(4, SHAPE, "tree", without=["label_offset"])[1])
        assert image.shape == SHAPE
    assert set(PARTS) > set(DRAWN_STYLES)


def test_annotators_differ_a_little():
    """Labels are the drawn vessels, or all of them a little thicker or thinner; thin vessels never break up."""
    from scipy import ndimage

    thicker = thinner = 0
    for seed in range(30):
        drawn = synthesise(seed, SHAPE, "tree", without=["label_offset"])[1] > 0
        label = synthesise(seed, SHAPE, "tree")[1] > 0
        near = ndimage.binary_dilation(drawn, np.ones((3, 3, 3)), iterations=2)
        assert (label & ~near).mean() < 1e-3  # what was drawn just outside the volume
        assert ndimage.label(label, np.ones((3, 3, 3)))[1] <= 1.2 * ndimage.label(drawn, np.ones((3, 3, 3)))[1] + 1
        thicker += label.sum() > drawn.sum()
        thinner += label.sum() < drawn.sum()
        assert label.sum() > 0.5 * drawn.sum()
    assert thicker >= 3
    assert thinner >= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": -1}, "is not a whole number of at least 0"),
        ({"seed": 1.5}, "is not a whole number of at least 0"),
        ({"seed": True}, "is not a whole number of at least 0"),
        ({"seed": 0, "style": "forest"}, "tree, mesh, stack, plexus, mixed"),
        ({"seed": 0, "style": "mask"}, "needs real vessel masks"),
        ({"seed": 0, "without": ["trees"]}, "some of tree, mesh"),
        ({"seed": 0, "without": "tree"}, "some of tree, mesh"),
        ({"seed": 0, "without": list(DRAWN_STYLES)}, "leaves no style"),
        ({"seed": 0, "shape": (64, 64)}, "is not three whole numbers"),
        ({"seed": 0, "shape": (64, 64, 4)}, "at least 8"),
        ({"seed": 0, "shape": 64}, "is not three whole numbers"),
        ({"seed": 0, "shape": (64.0, 64, 64)}, "is not three whole numbers"),
    ],
)
def test_bad_arguments_are_named_in_one_line(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        synthesise(**arguments)
    assert "\n" not in str(error.value)
