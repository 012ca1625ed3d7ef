import numpy as np
import pytest

from scripts.metrics import curves_of, mean_curves
from scripts.report.page.case import Case, find_cases
from scripts.report.page.chart import (
    BINS,
    LEFT,
    SIDE,
    TOP,
    branch_charts,
    calibration_chart,
    curve_chart,
    histogram,
    nice_ticks,
)
from tests.helpers.counts_examples import counts, noisy
from tests.report.page.examples import write_results

CURVES = {name: curves_of(counts(*noisy(seed, 3000))) for seed, name in enumerate("abcdefgh")}


def ends(line):
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    return points[0], points[-1]


def test_a_roc_curve_runs_from_corner_to_corner():
    chart = curve_chart("roc", {"a": CURVES["a"]})
    chance, line = chart.lines
    assert ends(line) == ((LEFT, TOP + SIDE), (LEFT + SIDE, TOP))
    assert chance.look == "chance"
    ((x, y, _, look),) = chart.marks
    at = CURVES["a"]["at_threshold"]
    assert (x, y) == (LEFT + SIDE * at["false_positive_rate"], TOP + SIDE * (1 - at["recall"]))
    assert look == line.look
    assert f"AUROC {CURVES['a']['auroc']:.3f}" in line.name


def test_of_many_cases_only_the_mean_has_a_name():
    chart = curve_chart("precision_recall", CURVES, mean_curves(list(CURVES.values())))
    assert [line.name.partition(":")[0] for line in chart.named] == ["mean of 8"]
    few = curve_chart("roc", {name: CURVES[name] for name in "ab"}, mean_curves([CURVES["a"], CURVES["b"]]))
    assert [line.name.partition(":")[0] for line in few.named] == ["a", "b", "mean of 2"]
    assert len({line.look for line in few.lines}) == 4


def test_what_is_undefined_has_no_chart():
    assert curve_chart("roc", {"a": {"roc": None}}) is None
    assert curve_chart("roc", {}) is None
    assert calibration_chart(None) is None
    assert calibration_chart({"probability": [0.5], "vessel": [None], "voxels": [0]}) is None


def test_calibration_as_it_is_scored():
    scored = CURVES["a"]["calibration"]
    chart = calibration_chart(scored)
    assert len(chart.marks) == sum(count > 0 for count in scored["voxels"]) > 2


def test_calibration_lies_where_it_is_said():
    chart = calibration_chart({"probability": [0.1, 0.5, 0.9], "vessel": [0.0, 0.5, None], "voxels": [10, 1000, 0]})
    (x0, y0, r0, _), (x1, y1, r1, _) = chart.marks
    assert (x1, y1) == (LEFT + SIDE / 2, TOP + SIDE / 2)
    assert (x0, y0) == (pytest.approx(LEFT + 0.1 * SIDE), TOP + SIDE)
    assert r1 > r0


def test_a_histogram_counts():
    chart = histogram("Radius", "", [1.0, 1.0, 1.0, 9.9, float("nan")], "radius (µm)")
    heights = sorted(height for *_, height in chart.bars)
    assert heights == pytest.approx([SIDE / 3, SIDE])
    assert chart.lines[0].name == "median 1"
    assert chart.x[-1][1] == "10"
    assert len(chart.bars) == 2 <= BINS
    assert histogram("Radius", "", [], "") is None


def test_the_branches_of_a_y(tmp_path):
    _, out = write_results(tmp_path)
    cases, _ = find_cases(out, {}, {})
    radius, length = branch_charts(cases[1], "µm")
    assert radius.across == "mean radius (µm)"
    assert len(radius.bars) == 3
    assert len(length.bars) == 2
    assert branch_charts(Case("a"), "µm") == []


@pytest.mark.parametrize(
    ("most", "whole", "ticks"),
    [(1, False, [0, 0.2, 0.4, 0.6, 0.8, 1]), (9.9, False, [0, 2, 4, 6, 8, 10]), (3, True, [0, 1, 2, 3]),
     (730, True, [0, 200, 400, 600, 800])],
)  # fmt: skip
def test_ticks_are_round(most, whole, ticks):
    assert nice_ticks(most, whole) == pytest.approx(np.array(ticks))
