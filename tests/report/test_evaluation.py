import csv
import json
import logging

import pytest
import torch
from ignite.engine import Events
from matplotlib.colors import to_hex
from matplotlib.image import imread
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator

from scripts.metrics import PrepareMetricsd, handlers
from scripts.report import run_evaluation, score_table
from scripts.report.theme import THEMES

# log-odds and labels of three cases: half right, all right, and nothing to find nor found
CASES = {
    "half": ([2, 1, -1, -2], [1, 0, 1, 0]),
    "right": ([2, 1, -1, -2, -3], [1, 1, 0, 0, -1]),
    "empty": ([-2, -1, -1], [0, 0, 0]),
}


def evaluator(cases, scores=("dice", "recall", "auroc"), as_logits=lambda image: torch.cat((0 * image, image), dim=1)):
    """As `evaluate.json` builds it, with a network that passes on the log-odds, or indices, that it is shown."""
    data = []
    for name, pair in cases.items():
        image, label = (torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1) for values in pair)
        data.append({"image": MetaTensor(image), "label": MetaTensor(label), "name": name})
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data), batch_size=1),
        network=torch.nn.Identity(),
        inferer=lambda image, _: as_logits(image),
        postprocessing=PrepareMetricsd("pred", scores),
        key_val_metric=handlers(scores),
    )


def fail():
    raise RuntimeError("out of memory")


def refuse_nan(constant):
    raise AssertionError(f"{constant} is not JSON")


def written(folder):
    return json.loads((folder / "metrics.json").read_text(), parse_constant=refuse_nan)


def test_metrics_of_centrelines_alone_have_no_curves(tmp_path):
    metrics = run_evaluation(evaluator(CASES, ["cldice"]), 0.5, tmp_path)
    assert metrics["cases"]["right"] == {"cldice": 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["metrics.csv", "metrics.json", "run.json"]


def test_scores_in_whose_place_others_come_are_told(tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="scripts"):
        for _ in range(2):
            run_evaluation(evaluator(CASES, ["cldice"]), 0.5, tmp_path)
    first, second = (line for line in caplog.messages if line.startswith("wrote "))
    assert second == f"{first}; the earlier ones are replaced"


def test_layout_and_numbers(tmp_path):
    folder = tmp_path / "new" / "folder"
    metrics = run_evaluation(evaluator(CASES), 0.5, folder)
    assert written(folder) == metrics
    assert list(metrics) == ["cases", "mean", "threshold"]
    assert metrics["cases"] == {
        "half": {"dice": 0.5, "recall": 0.5, "auroc": 0.75},
        "right": {"dice": 1, "recall": 1, "auroc": 1},
        "empty": {"dice": None, "recall": None, "auroc": None},
    }
    assert metrics["mean"] == {"dice": 0.75, "recall": 0.75, "auroc": 0.875}  # of the cases where it is defined
    assert metrics["threshold"] == 0.5
    pictures = ["precision_recall.png", "roc.png"]
    names = ["calibration.png", "curves.json", "metrics.csv", "metrics.json", "run.json"]
    assert sorted(file.name for file in folder.iterdir()) == sorted([*names, *pictures])
    curves = json.loads((folder / "curves.json").read_text())
    assert {name: case["auroc"] for name, case in curves["cases"].items()} == {"half": 0.75, "right": 1, "empty": None}
    assert curves["cases"]["half"]["at_threshold"] == {"false_positive_rate": 0.5, "recall": 0.5, "precision": 0.5}


def test_what_is_printed_and_told(tmp_path, capsys, caplog):
    """The table on stdout, of the numbers that the files have; the last line names the files."""
    caplog.set_level("INFO", logger="scripts")
    metrics = run_evaluation(evaluator(CASES), 0.25, tmp_path)
    printed = capsys.readouterr().out
    assert "\nscores at threshold 0.2500\n" in printed
    assert f"\n{score_table(metrics, {'half': 4, 'right': 4, 'empty': 3})}\n" in printed
    names = "metrics.json, metrics.csv, curves.json, roc.png, precision_recall.png, calibration.png, run.json"
    assert caplog.messages[-1] == f"wrote {names} in {tmp_path}"
    assert all((tmp_path / name).is_file() for name in names.split(", "))
    header, *rows = csv.reader((tmp_path / "metrics.csv").open())
    assert header == ["volume", "dice", "recall", "auroc", "labelled_voxels", "threshold"]
    assert rows == [
        ["half", "0.5", "0.5", "0.75", "4", "0.25"],
        ["right", "1.0", "1.0", "1.0", "4", "0.25"],
        ["empty", "", "", "", "3", "0.25"],
        ["mean", "0.75", "0.75", "0.875", "", "0.25"],
    ]


def test_what_the_scores_are_of(tmp_path, capsys):
    about = {"software": "tubenet 1", "weights": "mine.pt", "weights_sha256": "0123456789abcdef"}
    metrics = run_evaluation(evaluator(CASES), 0.25, tmp_path, about=about, region="0:5,0:1,0:1")
    told = "scores of mine.pt (sha256 0123456789ab) at threshold 0.2500, in 0:5,0:1,0:1\n"
    assert f"\n{told}" in capsys.readouterr().out
    assert list(metrics) == ["cases", "mean", "threshold"]  # what outside checks rely on
    row = next(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert {name: row[name] for name in about} == about
    assert row["region"] == "0:5,0:1,0:1"


def test_what_computed_them_is_what_it_was_for_these_volumes(tmp_path):
    """It is noted while a volume is predicted, and an earlier evaluation may have left a note."""
    about, engines = {"computed_by": "of earlier"}, iter(["torch in fp32", "openvino in int8", "torch in fp32"])
    running = evaluator(CASES)
    running.add_event_handler(Events.ITERATION_STARTED, lambda: about.update(computed_by=next(engines)))
    run_evaluation(running, 0.25, tmp_path, about=about)
    row = next(csv.DictReader((tmp_path / "metrics.csv").open()))
    assert row["computed_by"] == "openvino in int8, torch in fp32"


def test_what_could_not_be_loaded_is_left_out_and_listed(tmp_path, caplog):
    cases = {"half": CASES["half"], "bad": ([0, 0], [-1, -1]), "right": CASES["right"], "worse": ([0], [-1])}
    broken = evaluator(cases)
    for item in broken.data_loader.dataset.data:
        if item["name"] in ("bad", "worse"):
            item["failed"] = f"labels/{item['name']}.tif: is empty; copy it again"
    with pytest.raises(ValueError, match=r"^2 of 4 volumes: could not be scored, each is named above"):
        run_evaluation(broken, 0.5, tmp_path)
    metrics = written(tmp_path)
    assert {name: scores["dice"] for name, scores in metrics["cases"].items()} == {"half": 0.5, "right": 1}
    assert metrics["mean"] == {"dice": 0.75, "recall": 0.75, "auroc": 0.875}
    assert caplog.messages[-2:] == [f"failed: labels/{name}.tif: is empty; copy it again" for name in ("bad", "worse")]


@pytest.mark.parametrize("theme", THEMES)
def test_the_curves_have_the_theme(tmp_path, theme):
    run_evaluation(evaluator(CASES), 0.5, tmp_path, theme=theme)
    for name in ("roc.png", "precision_recall.png", "calibration.png"):
        corner = imread(tmp_path / name)[0, 0, :3]
        assert to_hex(corner) == THEMES[theme].ground


def test_another_theme_is_refused_before_anything_is_scored(tmp_path):
    with pytest.raises(ValueError, match="--theme blue: there is no such theme"):
        run_evaluation(None, 0.5, tmp_path, theme="blue")


def test_if_none_could_be_loaded_nothing_is_written(tmp_path):
    broken = evaluator({"bad": ([0, 0], [-1, -1])})
    broken.data_loader.dataset.data[0]["failed"] = "a.tif: is empty; copy it again"
    told = r"^a\.tif: is empty.*this 1 of 1 volumes could not be scored; correct them; nothing was scored"
    with pytest.raises(ValueError, match=told):
        run_evaluation(broken, 0.5, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("trained_on", "told"), [(["half", "other"], True), (["other"], False), ("on half", False)])
def test_what_the_weights_were_trained_on_is_told(trained_on, told, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        run_evaluation(evaluator({"half": CASES["half"]}), 0.25, tmp_path, trained_on=trained_on)
    assert ("the weights were trained on half, or a part" in caplog.text) is told


def test_a_case_keeps_its_own_numbers(tmp_path):
    run_evaluation(evaluator({name: CASES[name] for name in ("right", "half")}), 0.25, tmp_path)
    metrics = written(tmp_path)
    assert [metrics["cases"][name]["dice"] for name in ("right", "half")] == [1, 0.5]
    assert metrics["threshold"] == 0.25


def test_undefined_everywhere_is_null(tmp_path):
    run_evaluation(evaluator({"empty": CASES["empty"]}, ("auroc",)), 0.5, tmp_path)
    assert written(tmp_path) == {"cases": {"empty": {"auroc": None}}, "mean": {"auroc": None}, "threshold": 0.5}


def test_several_classes_stand_beside_their_mean(tmp_path):
    """A network that is sure of the indices it is shown: artery once right and once missed, vein right, then absent."""
    cases = {"a": ([1, 0, 2, 0], [1, 1, 2, 0]), "b": ([1, 1, 0, 0], [1, 1, 0, -1])}

    def as_logits(image):
        return 9 * torch.nn.functional.one_hot(image[:, 0].long(), 3).movedim(-1, 1).float()

    names = ["background", "artery", "vein"]
    run_evaluation(evaluator(cases, ("dice", "recall"), as_logits), 0.5, tmp_path / "named", names)
    metrics = written(tmp_path / "named")
    a, b = metrics["cases"].values()
    assert a == {
        "dice": (2 / 3 + 1) / 2, "dice.artery": 2 / 3, "dice.vein": 1,
        "recall": 0.75, "recall.artery": 0.5, "recall.vein": 1,
    }  # fmt: skip
    assert b == {
        "dice": 1, "dice.artery": 1, "dice.vein": None,
        "recall": 1, "recall.artery": 1, "recall.vein": None,
    }  # fmt: skip
    mean = {"dice": (5 / 6 + 1) / 2, "dice.artery": 5 / 6, "dice.vein": 1}
    mean |= {"recall": 0.875, "recall.artery": 0.75, "recall.vein": 1}
    assert metrics["mean"] == pytest.approx(mean)

    run_evaluation(evaluator(cases, ("dice",), as_logits), 0.5, tmp_path / "nameless")
    assert list(written(tmp_path / "nameless")["mean"]) == ["dice", "dice.class 1", "dice.class 2"]


def test_a_failed_evaluation_leaves_no_file(tmp_path):
    broken = evaluator(CASES)
    good, calls = broken.inferer, iter((True, True, False))
    broken.inferer = lambda image, network: good(image, network) if next(calls) else fail()
    with pytest.raises(RuntimeError, match="out of memory"):
        run_evaluation(broken, 0.5, tmp_path)
    assert not list(tmp_path.iterdir())
