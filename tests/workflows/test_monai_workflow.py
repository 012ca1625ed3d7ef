"""Both workflows as MONAI runs them: in this process, from inside the bundle, from elsewhere, and by MONAI Label."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from scripts.core import one_line
from scripts.io import read_volume, write_volume
from scripts.metrics import CentrelineCounts, SurfaceCounts, TopologyCounts, VolumeCounts, centreline
from scripts.monailabel.active_weights import copy_pair
from scripts.network import TubeNet
from scripts.weights import read_sidecar, save_weights
from tests.helpers.bundle_command import BUNDLE, LEFT_BY_TRAINING, TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING, contents


def test_train_in_process(workflow, tiny_dataset, tmp_path):
    train = workflow(
        "train", "train", dataset_dir=str(tiny_dataset), ckpt_dir=str(tmp_path / "weights"), **TINY_TRAINING
    )
    train.initialize()
    assert train.check_properties() == []
    train.run()
    train.finalize()
    assert train.max_epochs == 1
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == LEFT_BY_TRAINING


def test_inference_in_process(workflow, tiny_dataset, tiny_weights, tmp_path):
    options = {"dataset_dir": str(tiny_dataset), "output_dir": str(tmp_path / "out"), "ckpt_path": str(tiny_weights)}
    inference = workflow("inference", "inference", **options, **TINY_NETWORK)
    inference.initialize()
    assert inference.check_properties() == []
    inference.run()
    inference.finalize()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a_seg.tif"]


def test_initialize_needs_no_data(workflow, tiny_weights):
    """A server initialises the workflows before anyone has said where the images are."""
    workflow("train", "train", **TINY_TRAINING).initialize()
    workflow("inference", "inference", ckpt_path=str(tiny_weights), **TINY_NETWORK).initialize()


def test_the_seed_alone_decides_the_first_weights(workflow):
    heads = []
    for state, seed in ((5, 0), (6, 0), (6, 1)):
        torch.manual_seed(state)
        train = workflow("train", "train", **TINY_TRAINING, seed=seed)
        train.initialize()
        heads.append(train.network_def.head.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[1], heads[2])


@pytest.fixture
def served(tiny_weights, tmp_path):
    """A copy of the bundle, as a server has it, with weights that are as good as random and two steps an epoch."""
    bundle = shutil.copytree(BUNDLE, tmp_path / "bundle", ignore=shutil.ignore_patterns("models", "__pycache__"))
    copy_pair(tiny_weights, bundle / "models" / "model.pt")
    finetune = json.loads((bundle / "configs" / "finetune.json").read_text())
    finetune |= {"iterations_per_epoch": 2, "batch_size": 1, "learning_rate": 0.01}
    (bundle / "configs" / "finetune.json").write_text(json.dumps(finetune))
    return bundle


def by_monai_label(workflow, bundle, train, validate):
    """Train as its server does: lists of files in place of a dataset, a loader of weights before all handlers."""
    handlers = json.loads((BUNDLE / "configs" / "train.json").read_text())["train"]["handlers"]
    load = {"load_path": str(bundle / "models" / "model.pt"), "load_dict": {"model": "$@network"}, "strict": False}
    return workflow(
        "train",
        "train",
        **{
            **TINY_NETWORK,
            "bundle_root": str(bundle),
            "device": "cpu",
            "run_id": "",  # as 3D Slicer sends it, whereupon MONAI resolves the whole config
            "train#trainer#max_epochs": 2,
            "train#handlers": [{"_target_": "CheckpointLoader", **load}, *handlers],
            "train#dataset#data": train,
            "validate#dataset#data": validate,
        },
    )


def test_training_by_monai_label(workflow, served, tiny_dataset):
    """It gives lists of files, without names, in place of a dataset; training is that of `finetune.json`."""
    before = {path.name: path.read_bytes() for path in (served / "models").iterdir()}
    files = [{"image": str(tiny_dataset / "images" / "a.tif"), "label": str(tiny_dataset / "labels" / "a.tif")}]
    for _ in range(2):
        train = by_monai_label(workflow, served, files, [])
        train.initialize()
        train.run()
        train.finalize()
    models, trained = served / "models", read_sidecar(served / "models" / "model.pt")
    assert trained["label_values"] == [0, 255]
    assert trained["trained_on"] == ["a"]
    assert trained["validated_on"] == "a strip of 10 of 40 voxels along X of a, which touches what trains"
    assert trained["sha256"] == read_sidecar(served / "checkpoints" / "model_best.pt")["sha256"]
    assert trained["sha256"] != read_sidecar(models / "model_foundation.pt")["sha256"]
    for name, content in before.items():
        assert (models / name.replace("model.", "model_foundation.")).read_bytes() == content
    assert sorted(path.name for path in (served / "checkpoints").iterdir()) == LEFT_BY_TRAINING
    rows = (served / "checkpoints" / "epochs.csv").read_text().splitlines()
    assert [row.split(",")[:3] for row in rows[1:]] == [["1", "2", "0.01"], ["2", "4", str(0.01 * 0.1**0.5)]]


def test_training_by_monai_label_that_fails_leaves_the_weights(workflow, served, tiny_dataset):
    before = contents(served / "models")
    image = str(tiny_dataset / "images" / "a.tif")
    for pairs, why in (
        ([], "no image has a label to learn from"),
        ([{"image": image, "label": image}], "looks like an image"),
    ):
        train = by_monai_label(workflow, served, pairs, [])
        train.initialize()
        with pytest.raises(RuntimeError) as error:
            train.run()
        assert why in one_line(error.value)
        assert contents(served / "models") == before


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "elsewhere"])
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "forked"])
def test_from_inside_the_bundle_and_from_elsewhere(inside, plain, bundle, tiny_dataset, tiny_weights, tmp_path):
    """A plain process for the one base stands for the other, whose commands differ in nothing but names."""
    where = {"cwd": BUNDLE} if inside else {"cwd": tmp_path, "bundle_root": BUNDLE}
    if plain == inside:
        options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path / "out"}
        bundle.run("train", plain=plain, **options, **where).ok()
        assert read_sidecar(tmp_path / "out" / "model_best.pt")["trained_on"] == ["a"]
    else:
        options = {
            **TINY_NETWORK,
            "dataset_dir": tiny_dataset,
            "output_dir": tmp_path / "out",
            "ckpt_path": tiny_weights,
        }
        bundle.run("inference", plain=plain, **options, **where).ok()
        assert (tmp_path / "out" / "a_seg.tif").is_file()


def test_evaluation_agrees_with_the_segmentation(bundle, tiny_dataset, tiny_weights, tmp_path):
    """Dice, precision and recall of `metrics.json` are those of the files that inference writes."""
    shared = {"dataset_dir": tiny_dataset, "ckpt_path": tiny_weights, **TINY_NETWORK}
    bundle.run("inference", **shared, output_dir=tmp_path / "first", save_probability="true").ok()
    threshold = float(np.median(read_volume(tmp_path / "first" / "a_prob.tif")[1]))
    shared |= {"threshold": threshold, "output_dir": tmp_path / "out"}
    bundle.run("inference", **shared).ok()
    bundle.run(("train", "evaluate"), **shared).ok()

    predicted = read_volume(tmp_path / "out" / "a_seg.tif")[1] > 0
    truth = read_volume(tiny_dataset / "labels" / "a.tif")[1] > 0
    hit = int((predicted & truth).sum())
    assert 0 < hit < truth.sum()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert set(metrics) == {"cases", "mean", "threshold"}
    assert metrics["threshold"] == threshold
    assert metrics["cases"] == {"a": metrics["mean"]}
    assert set(metrics["mean"]) == {
        *(score for each in (VolumeCounts, CentrelineCounts, SurfaceCounts, TopologyCounts) for score in each.SCORES)
    }
    expected = {"dice": 2 * hit / (predicted.sum() + truth.sum())}
    expected |= {"precision": hit / predicted.sum(), "recall": hit / truth.sum()}
    lines = {"precision": centreline(predicted), "sensitivity": centreline(truth)}
    on = {"precision": (lines["precision"] & truth).sum(), "sensitivity": (lines["sensitivity"] & predicted).sum()}
    precise, found = (on[which] / line.sum() for which, line in lines.items())
    assert 0 < precise < 1
    expected |= {"cldice": 2 * precise * found / (precise + found), "centreline_sensitivity": found}
    for name, value in expected.items():
        assert math.isclose(metrics["mean"][name], value), name
    pictures = {"roc.png", "precision_recall.png", "calibration.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a_seg.tif",
        "metrics.json",
        "metrics.csv",
        "curves.json",
        "run.json",
        *pictures,
    }


def test_evaluation_of_several_classes_in_a_region(bundle, tiny_dataset, tmp_path):
    """Weights for the values 0, 100 and 255 on labels of 0 and 255: class 2 is scored, class 1 is there nowhere."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TubeNet(channels=TINY_CHANNELS, out_channels=3)
    weights, threshold = tmp_path / "three.pt", 0.55
    sidecar = {"network": network.arguments, "threshold": threshold, "label_values": [0, 100, 255]}
    save_weights(weights, network, sidecar | {"label_names": ["background", "artery", "vein"]})
    shared = {"dataset_dir": tiny_dataset, "ckpt_path": weights, "network_def#out_channels": 3, **TINY_NETWORK}
    bundle.run("inference", **shared, output_dir=tmp_path / "out", save_probability="true").ok()
    bundle.run(("train", "evaluate"), **shared, output_dir=tmp_path / "out", region="5:35,:,2:12").ok()

    part = (slice(5, 35), slice(None), slice(2, 12))
    truth = read_volume(tiny_dataset / "labels" / "a.tif")[1][part] == 255
    probability = np.stack([read_volume(tmp_path / "out" / "a_prob.tif", channel=c)[1][part] for c in (0, 1)])
    vein = (probability.sum(axis=0) > threshold) & (probability[1] > probability[0])
    np.testing.assert_array_equal(vein, read_volume(tmp_path / "out" / "a_seg.tif")[1][part] == 2)
    hit = int((vein & truth).sum())
    assert 0 < hit < truth.sum()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["threshold"] == threshold
    scores = metrics["cases"]["a"]
    assert math.isclose(scores["dice.vein"], 2 * hit / (vein.sum() + truth.sum()))
    assert math.isclose(scores["precision.vein"], hit / vein.sum())
    assert math.isclose(scores["recall.vein"], hit / truth.sum())
    assert math.isclose(scores["auroc.vein"], roc_auc_score(truth.ravel(), probability[1].ravel()), abs_tol=1e-4)
    assert (scores["recall.artery"], scores["auroc.artery"]) == (None, None)
    assert 0 < scores["cldice.vein"] < 1
    assert (scores["centreline_sensitivity.artery"], scores["cldice.artery"]) == (
        None,
        0,
    )  # predicted, and nowhere there
    assert scores["recall"] == scores["recall.vein"]
    assert scores["dice"] == (scores["dice.vein"] + scores["dice.artery"]) / 2

    sidecar["label_values"] = [0, 1, 2]
    save_weights(weights, network, sidecar)
    label = tiny_dataset / "labels" / "a.tif"
    refusal = bundle.run(("train", "evaluate"), **shared, output_dir=tmp_path / "none")
    refusal.refused(f"{label}: holds 255", "label values [0, 1, 2]")
    assert not (tmp_path / "none").exists()


def test_the_error_comes_last_whatever_bars_are_open(bundle, tiny_dataset, tiny_weights, tmp_path):
    """NaN is seen when a volume is read, after others have been scored."""
    for part in ("images", "labels"):
        _, voxels = read_volume(tiny_dataset / part / "a.tif")
        for name in "ab":
            write_volume(tmp_path / "dataset" / part / f"{name}.npy", voxels)
    voxels = np.load(tmp_path / "dataset" / "images" / "b.npy").astype(np.float32)
    voxels[0, 0, 0] = np.nan
    np.save(tmp_path / "dataset" / "images" / "b.npy", voxels)
    options = {"dataset_dir": tmp_path / "dataset", "ckpt_path": tiny_weights, "output_dir": tmp_path / "out"}
    done = bundle.run(("train", "evaluate"), **options, **TINY_NETWORK)
    done.refused(tmp_path / "dataset" / "images" / "b.npy", "NaN")
    assert "volume 1 of 2, a: " in done.stderr


def test_evaluation_is_not_told_where_training_wrote(bundle, tiny_dataset, tmp_path):
    done = bundle.run(("train", "evaluate"), dataset_dir=tiny_dataset, ckpt_dir=tmp_path)
    done.refused("evaluation trains nothing; name the weights by --ckpt_path")


def test_what_is_undefined_is_null(bundle, other_dataset, tiny_weights, tmp_path):
    """A label without vessels has neither recall nor AUROC; NaN is no JSON."""
    region = "0:2,0:2,0:2"
    label = read_volume(other_dataset / "labels" / "b.tif")[1][:2, :2, :2]
    assert not label.any()
    options = {"dataset_dir": other_dataset, "ckpt_path": tiny_weights, "output_dir": tmp_path, "region": region}
    bundle.run(("train", "evaluate"), **options, **TINY_NETWORK).ok()
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text)["cases"]["b"]["recall"] is None
    assert json.loads(text)["cases"]["b"]["centreline_sensitivity"] is None
    assert json.loads(text)["mean"]["auroc"] is None
    assert "NaN" not in text
    names = [path.name for path in tmp_path.iterdir()]
    # no curve can be drawn without vessel, but what is said of the background can
    assert sorted(names) == ["calibration.png", "curves.json", "metrics.csv", "metrics.json", "run.json"]
