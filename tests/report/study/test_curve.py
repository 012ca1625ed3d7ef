"""Mean curves of variants."""

import numpy as np
import pytest

from scripts.metrics import curves_of
from scripts.report.study.curve import curve_drawing, means_of
from tests.helpers.counts_examples import counts, noisy
from tests.report.study.records import add_curves, compared, drawn, legend, study_of, trial


def with_curves(folder, variants):
    """Trials of which each has the curves of two volumes."""
    pairs = [(name, seed) for name, values in variants.items() for seed, _ in enumerate(values)]
    trials = [trial(n, name, {"a": 0.9, "b": 0.8}, seed) for n, (name, seed) in enumerate(pairs)]
    for each in trials:
        add_curves(folder, each, 2 * each["number"])
    return trials


def test_the_mean_is_over_seeds_and_volumes(tmp_path):
    study = study_of(tmp_path, with_curves(tmp_path, {"one": (0.9, 0.8), "two": (0.7,)}))
    areas = [curves_of(counts(*noisy(n, 1000)))["auroc"] for n in range(6)]
    means = means_of(study)
    assert means["one"]["auroc"] == pytest.approx(np.mean(areas[:4]))
    assert means["two"]["auroc"] == pytest.approx(np.mean(areas[4:]))


def test_volumes_of_a_kind_are_averaged_first_as_in_tables(tmp_path):
    """Volumes a and b are of one kind, c of another: they weigh a quarter, a quarter and a half."""
    about = {"kind_of": {"a": "retina", "b": "retina", "c": "liver"}}
    trials = [trial(0, "one", {"a": 0.9, "b": 0.8, "c": 0.7}, about=about)]
    add_curves(tmp_path, trials[0], 0)
    cases = [curves_of(counts(*noisy(n, 1000))) for n in range(3)]
    mean = means_of(study_of(tmp_path, trials))["one"]
    assert mean["auroc"] == pytest.approx(np.average([case["auroc"] for case in cases], weights=[1, 1, 2]))
    at = [np.interp(0.5, case["roc"]["false_positive_rate"], case["roc"]["recall"]) for case in cases]
    drawn_at = np.interp(0.5, mean["roc"]["false_positive_rate"], mean["roc"]["recall"])
    assert drawn_at == pytest.approx(np.average(at, weights=[1, 1, 2]), abs=2e-3)


def test_a_seed_with_fewer_volumes_has_no_say_in_the_curve(tmp_path):
    trials = [trial(0, "one", {"a": 0.9, "b": 0.8}), trial(1, "one", {"a": 0.9}, 1)]
    for each in trials:
        add_curves(tmp_path, each, 2 * each["number"])
    areas = [curves_of(counts(*noisy(n, 1000)))["auroc"] for n in range(2)]
    assert means_of(study_of(tmp_path, trials))["one"]["auroc"] == pytest.approx(np.mean(areas))


def test_both_kinds_are_drawn_with_the_area_in_the_legend(tmp_path):
    study = study_of(tmp_path, with_curves(tmp_path, {"one": (0.9,), "two": (0.7,)}))
    mean = means_of(study)
    roc, precision = map(drawn, curve_drawing(study).panels)
    assert legend(roc) == [f"one  AUROC {mean['one']['auroc']:.3f}", f"two  AUROC {mean['two']['auroc']:.3f}", "chance"]
    assert legend(precision)[0] == f"one  AP {mean['one']['average_precision']:.3f}"
    assert len(roc.get_lines()) == 3
    x, y = roc.get_lines()[0].get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    share = mean["one"]["vessel_fraction"] / 2 + mean["two"]["vessel_fraction"] / 2
    assert precision.get_lines()[-1].get_ydata() == pytest.approx([share, share])


def test_without_curves_there_is_no_picture(tmp_path):
    trials = compared({"one": (0.9,)}, curves="gone/curves.json")
    assert curve_drawing(study_of(tmp_path, trials)) is None
