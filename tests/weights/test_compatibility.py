"""What keeps weights from fitting, in words."""

import pytest
import torch

from scripts.weights.compatibility import differences, has_other_classes, misfits
from tests.helpers.weights_examples import network, refused, rewrite, saved


def test_differences_are_those_of_values_that_both_state():
    sidecar = {"network": {"channels": [4, 8], "act": "relu", "norm_eps": 1e-5, "dropout": 0.3}}
    config = {"channels": (4, 8), "act": "elu", "norm_eps": 0.001, "dropout": 0.5, "new": 1}
    assert differences(sidecar, "network", config, may_differ=["dropout"]) == [
        'act is "relu" in the weights and "elu" in the config',
        "norm_eps is 1e-05 in the weights and 0.001 in the config",
    ]
    assert differences(sidecar, "normalisation", {"lower": 1}) == []


def test_tensors_that_only_one_has_or_of_another_shape():
    state = {"same": torch.zeros(3), "shape": torch.zeros(2, 1), "extra": torch.zeros(1)}
    wanted = {"same": torch.ones(3), "shape": torch.zeros(1, 2), "absent": torch.zeros(())}
    assert sorted(misfits(state, wanted)) == [
        "absent is missing in the weights and () in the network",
        "extra is (1,) in the weights and missing in the network",
        "shape is (2, 1) in the weights and (1, 2) in the network",
    ]
    assert misfits(state, state) == []


def test_other_classes():
    two, three = ({"head.weight": torch.zeros(classes, 8)} for classes in (2, 3))
    assert has_other_classes(two, three, "head")
    assert not has_other_classes(two, two, "head")
    assert not has_other_classes({}, three, "head")  # that is a misfit, and no other number of classes


@pytest.mark.parametrize(
    ("extra", "last"),
    [(12, "extra.11 is (1,) in the weights and missing in the network; use"), (15, "and 3 more tensors; use")],
)
def test_at_most_twelve_tensors_are_listed(tmp_path, extra, last):
    path = saved(tmp_path)
    rewrite(path, {**network().state_dict(), **{f"extra.{number}": torch.zeros(1) for number in range(extra)}})
    why = refused(path)
    assert why.count("missing in the network") == 12
    assert last in why
