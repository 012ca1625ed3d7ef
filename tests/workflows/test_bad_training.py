"""Whatever is wrong with labels, weights, folders and options of a training: one line names it, nothing is lost."""

import json
import shutil

import numpy as np
import pytest

from scripts.io import read_volume, write_volume
from scripts.weights import read_sidecar, sidecar_path
from tests.helpers.bundle_command import TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING, contents
from tests.helpers.dataset_examples import write_tubes

FINETUNE = ("train", "finetune")
EVALUATE = ("train", "evaluate")


@pytest.fixture
def dataset(tmp_path):
    """Volumes `a` and `b` with vessels of 255, to be relabelled."""
    for name in "ab":
        write_tubes(tmp_path / "dataset", name, (34, 33, 12))
    return tmp_path / "dataset"


def relabel(dataset, name, values):
    """Give a label the values: background the first, then the tube in as many parts along X as there are others."""
    path = dataset / "labels" / f"{name}.tif"
    _, tube = read_volume(path)
    parts = np.minimum(np.indices(tube.shape)[0] * (len(values) - 1) // tube.shape[0], len(values) - 2)  # (X, Y, Z)
    label = np.where(tube > 0, np.array(values[1:])[parts], values[0])
    path.unlink()
    write_volume(path, label.astype(np.float32 if label.min() < 0 or (label % 1).any() else np.uint8))
    return path


def train(bundle, dataset, configs="train", **options):
    return bundle.run(
        configs, **{**TINY_TRAINING, "dataset_dir": dataset, "ckpt_dir": dataset.parent / "weights", **options}
    )


def test_labels_of_any_values_train(bundle, dataset):
    """{0, 255} needs nothing; {0, 2, 7} as many classes; {0, 7} and {0, 2, 7} in one dataset get one map."""
    train(bundle, dataset).ok()
    assert read_sidecar(dataset.parent / "weights" / "model_last.pt")["label_values"] == [0, 255]
    for values in ([0, 2, 7], [0, 7]):
        relabel(dataset, "a", values)
        relabel(dataset, "b", [0, 2, 7])
        refused = train(bundle, dataset, ckpt_dir=dataset.parent / "none")
        refused.refused("3 values [0, 2, 7]", "--network_def#out_channels 3")
        assert not (dataset.parent / "none").exists()
        train(bundle, dataset, **{"network_def#out_channels": 3}).ok()
        sidecar = read_sidecar(dataset.parent / "weights" / "model_last.pt")
        assert sidecar["label_values"] == [0, 2, 7]
        assert len(sidecar["label_names"]) == 3


def test_fine_tuning_keeps_the_classes_of_its_weights(bundle, dataset, tmp_path):
    """A label that holds only {0, 7} still means the third class of weights trained on {0, 2, 7}."""
    for name in "ab":
        relabel(dataset, name, [0, 2, 7])
    classes = {"network_def#out_channels": 3}
    train(bundle, dataset, **classes).ok()
    for name in "ab":
        relabel(dataset, name, [0, 7])
    weights = {"ckpt_path": tmp_path / "weights" / "model_last.pt", "ckpt_dir": tmp_path / "tuned"}
    train(bundle, dataset, FINETUNE, **classes, **weights).ok()
    assert read_sidecar(tmp_path / "tuned" / "model_last.pt")["label_values"] == [0, 2, 7]
    done = train(bundle, dataset, FINETUNE, **{**weights, "ckpt_dir": tmp_path / "binary"}).ok()
    assert "its classifier 'head' is replaced by a new one" in done.stderr
    assert read_sidecar(tmp_path / "binary" / "model_last.pt")["label_values"] == [0, 7]


def fractions(dataset):
    return relabel(dataset, "b", [0, 0.5]), "fractions such as 0.5", "looks like an image"


def no_vessel(dataset):
    for name in "ab":
        path = dataset / "labels" / f"{name}.tif"
        write_volume(path, np.zeros_like(read_volume(path)[1]))
    return dataset / "labels", "vessel"


def nothing_labelled(dataset):
    path = dataset / "labels" / "b.tif"
    write_volume(path, np.full(read_volume(path)[1].shape, -1, np.float32))
    return path, "no voxel is labelled", "label some there"


@pytest.mark.parametrize("spoil", [fractions, no_vessel, nothing_labelled])
@pytest.mark.parametrize("configs", ["train", FINETUNE], ids=["train", "finetune"])
def test_labels_that_teach_nothing(spoil, configs, bundle, dataset, tiny_weights, tmp_path):
    told = spoil(dataset)
    weights = {} if configs == "train" else {"ckpt_path": tiny_weights}
    train(bundle, dataset, configs, **weights).refused(*told)
    assert not (tmp_path / "weights").exists()


def test_a_volume_smaller_than_a_patch_in_every_axis_trains(bundle, tmp_path):
    dataset = write_tubes(tmp_path / "dataset", "a", (20, 18, 10))
    train(bundle, dataset, patch_size=[64, 64, 64]).ok()
    out = {"output_dir": tmp_path / "out", "ckpt_path": tmp_path / "weights" / "model_best.pt"}
    bundle.run(EVALUATE, dataset_dir=dataset, **out, **{**TINY_NETWORK, "patch_size": [64, 64, 64]}).ok()
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["cases"]["a"]["auroc"] is not None


def no_sidecar(weights):
    sidecar_path(weights).unlink()
    return sidecar_path(weights), "the sidecar of w.pt is missing"


def sidecar_of_others(weights):
    sidecar = json.loads(sidecar_path(weights).read_text())
    sidecar_path(weights).write_text(json.dumps({**sidecar, "sha256": "0" * 64}))
    return weights, "is not the file that its sidecar w.json describes"


def other_width(weights):
    sidecar = json.loads(sidecar_path(weights).read_text())
    sidecar["network"]["channels"] = [4, 4, 8, 8, 8, 16]
    sidecar_path(weights).write_text(json.dumps(sidecar))
    return weights, f"channels is [4, 4, 8, 8, 8, 16] in the weights and {TINY_CHANNELS} in the config"


@pytest.mark.parametrize("spoil", [no_sidecar, sidecar_of_others, other_width])
@pytest.mark.parametrize("configs", [FINETUNE, EVALUATE, "inference"], ids=["finetune", "evaluate", "inference"])
def test_weights_whose_sidecar_is_missing_or_disagrees(spoil, configs, bundle, tiny_dataset, tiny_weights, tmp_path):
    weights, out = tmp_path / "w.pt", tmp_path / "out"
    for source, target in ((tiny_weights, weights), (sidecar_path(tiny_weights), sidecar_path(weights))):
        shutil.copy(source, target)
    told = spoil(weights)
    where = {"ckpt_dir": out} if configs == FINETUNE else {"output_dir": out}
    options = TINY_TRAINING if configs == FINETUNE else TINY_NETWORK
    bundle.run(configs, **options, dataset_dir=tiny_dataset, ckpt_path=weights, **where).refused(*told)
    assert not out.exists()


@pytest.mark.parametrize("configs", [FINETUNE, EVALUATE, "inference"], ids=["finetune", "evaluate", "inference"])
def test_images_are_scaled_as_the_weights_say_which_a_config_cannot_contradict(
    configs, bundle, tiny_dataset, tiny_weights, tmp_path
):
    weights, out = tmp_path / "w.pt", tmp_path / "out"
    shutil.copy(tiny_weights, weights)
    sidecar = json.loads(sidecar_path(tiny_weights).read_text()) | {"normalisation": {"lower": 1.0, "upper": 99.0}}
    sidecar_path(weights).write_text(json.dumps(sidecar))
    where = {"ckpt_dir": out} if configs == FINETUNE else {"output_dir": out}
    options = TINY_TRAINING if configs == FINETUNE else TINY_NETWORK
    options = {**options, **where, "dataset_dir": tiny_dataset, "ckpt_path": weights}
    done = bundle.run(configs, **options, **{"normalisation#upper": 100})
    done.refused(weights, "upper is 99.0 in the weights and 100 in the config")
    assert not out.exists()
    bundle.run(configs, **options).ok()
    if configs == FINETUNE:
        assert json.loads((out / "model_last.json").read_text())["normalisation"] == {"lower": 1.0, "upper": 99.0}


def test_the_default_weights_do_not_fit_another_width(bundle, tiny_dataset, tmp_path):
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": tmp_path / "weights"}
    done = bundle.run(FINETUNE, **options)
    done.refused("models/model.pt", "channels is [16, 32, 64, 128, 128, 128] in the weights", str(TINY_CHANNELS))
    assert not (tmp_path / "weights").exists()


@pytest.mark.slow
def test_a_disk_that_fills_while_a_checkpoint_is_written(bundle, tiny_dataset, tmp_path):
    """A limit on the size of files stands in for the disk: writing fails in the same place, for real."""
    weights = tmp_path / "weights"
    options = {**TINY_TRAINING, "dataset_dir": tiny_dataset, "ckpt_dir": weights}

    def command(most_bytes, **more):
        words = [word for name, value in {**options, **more}.items() for word in (f"--{name}", value)]
        return bundle("run", "--config_file", "configs/train.json", *words, most_bytes=most_bytes)

    assert command(10**9).status == 0
    before = contents(weights)
    failed = command((weights / "model_last.pt").stat().st_size + 1000, epochs=2, resume="true")
    last = failed.stderr.strip().splitlines()[-1]
    assert failed.status == 1
    assert last.startswith(f"error: {weights / 'resume.pt'}: cannot be written (")
    assert "what was there before is kept" in last
    after = contents(weights)
    assert after.keys() == before.keys()
    name = (weights / "resume.pt").relative_to(weights)
    assert after[name] == before[name]
    assert command(10**9, epochs=2, resume="true").status == 0


def test_mistyped_options(bundle, tiny_dataset, tmp_path):
    options = {"dataset_dir": tiny_dataset, "ckpt_dir": tmp_path / "weights"}
    bundle.run("train", **options, epoch=1).refused("--epoch", "did you mean --epochs?")
    bundle.run(FINETUNE, **options, frosen="[]").refused("--frosen", "did you mean --frozen?")
    bundle.run(EVALUATE, dataset_dir=tiny_dataset, treshold=0.3).refused("--treshold", "did you mean --threshold?")
    bundle.run(FINETUNE, **options, frozen="['encoder.9']").refused("'encoder.9' is not a layer", "encoder.0")
    assert not (tmp_path / "weights").exists()


def test_configs_with_a_comma_and_no_brackets(bundle, tiny_dataset, tmp_path):
    """MONAI takes both for one file and says so, before anything of the bundle is read."""
    files = "configs/train.json,configs/finetune.json"
    done = bundle("run", "--config_file", files, "--dataset_dir", tiny_dataset, "--ckpt_dir", tmp_path / "weights")
    assert done.status == 1
    assert done.stderr.strip().splitlines()[-1].endswith(f"Cannot find the config file: {files}.")
    assert not (tmp_path / "weights").exists()
