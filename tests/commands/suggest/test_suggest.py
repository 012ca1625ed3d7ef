"""`tubenet suggest` from the first blocks to a dataset that trains."""

import json

import numpy as np
import pytest

from scripts.commands.suggest.record import SuggestRecord
from scripts.commands.suggest.suggest import suggest
from scripts.core import UserError, overlap
from scripts.inference import Looker
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
    suggest(volume, out, add="all", labelled=[], side=[64, 64, 64])  # which say nothing

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


def test_what_is_labelled_elsewhere_is_not_suggested(volume, tmp_path, tiny_weights):
    labelled = ["0:32,0:48,0:16", "32:64,0:16,0:16"]
    suggest(volume, tmp_path / "out", count=12, labelled=labelled, ckpt_path=tiny_weights, **SMALL)
    assert sorted(boxes(tmp_path / "out")) == [((x, x + 16), (y, y + 16), (0, 16)) for x in (32, 48) for y in (16, 32)]
    with pytest.raises(UserError, match=r"--labelled 0:99,0:48,0:16: does not fit .*a\.tif"):
        suggest(volume, tmp_path / "out", labelled="0:99,0:48,0:16", ckpt_path=tiny_weights, **SMALL)


def test_of_a_large_part_that_is_labelled_some_blocks_are_looked_at(volume, tmp_path, tiny_weights, monkeypatch):
    looked = []
    described = Looker._described
    monkeypatch.setattr(
        Looker, "_described", lambda self, box, image, affine: looked.append(box) or described(self, box, image, affine)
    )
    options = {**SMALL, "candidates": 3}
    suggest(volume, tmp_path / "out", count=1, labelled="0:48,:,:", ckpt_path=tiny_weights, **options)
    assert len(looked) == 6
    assert {tuple(stop - start for start, stop in box) for box in looked} == {(16, 16, 16)}
    assert all(box[0][0] < 48 for box in looked[:3])
    assert all(box[0][0] >= 48 for box in [*looked[3:], *boxes(tmp_path / "out")])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"count": 0}, "--count 0: is not a whole number of at least 1"),
        ({"side": 4}, "--side 4"),
        ({"side": "large"}, "--side large: is not a whole number"),
        ({"slices": 3}, "--slices: is for blocks that are taken back"),
        ({"unlabelled_value": 255}, "--unlabelled_value: is for blocks that are taken back"),
        ({"add": "all", "unlabelled_value": 256}, "--unlabelled_value 256: is not a whole number up to 255"),
        ({"side": float("inf")}, "--side inf: is not a whole number"),
        ({"candidates": True}, "--candidates True"),
        ({"labelled": 3}, "--labelled 3: is not a box"),
        ({"add": "all", "labelled": "0:1,0:1,0:1"}, "--add: takes blocks back, .* leave out --labelled"),
        ({"add": "all", "count": 3, "side": 32}, "--add: takes blocks back, .* leave out --count, --side"),
    ],
)
def test_odd_options_are_refused_before_anything_is_written(volume, tmp_path, options, problem):
    with pytest.raises(UserError, match=problem):
        suggest(volume, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_mistyped_volume_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match=r"b\.tif: no such file"):
        suggest(tmp_path / "b.tif", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("left", ["image", "both"])
def test_a_run_that_was_killed_before_it_noted_a_block_goes_on(volume, tmp_path, tiny_weights, monkeypatch, left):
    out, write = tmp_path / "out", SuggestRecord.write
    monkeypatch.setattr(SuggestRecord, "write", lambda self: write(self) if len(self.blocks) < 2 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        suggest(volume, out, count=3, ckpt_path=tiny_weights, **SMALL)
    monkeypatch.undo()
    assert len(boxes(out)) == 1
    (block,) = json.loads((out / "blocks.json").read_text())["blocks"]
    if left == "image":
        for path in (out / "blocks").glob("*_seg.tif"):
            if path.name not in block["segmentation"]:
                path.unlink()
    before = {path: path.read_bytes() for path in (out / "blocks").iterdir()}
    assert len(before) == (4 if left == "both" else 3)
    suggest(volume, out, count=11, ckpt_path=tiny_weights, side=16, candidates=12, device="cpu")
    after = {path: path.read_bytes() for path in (out / "blocks").iterdir()}
    assert len(after) == 2 * len(boxes(out)) == 24
    assert before.items() <= after.items()


def test_what_was_corrected_before_its_block_was_noted_is_added(volume, tmp_path, tiny_weights):
    out = tmp_path / "out"
    suggest(volume, out, count=2, ckpt_path=tiny_weights, **SMALL)
    (out / "blocks.json").unlink()
    path, _ = sorted((out / "blocks").glob("*_seg.tif"))
    info, found = read_volume(path)
    write_volume(path, 1 - np.clip(found, 0, 1), like=info)
    suggest(volume, out, count=2, ckpt_path=tiny_weights, **SMALL)
    suggest(volume, out, add="all")
    added = [block["added"] for block in json.loads((out / "blocks.json").read_text())["blocks"]]
    assert sorted(added) == [False, True]


def test_more_blocks_than_are_looked_at_by_default(volume, tmp_path, tiny_weights, caplog):
    suggest(volume, tmp_path / "out", count=4, side=16, candidates=2, device="cpu", ckpt_path=tiny_weights)
    assert len(boxes(tmp_path / "out")) == 4
    assert "has room" not in caplog.text


def test_a_file_that_no_run_left_is_not_written_over(volume, tmp_path, tiny_weights):
    out = tmp_path / "out"
    suggest(volume, out, count=1, ckpt_path=tiny_weights, **SMALL)
    for path in (out / "blocks").glob("*.tif"):
        if not path.name.endswith("_seg.tif"):
            info, found = read_volume(path)
            write_volume(path, found + 1, like=info)
    (out / "blocks.json").unlink()
    before = {path: path.read_bytes() for path in (out / "blocks").iterdir()}
    with pytest.raises(UserError, match=r"is there, and blocks\.json does not tell of it"):
        suggest(volume, out, count=1, ckpt_path=tiny_weights, **SMALL)
    assert before == {path: path.read_bytes() for path in (out / "blocks").iterdir()}


def test_blocks_are_not_added_to_a_mistyped_folder(volume, tmp_path):
    with pytest.raises(UserError, match=r"out: holds no blocks that were suggested; check its name"):
        suggest(volume, tmp_path / "out", add="all")
    assert not (tmp_path / "out").exists()


def test_a_volume_without_room_for_so_many_says_so(volume, tmp_path, tiny_weights, caplog):
    suggest(volume, tmp_path / "out", count=5, side=32, candidates=6, device="cpu", ckpt_path=tiny_weights)
    assert "has room for 2 blocks of 32×32×16 more, not 5; a smaller --side gives more" in caplog.text


def test_the_next_command_is_for_a_shell(volume, tmp_path, tiny_weights, caplog):
    out = tmp_path / "my blocks"
    caplog.set_level("INFO")
    suggest(volume, out, count=1, ckpt_path=tiny_weights, **SMALL)
    assert ".part-" not in caplog.text  # it tells of no file that is not there any more
    (block,) = json.loads((out / "blocks.json").read_text())["blocks"]
    suggest(volume, out, add=block["name"])
    assert f"tubenet finetune '{out}' DIR --unlabelled_value 254" in caplog.text


def test_nothing_is_left_in_the_systems_temporary_folder(volume, tmp_path, tiny_weights, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    suggest(volume, tmp_path / "out", count=1, ckpt_path=tiny_weights, **SMALL)
    assert not list((tmp_path / "temporary").iterdir())
