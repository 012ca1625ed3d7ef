"""Curves: their points, how far thinning moves them, what is drawn, and what cannot be drawn."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from sklearn.metrics import precision_recall_curve, roc_curve

from scripts.metrics import VolumeCounts, curves_of, mean_curves
from scripts.metrics.curves import TOLERANCE, thinned
from scripts.report import overlay_curves
from scripts.report.curves import COLOURS, MAX_COLOURED, _short_names, write_curves
from scripts.report.figure import GROUND, TEXT
from tests.helpers.bundle_command import BUNDLE

HALF = [2, 1, -1, -2], [1, 0, 1, 0]  # log-odds and labels


def counts(log_odds, label, threshold=0.5):
    log_odds = torch.as_tensor(log_odds, dtype=torch.float32)
    logits = torch.stack((0 * log_odds, log_odds)).reshape(2, -1, 1, 1)
    return VolumeCounts.of(logits, torch.as_tensor(label).reshape(1, -1, 1, 1).to(torch.int8), threshold)


def noisy(seed=0, n=100_000, skill=2.0):
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.1
    return random.normal(skill * label - 2, 1.5).astype(np.float32), label


def points(curve):
    """(N, 2)."""
    return np.stack([*curve.values()], axis=1)


def distances(path, line):
    """Of each point of a path (N, 2) to a line (M, 2) through its points."""
    start, step = line[:-1], np.diff(line, axis=0)
    share = ((path[:, None] - start) * step).sum(-1) / np.maximum((step**2).sum(-1), 1e-300)
    foot = start + np.clip(share, 0, 1)[..., None] * step
    return np.linalg.norm(path[:, None] - foot, axis=-1).min(axis=1)


def drawn(path, colour):
    """How many pixels of a picture have this colour."""
    return int((np.abs(imread(path)[..., :3] - to_rgb(colour)).max(axis=-1) < 0.02).sum())


# -- points ------------------------------------------------------------------------------------------------------------


def test_curves_by_hand():
    curves = curves_of(counts(*HALF))
    assert curves["roc"] == {"false_positive_rate": [0, 0, 0.5, 0.5, 1], "recall": [0, 0.5, 0.5, 1, 1]}
    precision = [1, 1, 0.5, 0.666667, 0.5]
    assert curves["precision_recall"] == {"recall": [0, 0.5, 0.5, 1, 1], "precision": precision}
    assert curves["at_threshold"] == {"false_positive_rate": 0.5, "recall": 0.5, "precision": 0.5}
    assert (curves["auroc"], curves["vessel_fraction"]) == (0.75, 0.5)
    assert curves["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    none_predicted = curves_of(counts(*HALF, threshold=0.95))
    assert none_predicted["at_threshold"] == {"false_positive_rate": 0, "recall": 0, "precision": None}


def test_curves_are_those_of_scikit_learn_in_few_points():
    log_odds, label = noisy()
    curves = curves_of(counts(log_odds, label))
    false, true, _ = roc_curve(label, log_odds)
    precision, recall, _ = precision_recall_curve(label, log_odds)
    for kind, exact in {"roc": (false, true), "precision_recall": (recall[:-1], precision[:-1])}.items():
        kept = points(curves[kind])
        assert len(kept) < 400
        exact = np.stack(exact, axis=1)
        picked = exact[np.random.default_rng(0).permutation(len(exact))[:3000]]
        assert distances(picked, kept).max() < TOLERANCE, kind


def test_thinning_keeps_corners_and_ends():
    x = np.linspace(0, 1, 10_001)
    assert thinned(x, np.minimum(2 * x, 1)) == ([0, 0.5, 1], [0, 1, 1])
    assert thinned(np.zeros(2), np.array([0, 1.0])) == ([0, 0], [0, 1])
    assert len(thinned(x, x**2, 1e-4)[0]) > len(thinned(x, x**2, 1e-2)[0]) > 3


@pytest.mark.parametrize(
    ("label", "defined"), [([0, 0, 0, 0], []), ([1, 1, 1, 1], ["precision_recall"]), ([-1, -1, -1, -1], [])]
)
def test_undefined_is_none(label, defined):
    curves = curves_of(counts(HALF[0], label))
    assert [kind for kind in ("roc", "precision_recall") if curves[kind]] == defined
    assert curves["auroc"] is None
    json.dumps(curves, allow_nan=False)


def test_several_classes_are_vessel():
    logits = torch.tensor([[0.0, 0, 0, 0], [2, -1, 1, -2], [-9, -9, -9, -9]]).reshape(3, 4, 1, 1)
    label = torch.tensor([1, 2, 0, 0]).reshape(1, 4, 1, 1)
    curves = curves_of(VolumeCounts.of(logits, label))
    assert curves["roc"] == curves_of(counts([2, -1, 1, -2], [1, 1, 0, 0]))["roc"]
    assert curves["at_threshold"] == {"false_positive_rate": 0.5, "recall": 0.5, "precision": 0.5}


# -- means -------------------------------------------------------------------------------------------------------------


def test_means_are_vertical_and_of_what_is_defined():
    cases = [curves_of(counts(*noisy(seed, skill=skill))) for seed, skill in ((1, 1.0), (2, 4.0))]
    mean = mean_curves([*cases, curves_of(counts([1, -1], [0, 0]))])
    for kind, x, y in (("roc", "false_positive_rate", "recall"), ("precision_recall", "recall", "precision")):
        at = np.array([0.1, 0.3, 0.7])
        heights = [np.interp(at, case[kind][x], case[kind][y]) for case in cases]
        np.testing.assert_allclose(np.interp(at, mean[kind][x], mean[kind][y]), np.mean(heights, axis=0), atol=2e-3)
    area = np.trapezoid(mean["roc"]["recall"], mean["roc"]["false_positive_rate"])
    assert area == pytest.approx(mean["auroc"], abs=2e-3)
    assert mean["auroc"] == np.mean([case["auroc"] for case in cases])
    assert mean["at_threshold"]["recall"] == np.mean([case["at_threshold"]["recall"] for case in cases])
    assert points(mean["roc"])[0].tolist() == [0, 0]


def test_a_perfect_case_rises_at_once():
    mean = mean_curves([curves_of(counts([2, -2], [1, 0]))])
    assert points(mean["roc"]).tolist() == [[0, 0], [0, 1], [1, 1]]


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_what_is_written(tmp_path):
    cases = {f"case {i}": curves_of(counts(*noisy(i, 5000))) for i in range(2)}
    cases["empty"] = curves_of(counts([1, -1], [0, 0]))
    write_curves(tmp_path / "new", cases, 0.25)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "curves.json",
        "precision_recall.png",
        "roc.png",
    ]
    content = json.loads((tmp_path / "new" / "curves.json").read_text())
    assert content == {"threshold": 0.25, "mean": mean_curves(list(cases.values())), "cases": cases}
    for kind in ("roc", "precision_recall"):
        path = tmp_path / "new" / f"{kind}.png"
        assert drawn(path, GROUND) > 0.8 * np.prod(imread(path).shape[:2])
        assert drawn(path, TEXT) > 2000  # the mean
        assert [drawn(path, colour) > 200 for colour in COLOURS[:3]] == [True, True, False]


def test_one_case_is_its_own_mean_and_many_are_grey(tmp_path):
    case = curves_of(counts(*noisy(0, 5000)))
    for number in (1, MAX_COLOURED, MAX_COLOURED + 1):
        write_curves(tmp_path / str(number), {f"case {i}": case for i in range(number)}, 0.5)
        coloured = [drawn(tmp_path / str(number) / "roc.png", colour) > 20 for colour in COLOURS]
        assert all(coloured) if number == MAX_COLOURED else not any(coloured)


def test_nothing_defined_leaves_no_picture(tmp_path, caplog):
    """Nor one of an earlier evaluation."""
    write_curves(tmp_path, {"case": curves_of(counts(*HALF))}, 0.5)
    write_curves(tmp_path, {"case": curves_of(counts(HALF[0], [0, 0, 0, 0]))}, 0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.json"]
    assert "roc.png: the curve is undefined in every case" in caplog.text


# -- several runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path):
    """Evaluations of two losses, and their folder."""
    for seed, loss in enumerate(("dice", "focal")):
        write_curves(tmp_path / loss / "eval", {"case": curves_of(counts(*noisy(seed, 5000)))}, 0.5)
    return tmp_path


def test_runs_over_one_another(runs):
    folders = [str(runs / loss / "eval") for loss in ("dice", "focal")]
    path = overlay_curves(folders, str(runs / "out" / "both.png"))
    assert [drawn(path, colour) > 200 for colour in COLOURS[:3]] == [True, True, False]
    height, width = imread(path).shape[:2]
    assert width > 1.8 * height  # ROC, and precision and recall beside it
    one = overlay_curves(folders[1] + "/curves.json", str(runs / "one.png"))
    assert [drawn(one, colour) > 200 for colour in COLOURS[:2]] == [True, False]


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["a/eval", "b/eval"], ["a", "b"]),
        (["x/a", "x/b/c"], ["a", "b/c"]),
        (["x/eval"], ["eval"]),
        (["a/eval", "a/eval_2"], ["eval", "eval_2"]),
    ],
)
def test_names_are_what_differs(folders, names, tmp_path):
    assert _short_names([tmp_path / folder for folder in folders]) == names


def test_what_cannot_be_drawn(runs, tmp_path):
    dice, out = str(runs / "dice" / "eval"), str(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError, match=r"nowhere/curves\.json: no such file; evaluate with configs/evaluate"):
        overlay_curves([dice, "nowhere"], out)
    with pytest.raises(ValueError, match="2 for 1 evaluations"):
        overlay_curves(dice, out, names=["a", "b"])
    with pytest.raises(ValueError, match="not all different"):
        overlay_curves([dice, dice], out)
    file = runs / "focal" / "eval" / "curves.json"
    undefined = {"mean": mean_curves([curves_of(counts([1, -1], [0, 0]))])}
    for text in ("{", "[]", "{}", '{"mean": null}', json.dumps(undefined)):
        file.write_text(text)
        with pytest.raises(ValueError, match=r"curves\.json: holds no mean curves; evaluate again"):
            overlay_curves([dice, str(file)], out)
    assert not (tmp_path / "x.png").exists()


def test_the_command(runs):
    words = ["curves", "--evaluations", f"['{runs}/dice/eval','{runs}/focal/eval']", "--output_path", f"{runs}/v.png"]
    subprocess.run([sys.executable, "-m", "scripts", *words], cwd=BUNDLE, check=True)
    assert drawn(runs / "v.png", COLOURS[1]) > 200
