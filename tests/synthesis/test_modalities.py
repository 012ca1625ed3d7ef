"""How volumes of each modality look: only attributes that there are, in their order of size."""

from dataclasses import fields

import numpy as np
import pytest

from scripts.synthesis.appearance import Appearance
from scripts.synthesis.generator import STYLES
from scripts.synthesis.modalities import MODALITIES


@pytest.mark.parametrize("style", MODALITIES)
def test_a_modality_draws_attributes_of_an_appearance(style):
    assert style in STYLES
    drawn = [MODALITIES[style](np.random.default_rng(seed)) for seed in range(30)]
    assert {name for values in drawn for name in values} <= {field.name for field in fields(Appearance)}
    assert all(values["cnr"] >= 1 and 0 < values["background"] < 1 for values in drawn)
    assert len({values["cnr"] for values in drawn}) == 30


def test_real_masks_are_seen_in_several_modalities():
    drawn = [MODALITIES["mask"](np.random.default_rng(seed)) for seed in range(60)]
    assert {frozenset(values) for values in drawn} == {
        frozenset(MODALITIES[style](np.random.default_rng(0))) for style in ("tree", "mesh", "stack")
    }
