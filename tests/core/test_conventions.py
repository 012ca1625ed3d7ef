"""What all parts agree on is what files and labels outside the code say, too."""

import json

import pytest

from scripts.core import MAX_WHOLE, UNLABELLED, WEIGHTS, class_names, is_own_output


@pytest.mark.parametrize(
    ("count", "names"), [(2, ["background", "vessel"]), (3, ["class 0", "class 1", "class 2"]), (1, ["class 0"])]
)
def test_names_of_classes(count, names):
    assert class_names(count) == names


def test_the_shipped_weights_have_the_same_names():
    sidecar = json.loads(WEIGHTS.with_suffix(".json").read_text())
    assert sidecar["label_names"] == class_names(len(sidecar["label_values"]))


def test_no_label_value_that_can_be_a_class_means_unlabelled():
    assert UNLABELLED < 0


def test_beyond_it_double_precision_leaves_whole_numbers_out():
    assert float(MAX_WHOLE - 1) + 1 == MAX_WHOLE
    assert float(MAX_WHOLE) + 1 == MAX_WHOLE


def test_what_commands_write_is_known(tmp_path):
    (tmp_path / "scans_seg").mkdir()
    for name in ("scans_seg", "a_outlines.png", "metrics.csv", "roc.png", "calibration.png", "model_best.pt"):
        assert is_own_output(tmp_path / name)
    (tmp_path / "b_seg").touch()
    (tmp_path / "scans").mkdir()
    for name in ("b_seg", "scans", "a.png", "outlines.png", "model.pt"):
        assert not is_own_output(tmp_path / name)
