"""What options may be set to."""

import json

import pytest

from scripts.core import DECIDE_TRAINING, OPTIONS, read_boolean, read_number, read_scale
from scripts.core.options import check_option
from tests.helpers.bundle_command import BUNDLE


def test_every_option_that_decides_a_training_is_one_of_a_config():
    configs = BUNDLE / "configs"
    bases = [configs / f"{name}.json" for name in ("train", "finetune", "pretrain")]
    files = [*bases, *(configs / "overlays").glob("*.json")]
    assert set(DECIDE_TRAINING) <= {name for file in files for name in json.loads(file.read_text())}


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_expressions_pass_whatever_the_option(name):
    for value in ("$1 + 1", "@epochs", "%train.json::epochs"):
        check_option(name, value, None)


@pytest.mark.parametrize(("value", "read"), [("auto", "auto"), (1, 1.0), ("0.5", 0.5)])
def test_a_scale(value, read):
    assert read_scale(value) == read


@pytest.mark.parametrize("value", [0, -1, "large", None, True, [0.5], {"_target_": "float"}, "$1", "nan", 10**400])
def test_no_scale(value):
    with pytest.raises(ValueError, match="--scale"):
        read_scale(value)


@pytest.mark.parametrize("value", [True, "true", "True", "TRUE"])
def test_on(value):
    assert read_boolean("amp", value) is True


@pytest.mark.parametrize("value", [False, "false", "False"])
def test_off(value):
    assert read_boolean("amp", value) is False


@pytest.mark.parametrize("value", ["yes", 1, 0, "", None, "off"])
def test_neither(value):
    with pytest.raises(ValueError, match=rf"^--amp {value}: is not true or false; give one of these$"):
        read_boolean("amp", value)


@pytest.mark.parametrize(
    ("value", "read"), [(0.5, 0.5), ("0.25", 0.25), (1, 1.0), (None, None), ("", None), (" ", None)]
)
def test_a_number_may_come_as_text_or_not_at_all(value, read):
    assert read_number("threshold", value) == read


NO_NUMBERS = [
    "much",
    [0.5],
    {},
    "0,5",
    True,
    "nan",
    float("nan"),
    "inf",
    "$0.5",
    "@scale",
    {"_target_": "float"},
    10**400,
]


@pytest.mark.parametrize("value", [*NO_NUMBERS, 1, "1", -0.1], ids=repr)
def test_no_number(value):
    with pytest.raises(ValueError, match=r"^--overlap .*: is not a number from 0 to 0\.99; give one such as 0\.5$"):
        read_number("overlap", value)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_no_number_where_there_is_no_range(value):
    with pytest.raises(ValueError, match=r"^--some_number .*: is not a number; give one"):
        read_number("some_number", value)


@pytest.mark.parametrize("name", ["x" * 256, "./" + "é" * 128, "a\0b", "a\ud800", ""])
def test_no_path(name):
    with pytest.raises(ValueError, match=r"--ckpt_path .*is not a path"):
        check_option("ckpt_path", name, "models/model.pt")


def test_the_longest_name_of_a_file_is_a_path():
    check_option("ckpt_path", "folder/" + "x" * 255, "models/model.pt")


def test_only_what_can_be_switched_off_may_be_nothing():
    check_option("patience", "$None", 20)
    check_option("channel", "$None", None)
    with pytest.raises(ValueError, match=r"--patch_size \$None: cannot be nothing; leave it out"):
        check_option("patch_size", "$None", [64, 64, 64])


@pytest.mark.parametrize(("name", "default"), [("batch_size", 2), ("unlabelled_value", None), ("epochs", 1)])
@pytest.mark.parametrize("value", ["1e400", "99999999999999999999", float("nan")])
def test_no_number_that_can_be_computed_with(name, default, value):
    with pytest.raises(ValueError, match=rf"--{name} .*: is not a number of at most 2\^53; give a smaller one"):
        check_option(name, value, default)
