import sys
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.losses import DiceCELoss
from torch.nn import functional as F

from scripts.training import LabelledVoxelsLoss, WeightedCrossEntropyLoss, inverse_frequency_weights

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
LOSSES = {"dice_ce": (), "focal": ("loss_focal",), "wcce": ("loss_wcce",)}
WEIGHTS = [1.0, 7.0, 3.0]
BOTH = pytest.mark.parametrize("classes", [2, 3])


@pytest.fixture(params=LOSSES)
def configured(request, monkeypatch):
    """The loss as training has it, for so many classes."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # the config inserts the bundle's folder
    return lambda classes: configured_loss(request.param, classes)


def configured_loss(name, classes=2):
    parser = ConfigParser()
    parser.read_config(
        [BUNDLE / "configs" / "train.json", *(BUNDLE / f"configs/overlays/{o}.json" for o in LOSSES[name])]
    )
    parser["bundle_root"] = str(BUNDLE)
    if name == "wcce":
        assert parser["class_weights"] == [1, 7]  # the paper's
        parser["class_weights"] = WEIGHTS[:classes]
    return parser.get_parsed_content("loss")


def example(classes=2, batch=2, shape=(4, 5, 6)):
    generator = torch.Generator().manual_seed(classes)
    logits = 2 * torch.randn((batch, classes, *shape), generator=generator, dtype=torch.float64)
    label = torch.randint(classes, (batch, 1, *shape), generator=generator)
    return logits.requires_grad_(), label.double()


def gradient(loss, logits):
    return torch.autograd.grad(loss, logits)[0]


def test_a_loss_is_a_sum_over_its_divisor(configured):
    """Shares of a batch add up to its loss, if each is multiplied by what it was divided by."""
    logits, label = example(batch=5)
    label[1, ..., :3] = label[3] = -1
    loss = configured(2)
    shares = [(logits[part], label[part]) for part in (slice(0, 1), slice(1, 3), slice(3, 4), slice(4, 5))]
    summed = sum(loss(*share) * loss.divisor(share[1]) for share in shares)
    expected = loss(logits, label)  # MONAI's focal loss is float32 at times
    torch.testing.assert_close(summed / loss.divisor(label), expected, rtol=1e-6, atol=0, check_dtype=False)
    assert loss.divisor(label[3:4]) == 0


# -- every loss that training may have ---------------------------------------------------------------------------------


@BOTH
def test_every_labelled_voxel_has_a_gradient(configured, classes):
    logits, label = example(classes)
    assert (gradient(configured(classes)(logits, label), logits).abs() > 0).all()


@BOTH
def test_unlabelled_voxels_are_as_if_not_there(configured, classes):
    loss, (logits, label) = configured(classes), example(classes, batch=1)
    part = (..., slice(0, 3))
    alone = loss(logits[part], label[part])
    expected = gradient(alone, logits)
    label[..., 3:] = -1
    masked = loss(logits, label)
    torch.testing.assert_close(masked, alone)
    torch.testing.assert_close(gradient(masked, logits), expected)
    assert not gradient(loss(logits, label), logits)[..., 3:].any()  # exactly 0


@BOTH
def test_scattered_labels(configured, classes):
    loss, (logits, label) = configured(classes), example(classes, batch=1)
    labelled = torch.rand(label.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    alone = loss(logits[:, :, labelled[0, 0]][..., None, None], label[:, :, labelled[0, 0]][..., None, None])
    masked = loss(logits, label.masked_fill(~labelled, -1))
    torch.testing.assert_close(masked, alone)
    moved = gradient(masked, logits).abs().sum(1, keepdim=True) > 0
    assert torch.equal(moved, labelled)


def test_a_patch_without_labels_gives_nothing(configured):
    loss, (logits, label) = configured(2), example()
    nothing = loss(logits, torch.full_like(label, -1))
    assert nothing.item() == 0
    assert not gradient(nothing, logits).any()  # a gradient there is, and it is 0

    label[0] = -1
    masked = loss(logits, label)
    torch.testing.assert_close(masked, loss(logits[1:], label[1:]))
    steps = gradient(masked, logits)
    assert not steps[0].any()
    assert steps[1].any()


def test_right_is_better_than_wrong(configured):
    _, label = example()
    right = 20 * F.one_hot(label[:, 0].long(), 2).movedim(-1, 1).double()
    assert configured(2)(right, label) < 1e-4
    assert configured(2)(-right, label) > 0.9


# -- Dice and cross-entropy --------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("term", ["dice", "ce"])
def test_each_term_alone_has_its_value_and_a_gradient(term, classes):
    loss, (logits, label) = configured_loss("dice_ce"), example(classes, batch=1)
    loss.loss.lambda_dice, loss.loss.lambda_ce = float(term == "dice"), float(term == "ce")
    p, truth = logits.softmax(1), F.one_hot(label[:, 0].long(), classes).movedim(-1, 1)
    dims = (2, 3, 4)
    expected = {
        "dice": (1 - 2 * (p * truth).sum(dims) / (p.sum(dims) + truth.sum(dims))).mean(),
        "ce": -(truth * p.log()).sum(1).mean(),
    }[term]
    torch.testing.assert_close(loss(logits, label), expected, rtol=1e-6, atol=1e-6)  # MONAI smooths Dice by 1e-5
    assert (gradient(loss(logits, label), logits).abs() > 0).all()


def test_the_config_has_both_terms():
    loss, (logits, label) = configured_loss("dice_ce"), example()
    whole = loss(logits, label)
    loss.loss.lambda_ce = 0.0
    torch.testing.assert_close(whole, loss(logits, label) + F.cross_entropy(logits, label[:, 0].long()))


@pytest.mark.parametrize("name", ["dice_ce", "focal"])
def test_labelled_everywhere_or_not_a_batch_is_the_mean_of_its_patches(name):
    loss, (logits, label) = configured_loss(name), example()
    for _ in range(2):
        alone = [loss(logits[b : b + 1], label[b : b + 1]) for b in range(2)]
        torch.testing.assert_close(loss(logits, label), torch.stack(alone).mean())
        label[0, ..., 2:] = -1  # and again, with fewer labels in one of them


@BOTH
def test_focal_by_hand(classes):
    logits, label = example(classes)
    p = logits.softmax(1).gather(1, label.long())
    expected = ((1 - p) ** 2 * -p.log()).mean() / classes  # MONAI averages over the classes too
    torch.testing.assert_close(configured_loss("focal")(logits, label).double(), expected, rtol=1e-5, atol=0)


# -- weighted categorical cross-entropy --------------------------------------------------------------------------------


@BOTH
def test_wcce_equals_torch_and_monai(classes):
    (logits, label), weights = example(classes), WEIGHTS[:classes]
    weight = torch.tensor(weights, dtype=torch.float64)
    wcce = WeightedCrossEntropyLoss(weights)(logits, label)
    torch.testing.assert_close(wcce, F.cross_entropy(logits, label[:, 0].long(), weight=weight))
    monai = DiceCELoss(to_onehot_y=True, softmax=True, lambda_dice=0.0, weight=weight)
    torch.testing.assert_close(wcce, monai(logits, label))


def test_wcce_by_hand():
    """Two voxels, undecided: ln 2 each, whatever the weights; the third, sure of its mistake, costs 7 of 9 parts."""
    logits = torch.zeros(1, 2, 3, 1, 1)
    logits[0, :, 2] = torch.tensor([50.0, 0.0])[:, None, None]
    label = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 1, 3, 1, 1)
    expected = (2 * torch.log(torch.tensor(2.0)) + 7 * 50) / 9
    torch.testing.assert_close(WeightedCrossEntropyLoss((1, 7))(logits, label), expected)


def test_weights_in_inverse_proportion():
    assert inverse_frequency_weights([700, 100]) == [1, 7]
    assert inverse_frequency_weights([50, 200, 100]) == [4, 1, 2]
    with pytest.raises(
        ValueError, match=r"a class has no voxels .*\[10, 0\]; use overlays/loss_wcce.json with --class_weights"
    ):
        inverse_frequency_weights([10, 0])


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, -7], [1, float("nan")], [1, float("inf")], [[1, 7]], 3])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError, match="are not two or more positive numbers; give one for each class"):
        WeightedCrossEntropyLoss(weights)


def test_as_many_weights_as_classes():
    with pytest.raises(ValueError, match="has 2 weights for a network with 3 classes"):
        WeightedCrossEntropyLoss((1, 7))(*example(3))


def test_bfloat16_and_gathered_patches_reach_the_loss_as_they_are():
    seen = []

    def loss(logits, label):
        seen.append((logits.dtype, logits.shape, label.shape))
        return logits.mean()

    logits, label = torch.zeros(2, 3, 2, 2, 2, dtype=torch.bfloat16), torch.zeros(2, 1, 2, 2, 2)
    LabelledVoxelsLoss(loss)(logits, label)
    label[0, 0, 0, 0, 0] = -1
    LabelledVoxelsLoss(loss)(logits, label)
    assert seen == [(torch.bfloat16, (2, 3, 2, 2, 2), (2, 1, 2, 2, 2))] + [
        (torch.bfloat16, (1, 3, n), (1, 1, n)) for n in (7, 8)
    ]
