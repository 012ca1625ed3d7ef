"""The voxel classifier: what it scales by, and how it lies beside a network's weights."""

import pytest
import torch

from scripts.network import PREFIX, TubeNet, VoxelClassifier, classifier_in, without_classifier


def classifier(features=5, classes=3, seed=0):
    torch.manual_seed(seed)
    made = VoxelClassifier(features, classes, hidden=7)
    made.mean.copy_(torch.arange(features))
    made.deviation.fill_(2)
    made.share.fill_(0.25)
    return made.eval()


def beside(made):
    own = {f"{PREFIX}{name}": value for name, value in made.state_dict().items()}
    return TubeNet(channels=(4, 8)).state_dict() | own


def test_features_are_scaled_by_what_was_learnt_from():
    made = classifier()
    plain = VoxelClassifier(5, 3, hidden=7)
    plain.load_state_dict(made.state_dict() | {"mean": torch.zeros(5), "deviation": torch.ones(5)})
    features = torch.rand(11, 5)
    assert made(features).shape == (11, 3)
    assert torch.allclose(made(features), plain((features - torch.arange(5)) / 2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_it_is_found_again_beside_a_network(dtype):
    made = classifier()
    state = {name: value.to(dtype) for name, value in beside(made).items()}
    found = classifier_in(state, 5, 3)
    assert float(found.share) == 0.25
    features = torch.rand(11, 5)
    assert torch.allclose(found(features), made(features), atol=1e-6 if dtype == torch.float32 else 1e-2)
    assert set(without_classifier(state)) == set(TubeNet(channels=(4, 8)).state_dict())


def test_weights_without_one_have_none():
    assert classifier_in(TubeNet(channels=(4, 8)).state_dict(), 5, 3) is None


@pytest.mark.parametrize(
    "change",
    [
        {"share": torch.tensor(1.5)},
        {"share": torch.tensor(-0.1)},
        {"deviation": torch.zeros(5)},
        {"first.bias": torch.zeros(4096)},
        {"first.bias": torch.tensor(1.0)},
        {"last.weight": torch.zeros(4, 7)},
        {"another": torch.zeros(1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_fit_is_refused(change):
    state = beside(classifier()) | {f"{PREFIX}{name}": value for name, value in change.items()}
    with pytest.raises(ValueError, match="it"):
        classifier_in(state, 5, 3)


@pytest.mark.parametrize(("features", "classes"), [(6, 3), (5, 2)])
def test_other_features_or_classes_are_refused(features, classes):
    with pytest.raises(ValueError, match="numbers a voxel"):
        classifier_in(beside(classifier()), features, classes)
