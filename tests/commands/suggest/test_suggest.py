"""`tubenet suggest` from the first blocks to a dataset that trains."""

import json

import numpy as np
import pytest

from scripts.commands.suggest.suggest import suggest
from scripts.core import UserError, overlap
from scripts.io import read_volume, write_volume
from tests.helpers.bundle_command import TINY_NETWORK

SMALL = {"side": 16, "candidates": 6, "device": "cpu"}


@pytest.fixture
def volume(tmp_path):
    image = np.random.default_rng(0).integers(0, 200, (64, 48, 16)).astype(np.uint8)
    image[:, 20:26, 5:9] = 255
    return write_volume(tmp_path / "a.tif", image, voxel_size=(1, 1, 2), unit="µm")


def boxes(folder):
    from scripts.core import region_box

    blocks = json.loads((folder / "blocks.json").read_text())["blocks"]
    return [region_box(block["box"], (64, 48, 16)) for block in blocks]


def test_the_loop_suggest_correct_add_train_suggest(volume, tmp_path, tiny_weights, bundle):
    out = tmp_path / "out"
    suggest(volume, out, count=2, ckpt_path=tiny_weights, **SMALL)
    assert len(boxes(out)) == 2
    before = {path: path.read_bytes() for path in (out / "blocks").iterdir()}
    assert len(before) == 4

    for path in (out / "blocks").glob("*_seg.tif"):
        info, found = read_volume(path)
        found[:] = 0
        found[:, 4:10, 5:9] = 1
        write_volume(path, found, like=info)
    suggest(volume, out, add="all", ckpt_path=tiny_weights)

    weights = tmp_path / "weights"
    bundle.run(
        ["train", "finetune"],
        dataset_dir=out, ckpt_dir=weights, ckpt_path=tiny_weights, unlabelled_value=254, epochs=1,
        iterations_per_epoch=1, **TINY_NETWORK,
    )  # fmt: skip
    corrected = {path: path.read_bytes() for path in before}
    suggest(volume, out, count=3, ckpt_path=weights / "model_best.pt", **SMALL)
    found = boxes(out)
    assert len(found) == 5
    assert not any(overlap(one, other) for at, one in enumerate(found) for other in found[:at])
    assert corrected == {path: path.read_bytes() for path in before}  # nothing that was corrected is lost


def test_a_volume_that_has_no_block_left(volume, tmp_path, tiny_weights):
    suggest(volume, tmp_path / "out", count=12, side=[16, 16, 16], candidates=12, ckpt_path=tiny_weights)
    with pytest.raises(UserError, match="has no block of 16×16×16 voxels left"):
        suggest(volume, tmp_path / "out", ckpt_path=tiny_weights, **SMALL)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"count": 0}, "--count 0: is not a whole number of at least 1"),
        ({"side": 4}, "--side 4"),
        ({"side": "large"}, "--side large: is not a whole number"),
        ({"slices": 3}, "--slices: is for blocks that are taken back"),
        ({"candidates": True}, "--candidates True"),
    ],
)
def test_odd_options_are_refused_before_anything_is_written(volume, tmp_path, options, problem):
    with pytest.raises(UserError, match=problem):
        suggest(volume, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_in_the_systems_temporary_folder(volume, tmp_path, tiny_weights, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    suggest(volume, tmp_path / "out", count=1, ckpt_path=tiny_weights, **SMALL)
    assert not list((tmp_path / "temporary").iterdir())
