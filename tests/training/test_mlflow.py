"""MONAI's `--tracking mlflow`, read back with MLflow's own client."""

import sys

import pytest
from mlflow import MlflowClient
from monai.utils import path_to_sqlite_uri

from scripts.core.configs import check_tracking
from scripts.metrics import METRICS
from tests.helpers.bundle_command import TINY_NETWORK, TINY_TRAINING


@pytest.mark.parametrize("name", ["mlflow", "sqlalchemy"])
def test_what_is_not_installed_is_named(name, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf"--tracking mlflow: {name} not .* -r requirements/tracking\.txt"):
        check_tracking("mlflow")
    check_tracking(None)
    (tmp_path / "settings.json").write_text("{}")
    check_tracking(str(tmp_path / "settings.json"))
    with pytest.raises(ValueError, match="--tracking mlfow: is neither mlflow nor a file"):
        check_tracking("mlfow")


def runs_in(folder):
    """The client, and the runs in a folder's store, the earliest first."""
    client = MlflowClient(path_to_sqlite_uri(folder / "mlruns.db"))
    [experiment] = [e for e in client.search_experiments() if e.name == "monai_experiment"]
    return client, client.search_runs(experiment.experiment_id, order_by=["attributes.start_time ASC"])


def assert_whole(client, run, folder):
    """It has ended, and holds the config that MONAI saved in the same folder."""
    assert run.info.status == "FINISHED"
    [artifact] = client.list_artifacts(run.info.run_id)
    saved = folder / artifact.path
    assert saved.name.startswith("config_")
    [stored] = folder.glob(f"mlruns/*/artifacts/{saved.name}")
    assert stored.read_bytes() == saved.read_bytes()


def test_training_is_tracked_beside_its_weights(bundle, tiny_dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path, "epochs": 2}
    bundle.run("train", **options, tracking="mlflow").ok()
    client, [run] = runs_in(tmp_path)
    assert_whole(client, run, tmp_path)
    for name in ("train_loss", "lr_group_0", "val_dice", "val_auroc", "threshold"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, name)] == [1, 2], name
    assert run.data.params == {"max_epochs": "2", "epoch_length": "1"}


def test_inference_and_evaluation_are_tracked_in_output_dir(bundle, tiny_dataset, tiny_weights, tmp_path):
    """One run each, whole, though `output_dir` is a plain path and not the expression that MONAI takes it for."""
    options = {"dataset_dir": tiny_dataset, "ckpt_path": tiny_weights, "output_dir": tmp_path, **TINY_NETWORK}
    for configs in ("inference", ("train", "evaluate")):
        bundle.run(configs, **options, tracking="mlflow").ok()
    client, runs = runs_in(tmp_path)
    assert len(runs) == 2
    for run in runs:
        assert_whole(client, run, tmp_path)
    assert set(runs[1].data.metrics) == {name for name in METRICS if not name.startswith("best_")}
