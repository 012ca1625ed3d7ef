"""Weights between Keras and TubeNet: real files of Keras 3, there and back, and what is refused."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest
import torch
from bundle_command import BUNDLE, contents
from keras_fixture import FOLDER, channel_first
from keras_release import release

from scripts.checkpoints import read_sidecar, save_weights
from scripts.keras_weights import (
    RELEASED,
    export_weights,
    import_weights,
    read_keras_weights,
    released_argument,
    write_keras_weights,
)
from scripts.network import TubeNet

WIDTHS = [4, 8, 16, 32, 64, 128]
pytestmark = [  # of Keras on layers as the release has them, and on NumPy 2
    pytest.mark.filterwarnings(r"ignore:.build\(\). was called on layer"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]


def tree(path):
    """Every group named vars with its attributes and every array with its shape, as the fixture lists them."""
    lines = []

    def add(name, entry):
        if isinstance(entry, h5py.Dataset):
            lines.append(f"{name} {entry.shape} {entry.dtype}")
        elif name.endswith("vars"):
            lines.append(f"{name}/ attrs={dict(entry.attrs)}")

    with h5py.File(path) as file:
        file.visititems(add)
    return lines


@pytest.fixture(scope="module")
def model():
    """The release's network in Keras, small, trained for a step so that its file holds an optimiser too."""
    made = release()
    made.compile("adam", "categorical_crossentropy")
    image = np.random.default_rng(0).random((1, 32, 32, 32, 1), dtype=np.float32)
    made.fit(image, np.repeat(image > 0.5, 2, axis=-1).astype(np.float32), verbose=0)
    return made


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """Its `.weights.h5`, by Keras."""
    path = tmp_path_factory.mktemp("keras") / "small.weights.h5"
    model.save_weights(path)
    return path


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of that file, to be spoilt."""
    return shutil.copy(saved, tmp_path / "copy.weights.h5")


@torch.no_grad()
@pytest.mark.parametrize("shape", [(32, 32, 32), (32, 64, 96)])
def test_imported_weights_compute_what_keras_computes(model, saved, shape):
    image = np.random.default_rng(1).random((2, *shape, 1), dtype=np.float32)  # (B, Z, X, Y, 1)
    # the graph of Keras is for 32 voxels a side, its layers are not
    x, skips = image, []
    for layer in model.layers[1:]:
        if layer.name.startswith("decode"):
            x = layer(skips.pop(), x)
        else:
            x = layer(x)
            skips += [x] if layer.name.startswith("encode") else []
    expected = channel_first(x.numpy())
    actual = read_keras_weights(saved).eval()(channel_first(image)).softmax(1)
    assert actual.shape == (2, 2, shape[1], shape[2], shape[0])
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5 if shape == (32, 32, 32) else 7e-5)


def test_import_export_import_is_the_same_to_the_bit(saved, tmp_path):
    first = import_weights(saved, tmp_path / "first.pt")
    back = export_weights(first, tmp_path / "back.weights.h5")
    second = import_weights(back, tmp_path / "second.pt")
    one, two = torch.load(first, weights_only=True), torch.load(second, weights_only=True)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    differing = {name for name, value in read_sidecar(first).items() if read_sidecar(second)[name] != value}
    assert differing <= {"trained_on", "imported_from", "sha256"}


def test_keras_loads_what_is_exported(model, saved, tmp_path):
    exported = export_weights(import_weights(saved, tmp_path / "a.pt"))
    assert exported == tmp_path / "a.weights.h5"
    other = release()
    for weights in other.weights:
        weights.assign(weights * 0)
    other.load_weights(exported)
    for loaded, original in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(loaded.numpy(), original.numpy())


def test_the_exported_tree_is_that_of_keras(tmp_path):
    fresh = release()
    fresh.save_weights(tmp_path / "fresh.weights.h5")
    write_keras_weights(tmp_path / "ours.weights.h5", read_keras_weights(tmp_path / "fresh.weights.h5"))
    assert tree(tmp_path / "ours.weights.h5") == tree(tmp_path / "fresh.weights.h5")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the outputs of the released implementation are not here")
def test_the_exported_tree_is_that_of_the_release(tmp_path):
    weights = import_weights(FOLDER / "small_noattn_32.weights.h5", tmp_path / "a.pt")
    listed = (FOLDER / "small_noattn_32.h5tree.txt").read_text().splitlines()
    assert tree(export_weights(weights)) == listed


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


def test_half_precision_is_widened(copy, tmp_path):
    with h5py.File(copy, "r+") as file:
        place = file["layers/conv3d/vars"]
        values = place["0"][()].astype(np.float16)
        del place["0"]
        place["0"] = values
    head = read_keras_weights(copy).head.weight
    assert head.dtype == torch.float32
    np.testing.assert_array_equal(head.detach().numpy().reshape(2, 4), values.reshape(4, 2).T)


# -- what is refused ---------------------------------------------------------------------------------------------------


def spoilt(path, place, values=None):
    """Take an array out of a file, or put another in its place."""
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        if values is not None:
            file[place] = values


def refused(path, *words):
    """The one line that says why a file is refused; nothing is written."""
    before = contents(path.parent)
    with pytest.raises(ValueError, match=re.escape(str(path))) as info:
        import_weights(path)
    assert contents(path.parent) == before
    for word in words:
        assert word in str(info.value), info.value
    assert "\n" not in str(info.value)


def test_the_attention_variant(tmp_path):
    release(attention=True).save_weights(tmp_path / "attention.weights.h5")
    refused(tmp_path / "attention.weights.h5", "attention variant", "overlays/attention.json")


@pytest.mark.parametrize("size", [0, 1000, 100_000, 3_000_000])
def test_a_file_that_is_cut_short(copy, size):
    copy.write_bytes(copy.read_bytes()[:size])
    refused(copy, "is cut short" if size else "is not HDF5")


def test_a_file_that_is_damaged(copy):
    """Its first group's own bytes are overwritten: HDF5 opens it and finds no way through it."""
    content = copy.read_bytes()
    at = content.index(b"HEAP")
    copy.write_bytes(content[:at] + b"\xff" * 64 + content[at + 64 :])
    refused(copy, "is damaged")


def test_files_of_other_kinds(tmp_path):
    text, archive, other = tmp_path / "a.weights.h5", tmp_path / "a.keras", tmp_path / "b.weights.h5"
    text.write_text("weights")
    refused(text, "is not HDF5", "Keras 3")
    shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "a.weights.h5")
    (tmp_path / "a.zip").rename(archive)
    refused(archive, "is a zip archive", "unpack it")
    with h5py.File(other, "w") as file:
        file["x"] = np.zeros(3)
    refused(other, "lacks layers/conv3d/vars/0", "68 of 68")
    with h5py.File(other, "w") as file:
        file.attrs["layer_names"] = ["conv3d"]
    refused(other, "Keras 2")
    with pytest.raises(FileNotFoundError, match=r"none\.h5: no such file"):
        import_weights(tmp_path / "none.h5")


def test_arrays_of_other_shapes(copy):
    spoilt(copy, "layers/decode_block_2/transpose/vars/0", np.zeros((2, 2, 2, 16, 40), np.float32))
    refused(copy, "layers/decode_block_2/transpose/vars/0 has the shape (2, 2, 2, 16, 40)", "(2, 2, 2, 16, 48)")
    spoilt(copy, "layers/encode_block_3/conv1/vars/0", np.zeros((3, 3, 16, 32), np.float32))
    refused(copy, "layers/encode_block_3/conv1/vars/0 has the shape (3, 3, 16, 32)", "five sides")
    spoilt(copy, "layers/encode_block_3/conv1/vars/0", np.zeros((3, 3, 3, 16, 30), np.float32))
    refused(copy, "multiples of 4")


def test_a_single_class(copy):
    spoilt(copy, "layers/conv3d/vars/0", np.zeros((1, 1, 1, 4, 1), np.float32))
    refused(copy, "out_channels")


def test_a_deeper_network(copy):
    spoilt(copy, "layers/encode_block_5/conv1/vars/0", np.zeros((3, 3, 3, 64, 64), np.float32))
    refused(copy, "holds layers/encode_block_5/conv1/vars/0", "another network")


def test_an_array_that_is_missing(copy):
    spoilt(copy, "layers/u_block/norm/vars/1")
    refused(copy, "lacks layers/u_block/norm/vars/1 (1 of 68")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full(2, np.nan, np.float32), "NaN or infinite"),
        (np.zeros(2, np.float64), "is float64"),
        (np.zeros(2, np.int32), "is int32"),
    ],
)
def test_numbers_that_are_no_weights(copy, values, told):
    spoilt(copy, "layers/conv3d/vars/1", values)
    refused(copy, "layers/conv3d/vars/1", told)


# -- in use ------------------------------------------------------------------------------------------------------------


def test_imported_weights_need_no_further_word(bundle, saved, tiny_study, tmp_path):
    """Widths that are not the overlay's own, and yet: segment, score, fine-tune for other classes, export."""
    weights = import_weights(saved, tmp_path / "imported.pt")
    overlay, dials = "overlays/published", {"dataset_dir": tiny_study, "ckpt_path": weights, "overlap": 0.1}
    bundle.run(("inference", overlay), **dials, output_dir=tmp_path / "out").ok()
    assert (tmp_path / "out" / "a_seg.tif").is_file()
    bundle.run(("train", "evaluate", overlay), **dials, output_dir=tmp_path / "scores").ok()
    assert json.loads((tmp_path / "scores" / "metrics.json").read_text())["threshold"] == 0.5

    short = {"epochs": 1, "iterations_per_epoch": 1, "batch_size": 1, "network_def#out_channels": 3}
    bundle.run(("train", "finetune", overlay), **dials, **short, ckpt_dir=tmp_path / "tuned").ok()
    tuned = read_sidecar(tmp_path / "tuned" / "model_best.pt")
    assert (tuned["network"]["out_channels"], tuned["network"]["channels"]) == (3, WIDTHS)
    exported = ("--net_id", "network_def", "--filepath", tmp_path / "imported.ts", "--ckpt_file", weights)
    configs = "['configs/inference.json','configs/overlays/published.json']"
    shape = ("--input_shape", "[1,1,32,32,32]", "--bundle_root", BUNDLE)
    bundle("ckpt_export", *exported, "--config_file", configs, *shape, "--ckpt_path", weights).ok()
    image = torch.rand(1, 1, 32, 64, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = read_keras_weights(saved).eval()(image)
        actual = torch.jit.load(tmp_path / "imported.ts").eval()(image)
    torch.testing.assert_close(actual, expected)


def test_widths_are_those_of_weights_of_the_same_graph_alone(saved, tiny_weights, tmp_path):
    imported = import_weights(saved, tmp_path / "a.pt")
    assert released_argument("channels", imported, [32]) == WIDTHS
    assert released_argument("channels", tiny_weights, [32]) == [32]
    assert released_argument("channels", None, [32]) == [32]
    with pytest.raises(FileNotFoundError, match="check --ckpt_path"):
        released_argument("channels", tmp_path / "none.pt", [32])


def test_only_the_release_s_graph_is_exported(tiny_weights, saved, tmp_path):
    with pytest.raises(
        ValueError, match=r"tiny\.pt: is not of the release's graph \(decoder_convolutions is 2; .*train"
    ):
        export_weights(tiny_weights, tmp_path / "a.weights.h5")
    shallow = TubeNet(channels=(4, 8), **RELEASED)
    save_weights(tmp_path / "shallow.pt", shallow, {"network": shallow.arguments, "threshold": 0.5})
    with pytest.raises(ValueError, match="it has 2 layers, not 6"):
        export_weights(tmp_path / "shallow.pt")
    imported = import_weights(saved, tmp_path / "imported.pt")
    with pytest.raises(ValueError, match=r"b\.h5: Keras loads no other file than NAME\.weights\.h5"):
        export_weights(imported, tmp_path / "b.h5")
    with pytest.raises(ValueError, match=r"photo\.tif: weights are named NAME\.pt"):
        import_weights(saved, tmp_path / "photo.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "imported.json", "imported.pt", "shallow.json", "shallow.pt",
    ]  # fmt: skip


def test_weights_scaled_otherwise_are_exported_with_a_warning(saved, tmp_path, caplog):
    network = read_keras_weights(saved)
    normalisation = {"lower": 1.0, "upper": 99.0}
    sidecar = {"network": network.arguments, "normalisation": normalisation, "threshold": 0.5}
    save_weights(tmp_path / "a.pt", network, sidecar)
    export_weights(tmp_path / "a.pt")
    assert "a.json: the release scales by minimum and maximum" in caplog.text
