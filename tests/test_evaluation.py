import json

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import IgniteMetricHandler, from_engine

from scripts.evaluation import run_evaluation
from scripts.metrics import VoxelScores

# log-odds and labels of three cases: half right, all right, and nothing to find nor found
CASES = {
    "half": ([2, 1, -1, -2], [1, 0, 1, 0]),
    "right": ([2, 1, -1, -2, -3], [1, 1, 0, 0, -1]),
    "empty": ([-2, -1, -1], [0, 0, 0]),
}


def evaluator(cases, scores=("dice", "recall", "auroc")):
    """As `evaluate.json` builds it, with a network that passes on the log-odds that it is shown."""
    data = [
        {
            key: MetaTensor(torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1, 1))
            for key, values in pair.items()
        }
        for pair in (dict(zip(("image", "label"), CASES[case], strict=True)) for case in cases)
    ]
    handlers = {
        name: IgniteMetricHandler(metric_fn=VoxelScores(name), output_transform=from_engine(["pred", "label"]))
        for name in scores
    }
    key, *rest = handlers
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(data), batch_size=1),
        network=torch.nn.Identity(),
        inferer=lambda image, _: torch.cat((torch.zeros_like(image), image), dim=1),
        key_val_metric={key: handlers[key]},
        additional_metrics={name: handlers[name] for name in rest},
    )


def fail():
    raise RuntimeError("out of memory")


def refuse_nan(constant):
    raise AssertionError(f"{constant} is not JSON")


def written(folder):
    return json.loads((folder / "metrics.json").read_text(), parse_constant=refuse_nan)


def test_layout_and_numbers(tmp_path):
    folder = tmp_path / "new" / "folder"
    metrics = run_evaluation(evaluator(CASES), list(CASES), 0.5, folder)
    assert written(folder) == metrics
    assert list(metrics) == ["cases", "mean", "threshold"]
    assert metrics["cases"] == {
        "half": {"dice": 0.5, "recall": 0.5, "auroc": 0.75},
        "right": {"dice": 1, "recall": 1, "auroc": 1},
        "empty": {"dice": None, "recall": None, "auroc": None},
    }
    assert metrics["mean"] == {"dice": 0.75, "recall": 0.75, "auroc": 0.875}  # of the cases where it is defined
    assert metrics["threshold"] == 0.5
    assert [file.name for file in folder.iterdir()] == ["metrics.json"]


def test_a_case_keeps_its_own_numbers(tmp_path):
    run_evaluation(evaluator(["right", "half"]), ["right", "half"], 0.25, tmp_path)
    metrics = written(tmp_path)
    assert [metrics["cases"][name]["dice"] for name in ("right", "half")] == [1, 0.5]
    assert metrics["threshold"] == 0.25


def test_undefined_everywhere_is_null(tmp_path):
    run_evaluation(evaluator(["empty"], ("auroc",)), ["empty"], 0.5, tmp_path)
    assert written(tmp_path) == {"cases": {"empty": {"auroc": None}}, "mean": {"auroc": None}, "threshold": 0.5}


def test_a_failed_evaluation_leaves_no_file(tmp_path):
    broken = evaluator([*CASES])
    good, calls = broken.inferer, iter((True, True, False))
    broken.inferer = lambda image, network: good(image, network) if next(calls) else fail()
    with pytest.raises(RuntimeError, match="out of memory"):
        run_evaluation(broken, list(CASES), 0.5, tmp_path)
    assert not list(tmp_path.iterdir())
