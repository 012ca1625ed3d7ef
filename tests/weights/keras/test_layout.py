"""The release's layout in TubeNet: real files of Keras 3 are read and written, and what is refused."""

import re
import shutil

import h5py
import numpy as np
import pytest
import torch

from scripts.network import TubeNet
from scripts.weights.keras.layout import RELEASED, read_keras_weights, write_keras_weights
from tests.helpers.keras_fixture import FOLDER, channel_first, load_array
from tests.helpers.keras_release import QUIET, release, tree

pytestmark = QUIET
OTHER = {"attention": True, "norm_eps": 1e-5, "shared_norm": False, "pooled_skips": False}


@pytest.fixture
def copy(keras_file, tmp_path):
    """A copy of that file, to be spoilt."""
    return shutil.copy(keras_file, tmp_path / "copy.weights.h5")


@torch.no_grad()
@pytest.mark.parametrize("shape", [(32, 32, 32), (32, 64, 96)])
def test_imported_weights_compute_what_keras_computes(keras_model, keras_file, shape):
    image = np.random.default_rng(1).random((2, *shape, 1), dtype=np.float32)  # (B, Z, X, Y, 1)
    # the graph of Keras is for 32 voxels a side, its layers are not
    x, skips = image, []
    for layer in keras_model.layers[1:]:
        if layer.name.startswith("decode"):
            x = layer(skips.pop(), x)
        else:
            x = layer(x)
            skips += [x] if layer.name.startswith("encode") else []
    expected = channel_first(x.numpy())
    actual = read_keras_weights(keras_file).eval()(channel_first(image)).softmax(1)
    assert actual.shape == (2, 2, shape[1], shape[2], shape[0])
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5 if shape == (32, 32, 32) else 7e-5)


def test_keras_loads_what_is_exported(keras_model, keras_file, tmp_path):
    exported = tmp_path / "a.weights.h5"
    write_keras_weights(exported, read_keras_weights(keras_file))
    other = release()
    for weights in other.weights:
        weights.assign(weights * 0)
    other.load_weights(exported)
    for loaded, original in zip(other.weights, keras_model.weights, strict=True):
        np.testing.assert_array_equal(loaded.numpy(), original.numpy())


def test_the_exported_tree_is_that_of_keras(tmp_path):
    fresh = release()
    fresh.save_weights(tmp_path / "fresh.weights.h5")
    write_keras_weights(tmp_path / "ours.weights.h5", read_keras_weights(tmp_path / "fresh.weights.h5"))
    assert tree(tmp_path / "ours.weights.h5") == tree(tmp_path / "fresh.weights.h5")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the outputs of the released implementation are not here")
def test_the_exported_tree_is_that_of_the_release(tmp_path):
    write_keras_weights(tmp_path / "a.weights.h5", read_keras_weights(FOLDER / "small_noattn_32.weights.h5"))
    listed = (FOLDER / "small_noattn_32.h5tree.txt").read_text().splitlines()
    assert tree(tmp_path / "a.weights.h5") == listed


def test_half_precision_is_widened(copy, tmp_path):
    with h5py.File(copy, "r+") as file:
        place = file["layers/conv3d/vars"]
        values = place["0"][()].astype(np.float16)
        del place["0"]
        place["0"] = values
    head = read_keras_weights(copy).head.weight
    assert head.dtype == torch.float32
    np.testing.assert_array_equal(head.detach().numpy().reshape(2, 4), values.reshape(4, 2).T)


# -- against outputs of the released implementation, where they are present --------------------------------------------


def record(module, outputs, name):
    module.register_forward_hook(lambda _, given, output: outputs.update({name: output}))


@pytest.fixture(scope="module")
def released():
    if not FOLDER.is_dir():
        pytest.skip("the outputs of the released implementation are not here")
    return read_keras_weights(FOLDER / "small_noattn_32.weights.h5").double().eval(), load_array


@torch.no_grad()
def test_every_block_equals_the_released_one(released):
    net, array = released
    blocks = [*(f"0{i + 1}_EncodeBlock" for i in range(5)), "06_UBlock"]
    blocks += [*(f"{i + 7:02}_DecodeBlock" for i in range(5)), "12_Conv3D"]
    outputs = {}
    for name, module in zip(blocks, (*net.encoder, net.bottleneck, *net.decoder, net.head), strict=True):
        record(module, outputs, name)
    logits = net(array("small_noattn_32_x.npy"))

    for name, output in outputs.items():
        pooled = output[0] if isinstance(output, tuple) else output
        expected = array("small_noattn_32_blocks.npz", name)
        actual = pooled.softmax(1) if name == "12_Conv3D" else pooled
        # the released implementation rounds to 32 bits: values near 10 are known to 1e-5
        tolerance = 5.5e-6 * max(1, expected.abs().max())
        torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance, msg=lambda m, name=name: f"{name}: {m}")
    assert len(outputs) == 12
    torch.testing.assert_close(logits.softmax(1), array("small_noattn_32_y.npy"), rtol=0, atol=5.5e-6)


@torch.no_grad()
def test_axis_order_is_the_released_one(released):
    net, array = released
    x, expected = (array(f"small_noattn_aniso_32x64x96_{name}.npy") for name in "xy")
    assert x.shape == (1, 1, 64, 96, 32)
    torch.testing.assert_close(net(x).softmax(1), expected, rtol=0, atol=7e-5)


# -- what is refused ---------------------------------------------------------------------------------------------------


def spoilt(path, place, values=None):
    """Take an array out of a file, or put another in its place."""
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        if values is not None:
            file[place] = values


def refused(path, *words):
    """The one line that says why a file is refused, which names it once."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as info:
        read_keras_weights(path)
    assert str(info.value).count(str(path)) == 1
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
        read_keras_weights(tmp_path / "none.h5")
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read_keras_weights(tmp_path)


def test_arrays_of_other_shapes(copy):
    spoilt(copy, "layers/decode_block_2/transpose/vars/0", np.zeros((2, 2, 2, 16, 40), np.float32))
    refused(copy, "layers/decode_block_2/transpose/vars/0 has the shape (2, 2, 2, 16, 40)", "(2, 2, 2, 16, 48)")
    spoilt(copy, "layers/encode_block_3/conv1/vars/0", np.zeros((3, 3, 16, 32), np.float32))
    refused(copy, "layers/encode_block_3/conv1/vars/0 has the shape (3, 3, 16, 32)", "five dimensions")
    spoilt(copy, "layers/encode_block_3/conv1/vars/0", np.zeros((3, 3, 3, 16, 30), np.float32))
    refused(copy, "multiples of 4")


def test_a_single_class(copy):
    spoilt(copy, "layers/conv3d/vars/0", np.zeros((1, 1, 1, 4, 1), np.float32))
    refused(copy, "out_channels")


def test_arrays_without_shape(copy):
    spoilt(copy, "layers/conv3d/vars/0", h5py.Empty("f4"))
    refused(copy, "layers/conv3d/vars/0 has the shape ()", "five dimensions")


def test_an_array_far_larger_than_its_file(copy):
    with h5py.File(copy, "r+") as file:
        # 1.8 GB of one layer, of widths that a network may have
        wide = {"encode_block_4/conv1/vars/0": (3, 3, 3, 48, 4096), "u_block/conv1/vars/0": (3, 3, 3, 4096, 4096)}
        for place, shape in wide.items():
            del file[f"layers/{place}"]
            made = file.create_dataset(f"layers/{place}", shape, np.float32, chunks=True, compression="gzip")
            made[..., :8] = 0
    refused(copy, "claims", "GB of weights")


def test_a_deeper_network(copy):
    spoilt(copy, "layers/encode_block_5/conv1/vars/0", np.zeros((3, 3, 3, 64, 64), np.float32))
    refused(copy, "holds 'layers/encode_block_5/conv1/vars/0'", "another network")


def test_an_array_that_is_missing(copy):
    spoilt(copy, "layers/u_block/norm/vars/1")
    refused(copy, "lacks layers/u_block/norm/vars/1 (1 of 68")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full(2, np.nan, np.float32), "NaN or infinite"),
        (np.zeros(2, np.float64), "are float64"),
        (np.zeros(2, np.int32), "are int32"),
    ],
)
def test_numbers_that_are_no_weights(copy, values, told):
    spoilt(copy, "layers/conv3d/vars/1", values)
    refused(copy, "layers/conv3d/vars/1", told)


@pytest.mark.parametrize("name", ["attention", "norm_eps", "shared_norm", "pooled_skips"])
def test_another_graph_is_not_written(name, tmp_path):
    network = TubeNet(
        channels=(4, 4, 4, 4, 4, 4), **{**RELEASED, "pooled_skips": name != "attention", name: OTHER[name]}
    )
    with pytest.raises(ValueError, match=f"is not of the release's graph .*{name} is"):
        write_keras_weights(tmp_path / "a.weights.h5", network)
    assert not list(tmp_path.iterdir())
