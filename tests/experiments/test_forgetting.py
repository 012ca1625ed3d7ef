"""What fine-tuning forgets: which commands it runs and what it makes of them, by hand."""

import json

import numpy as np
import pytest

from experiments.forgetting import run_forgetting
from scripts.core import WEIGHTS
from scripts.io import read_volume
from scripts.study import NOT_LABELLED
from tests.helpers.dataset_examples import write_tubes

REGION = "0:32,2:34,:"


@pytest.fixture
def dataset(tmp_path):
    for name in ("v", "w"):
        write_tubes(tmp_path / "data", name, (40, 36, 15))
    return tmp_path / "data"


def done(configs, **options):
    """Write what a training or an evaluation would."""
    if "ckpt_dir" in options:
        options["ckpt_dir"].mkdir(parents=True)
        (options["ckpt_dir"] / "model_best.pt").touch()
        return
    options["output_dir"].mkdir(parents=True)
    dice = 0.25 if options["ckpt_path"] == WEIGHTS else 0.5 if options.get("voxel_classifier") is False else 0.75
    precision = None if options["dataset_dir"].name == "w" else 0.5
    scores = {"cases": {"v": {"dice": dice, "average_precision": precision}}}
    (options["output_dir"] / "metrics.json").write_text(json.dumps(scores))


def test_the_table_and_that_nothing_is_done_twice(dataset, tmp_path, monkeypatch, capsys):
    commands = []
    monkeypatch.setattr("experiments.few_labels.trial.run_bundle", lambda *a, **k: (commands.append(k), done(*a, **k)))
    for _ in range(2):
        run_forgetting(dataset, tmp_path / "out", {"v": REGION}, replays=[0, 0.3], options={"epochs": 2})
    assert len(commands) == 2 + 2 * (1 + 2 * 2)  # before, then each replay: a training, and two scores of each volume
    trainings = [each for each in commands if "ckpt_dir" in each]
    assert [(each["replay"], each["epochs"]) for each in trainings] == [(0, 2), (0.3, 2)]
    trained = read_volume(trainings[0]["dataset_dir"] / "v.tif")[1]
    assert (trained[:32, 2:34] < NOT_LABELLED).all()
    assert (trained == NOT_LABELLED).sum() == trained.size - 32 * 32 * 15
    table = capsys.readouterr().out.splitlines()
    assert table[:6] == table[6:]
    assert table[2:6] == [
        f"| v `{REGION}` | 0 | the rest of it | 0.250, 0.500 | 0.750, 0.500 | 0.500, 0.500 |",
        f"| v `{REGION}` | 0 | w | 0.250, – | 0.750, – | 0.500, – |",
        f"| v `{REGION}` | 0.3 | the rest of it | 0.250, 0.500 | 0.750, 0.500 | 0.500, 0.500 |",
        f"| v `{REGION}` | 0.3 | w | 0.250, – | 0.750, – | 0.500, – |",
    ]
    truth = read_volume(dataset / "labels" / "w.tif")[1] > 0
    assert np.array_equal(read_volume(tmp_path / "out" / "datasets" / "w" / "w.tif")[1], truth)


@pytest.mark.parametrize("asked", [{"blocks": {"x": REGION}}, {"others": ["x"]}])
def test_a_volume_that_is_not_there_is_refused(asked, dataset, tmp_path):
    with pytest.raises(ValueError, match="there is no volume 'x' in the dataset; it has v, w"):
        run_forgetting(dataset, tmp_path / "out", **asked)
