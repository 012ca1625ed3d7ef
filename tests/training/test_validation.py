import pytest

from scripts.metrics import handlers
from scripts.training import Validation

METRICS = {"val_dice": "best_dice", "val_auroc": "auroc", "threshold": "best_threshold"}


def volumes(name, start, stop):
    return [{"name": name, "label": f"{name}.tif", "region": ((start, stop), (0, 9), (0, 9))}]


@pytest.mark.parametrize(
    ("validation", "on", "names"),
    [
        (
            Validation({"train": volumes("v", 0, 24), "validate": volumes("v", 24, 32)}),
            "a strip of 8 of 32 voxels along X of v, which touches what trains",
            ["val_dice", "val_auroc", "threshold"],
        ),
        (
            Validation({"train": volumes("v", 0, 32), "validate": volumes("w", 0, 32)}),
            "w, which does not train",
            ["val_dice", "val_auroc", "threshold"],
        ),
        (
            Validation({"train": volumes("v", 0, 32), "validate": volumes("v", 0, 32)}),
            "itself",
            ["train_dice", "train_auroc", "threshold"],
        ),
        (Validation(on="16 synthetic volumes"), "16 synthetic volumes", ["val_dice", "val_auroc", "threshold"]),
    ],
    ids=["strip", "other volume", "itself", "in words"],
)
def test_scores_are_called_after_what_they_are_measured_on(validation, on, names):
    assert validation.on == validation.told == on
    assert validation.held_out == (on != "itself")
    assert validation.named(["dice"]) == ["dice"]
    named = validation.named(METRICS)
    assert list(named) == list(handlers(named)) == names
    assert list(named.values()) == list(METRICS.values())


def test_the_log_names_a_few_of_many_volumes(caplog):
    caplog.set_level("INFO", logger="scripts.training")
    many = [each for name in "abcde" for each in volumes(name, 0, 9)]
    validation = Validation({"train": [], "validate": many})
    assert validation.told == "a, which does not train; b, which does not train; c, which does not train; and 2 more"
    assert validation.on.endswith("; d, which does not train; e, which does not train")
    assert caplog.messages == [f"validates on {validation.told}"]


def test_a_volume_that_is_split_is_one():
    one, other = volumes("v", 0, 24), volumes("w", 0, 8)
    assert [each["name"] for each in Validation({"train": one + other, "validate": volumes("v", 24, 32)}).volumes] == [
        "v",
        "w",
    ]
    assert Validation(on="16 synthetic volumes").volumes == []
