"""The commands that bring the release's weights over and back, and the imported weights in use."""

import json
import shutil

import pytest
import torch

from scripts.network import TubeNet
from scripts.weights import read_sidecar, save_weights
from scripts.weights.keras import export_weights, import_weights, released_argument
from scripts.weights.keras.layout import RELEASED, read_keras_weights
from tests.helpers.bundle_command import BUNDLE, contents
from tests.helpers.keras_release import QUIET, WIDTHS, release

pytestmark = QUIET


def test_import_export_import_is_the_same_to_the_bit(keras_file, tmp_path):
    first = import_weights(keras_file, tmp_path / "first.pt")
    back = export_weights(first, tmp_path / "back.weights.h5")
    second = import_weights(back, tmp_path / "second.pt")
    one, two = torch.load(first, weights_only=True), torch.load(second, weights_only=True)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    differing = {name for name, value in read_sidecar(first).items() if read_sidecar(second)[name] != value}
    assert differing <= {"trained_on", "imported_from", "sha256"}


def test_widths_classes_and_channels_are_found(tmp_path):
    made = release(channels=(8, 4, 12, 8, 4, 16), classes=3, inputs=2)
    made.save_weights(tmp_path / "odd.weights.h5")
    path = import_weights(tmp_path / "odd.weights.h5")
    assert path == tmp_path / "odd.pt"
    network = TubeNet(
        in_channels=2,
        out_channels=3,
        channels=(8, 4, 12, 8, 4, 16),
        **{name: value for name, value in RELEASED.items() if name != "act"},
    )
    sidecar = read_sidecar(path)
    assert sidecar["network"] == json.loads(json.dumps(network.arguments))
    assert (sidecar["label_values"], sidecar["label_names"]) == ([0, 1, 2], ["class 0", "class 1", "class 2"])
    assert (sidecar["threshold"], sidecar["patch_size"]) == (0.5, [64, 64, 64])
    assert sidecar["normalisation"] == {"lower": 0.0, "upper": 100.0}
    assert sidecar["imported_from"]["weights"] == "odd.weights.h5"


# -- in use ------------------------------------------------------------------------------------------------------------


def test_imported_weights_need_no_further_word(bundle, keras_file, tiny_dataset, tmp_path):
    """Widths that are not the overlay's own, and yet: segment, score, fine-tune for other classes, export."""
    weights = import_weights(keras_file, tmp_path / "imported.pt")
    overlay, options = "overlays/published", {"dataset_dir": tiny_dataset, "ckpt_path": weights, "overlap": 0.1}
    bundle.run(("inference", overlay), **options, output_dir=tmp_path / "out").ok()
    assert (tmp_path / "out" / "a_seg.tif").is_file()
    bundle.run(("train", "evaluate", overlay), **options, output_dir=tmp_path / "scores").ok()
    assert json.loads((tmp_path / "scores" / "metrics.json").read_text())["threshold"] == 0.5

    short = {"epochs": 1, "iterations_per_epoch": 1, "batch_size": 1, "network_def#out_channels": 3}
    bundle.run(("train", "finetune", overlay), **options, **short, ckpt_dir=tmp_path / "tuned").ok()
    tuned = read_sidecar(tmp_path / "tuned" / "model_best.pt")
    assert (tuned["network"]["out_channels"], tuned["network"]["channels"]) == (3, WIDTHS)
    exported = ("--net_id", "network_def", "--filepath", tmp_path / "imported.ts", "--ckpt_file", weights)
    configs = "['configs/inference.json','configs/overlays/published.json']"
    shape = ("--input_shape", "[1,1,32,32,32]", "--bundle_root", BUNDLE)
    bundle("ckpt_export", *exported, "--config_file", configs, *shape, "--ckpt_path", weights).ok()
    image = torch.rand(1, 1, 32, 64, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = read_keras_weights(keras_file).eval()(image)
        actual = torch.jit.load(tmp_path / "imported.ts").eval()(image)
    torch.testing.assert_close(actual, expected)


def test_widths_are_those_of_weights_of_the_same_graph_alone(keras_file, tiny_weights, tmp_path):
    imported = import_weights(keras_file, tmp_path / "a.pt")
    assert released_argument("channels", imported, [32]) == WIDTHS
    assert released_argument("channels", tiny_weights, [32]) == [32]
    assert released_argument("channels", None, [32]) == [32]
    with pytest.raises(FileNotFoundError, match="check --ckpt_path"):
        released_argument("channels", tmp_path / "none.pt", [32])


def test_only_the_release_s_graph_is_exported(tiny_weights, keras_file, tmp_path):
    not_it = r"tiny\.pt: is not of the release's graph \(decoder_convolutions is 2; .*train"
    with pytest.raises(ValueError, match=not_it):
        export_weights(tiny_weights, tmp_path / "a.weights.h5")
    shallow = TubeNet(channels=(4, 8), **RELEASED)
    save_weights(tmp_path / "shallow.pt", shallow, {"network": shallow.arguments, "threshold": 0.5})
    with pytest.raises(ValueError, match="it has 2 layers, not 6"):
        export_weights(tmp_path / "shallow.pt")
    imported = import_weights(keras_file, tmp_path / "imported.pt")
    with pytest.raises(ValueError, match=r"b\.h5: Keras loads no other file than NAME\.weights\.h5"):
        export_weights(imported, tmp_path / "b.h5")
    with pytest.raises(ValueError, match=r"photo\.tif: weights are named NAME\.pt"):
        import_weights(keras_file, tmp_path / "photo.tif")
    with pytest.raises(ValueError, match=r"small\.weights\.h5: is a Keras file; python -m scripts import-weights"):
        export_weights(keras_file, tmp_path / "b.weights.h5")
    left = [path.name for path in sorted(tmp_path.iterdir())]
    assert left == ["imported.json", "imported.pt", "shallow.json", "shallow.pt"]


def test_what_is_there_already_is_kept(keras_file, tmp_path):
    """By default each command would write over what the other was given."""
    source = shutil.copy(keras_file, tmp_path / "a.weights.h5")
    weights = import_weights(source)
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"a\.weights\.h5: is there already and would be lost; .*--keras_path"):
        export_weights(weights)
    with pytest.raises(FileExistsError, match=r"a\.pt: is there already and would be lost; .*--ckpt_path"):
        import_weights(source)
    weights.unlink()
    with pytest.raises(FileExistsError, match=r"a\.json: is there already"):
        import_weights(source)
    assert contents(tmp_path) == {name: content for name, content in before.items() if name.name != "a.pt"}


def test_weights_of_several_channels_do_not_run(bundle, tiny_dataset, tmp_path, caplog):
    release(inputs=2).save_weights(tmp_path / "two.weights.h5")
    weights = import_weights(tmp_path / "two.weights.h5")
    assert "takes 2 channels, and the bundle runs on one" in caplog.text
    options = {"dataset_dir": tiny_dataset, "ckpt_path": weights, "output_dir": tmp_path / "out"}
    bundle.run(("inference", "overlays/published"), **options).refused(weights, "in_channels is 2 in the weights")


@pytest.mark.parametrize(
    "network", [{"channels": 6}, {"channels": ["x"]}, {"width": 3}, {"dropout": 3}, {"channels": [4, 2**40]}]
)
def test_a_sidecar_of_no_network(network, tmp_path):
    made = TubeNet(channels=(4, 4))
    save_weights(tmp_path / "a.pt", made, {"network": network, "threshold": 0.5})
    with pytest.raises(ValueError, match=r"a\.json: describes a network that does not exist .*copy it again"):
        export_weights(tmp_path / "a.pt")


def test_weights_scaled_otherwise_are_exported_with_a_warning(keras_file, tmp_path, caplog):
    network = read_keras_weights(keras_file)
    normalisation = {"lower": 1.0, "upper": 99.0}
    sidecar = {"network": network.arguments, "normalisation": normalisation, "threshold": 0.5}
    save_weights(tmp_path / "a.pt", network, sidecar)
    export_weights(tmp_path / "a.pt")
    assert "a.json: the release scales by minimum and maximum" in caplog.text
