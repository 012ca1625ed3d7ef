"""Files segmented by blocks are those that are segmented in memory; what fails is told, and goes on later."""

import logging

import numpy as np
import pytest
import torch
from monai.transforms import Compose, LoadImaged

from scripts.core import UserError, one_line
from scripts.data import VolumeLoader, checked_images
from scripts.inference import Blockwise, FolderDataset, FolderEvaluator, segment_folder
from scripts.io import SaveVolumed, VolumeReader, read_volume, write_volume
from scripts.transforms import (
    SaveProbabilityd,
    ScaleToUnitd,
    SetValuesd,
    SmoothProbabilityd,
    SoftmaxInPlaced,
    ThresholdVesselsd,
)
from tests.inference.blockwise.examples import convolution, inferers, tubes

SHAPE = (70, 50, 40)
OURS = {"weights_sha256": "0"}


def folder_run(images, out, blocks, network=None, values=None, side=32, **how):
    """What `inference.json` puts together, with a quick network."""
    out.mkdir(exist_ok=True)
    load = LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True, dtype=None)
    after = Compose(
        [
            SoftmaxInPlaced("pred"),
            SmoothProbabilityd("pred", sigma=0.7),
            SaveProbabilityd("pred", output_dir=out, provenance=OURS),
            ThresholdVesselsd("pred", threshold=0.5, min_size="20 voxels"),
            SetValuesd("pred", values=values),
            SaveVolumed("pred", output_dir=out, provenance=OURS),
        ]
    )
    scaling = ScaleToUnitd("image", lower=0.001, upper=99.999, invert="auto")
    dataset = FolderDataset(checked_images(images), Compose([load, scaling]))
    evaluator = FolderEvaluator(
        classes=2,
        device=torch.device("cpu"),
        val_data_loader=VolumeLoader(dataset, batch_size=1, num_workers=0),
        network=convolution() if network is None else network,
        inferer=inferers(**how)[0],
        postprocessing=after,
    )
    segment_folder(evaluator, dataset, after, Blockwise(blocks, side=side))


def stack(path, seed=0, shape=SHAPE):
    return write_volume(path, (255 * tubes(shape, seed)).astype(np.uint8), voxel_size=(1, 1, 2), unit="µm")


def same_files(one, two):
    """Equal but for the last digits of probabilities, and where these are the threshold's."""
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in two.iterdir())
    for name in names:
        (info, expected), (other, found) = read_volume(one / name), read_volume(two / name)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert (other.unit, other.voxel_size, other.kind) == (info.unit, info.voxel_size, info.kind)
    return names


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".nii", ".nii.gz", ".npy", ".ome.zarr", ".zarr"])
def test_results_are_those_in_memory_whatever_the_kind_of_file(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".npy":
        np.save(path, (255 * tubes(SHAPE)).astype(np.uint8))
    else:
        stack(path)
    folder_run(path, tmp_path / "memory", "false")
    folder_run(path, tmp_path / "blocks", "true")
    assert same_files(tmp_path / "memory", tmp_path / "blocks") == [f"a_prob{suffix}", f"a_seg{suffix}"]
    assert 0 < read_volume(tmp_path / "blocks" / f"a_seg{suffix}")[1].mean() < 1


def test_values_of_the_label(tmp_path):
    path = stack(tmp_path / "a.tif")
    folder_run(path, tmp_path / "memory", "false", values=255)
    folder_run(path, tmp_path / "blocks", "true", values=255)
    same_files(tmp_path / "memory", tmp_path / "blocks")
    assert set(np.unique(read_volume(tmp_path / "blocks" / "a_seg.tif")[1])) == {0, 255}


def test_what_does_not_fit_into_memory_goes_by_blocks_by_itself(tmp_path, monkeypatch, caplog):
    images = tmp_path / "in"
    stack(images / "a.tif")
    stack(images / "b.tif", shape=(24, 20, 18))
    folder_run(images, tmp_path / "memory", "auto")
    assert "by blocks" not in caplog.text
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("scripts.inference.estimate.free_memory", lambda: 65_000_000)
    folder_run(images, tmp_path / "blocks", "auto")
    (told,) = [message for message in caplog.messages if message.endswith("it is segmented by blocks")]
    assert told.startswith(f"{images / 'a.tif'}: segmenting its 70×50×40 voxels takes about")
    same_files(tmp_path / "memory", tmp_path / "blocks")
    with pytest.raises(
        UserError, match=r"a.tif: segmenting its 70×50×40 voxels takes .* 1 of 2 volumes could not be segmented"
    ):
        folder_run(images, tmp_path / "not", "false")


class Stops(torch.nn.Module):
    """A network that is interrupted after some windows, and counts them."""

    def __init__(self, after):
        super().__init__()
        self.seen, self.after = 0, after

    def forward(self, windows):
        self.seen += len(windows)
        if self.seen > self.after:
            raise KeyboardInterrupt
        return convolution()(windows)


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_an_interrupted_run_goes_on_and_leaves_nothing(tmp_path, caplog, suffix):
    path, out = stack(tmp_path / f"a{suffix}"), tmp_path / "blocks"
    folder_run(path, tmp_path / "memory", "false")
    with pytest.raises(KeyboardInterrupt):
        folder_run(path, out, "true", Stops(20))
    assert [each.name for each in out.iterdir()] == [f".unfinished-a_seg{suffix}"]
    caplog.set_level(logging.INFO)
    network = Stops(10_000)
    folder_run(path, out, "true", network)
    whole = Stops(10_000)
    folder_run(path, tmp_path / "again", "true", whole)
    assert 0 < network.seen < whole.seen
    assert "goes on" in caplog.text
    assert "blocks are done already" in caplog.text
    same_files(tmp_path / "memory", out)


def test_an_empty_volume_among_others_has_an_empty_result(tmp_path, caplog):
    images = tmp_path / "in"
    stack(images / "a.tif")
    write_volume(images / "b.tif", np.full((40, 20, 18), 7, np.uint8))
    folder_run(images, tmp_path / "blocks", "true")
    assert "every voxel is 7" in caplog.text
    for kind in ("seg", "prob"):
        assert not read_volume(tmp_path / "blocks" / f"b_{kind}.tif")[1].any()
    with pytest.raises(Exception) as error:  # noqa: PT011 - Ignite may wrap it
        folder_run(images / "b.tif", tmp_path / "alone", "true")
    assert "every voxel is 7" in one_line(error.value)
    assert not list((tmp_path / "alone").glob("*.tif"))


@pytest.mark.parametrize("given", ["maybe", 2, None])
def test_a_choice_that_does_not_exist_is_refused(given):
    with pytest.raises(UserError, match=r"--blocks .* is neither auto nor true or false"):
        Blockwise(given)


@pytest.mark.parametrize("given", [{"workers": 2}, {"scheduler": "tcp://host:8786"}])
def test_processes_that_would_have_nothing_to_do_are_refused(given):
    with pytest.raises(UserError, match=rf"^--{next(iter(given))}: is for blocks, and --blocks is false"):
        Blockwise("false", **given)


def test_somebodys_picture_is_left_alone(tmp_path):
    path, out = stack(tmp_path / "a.tif"), tmp_path / "out"
    out.mkdir()
    (out / "a_preview.png").write_bytes(b"mine")
    folder_run(path, out, "true")
    assert (out / "a_preview.png").read_bytes() == b"mine"


def test_a_picture_of_another_run_that_was_killed_goes(tmp_path):
    path, out = stack(tmp_path / "a.tif"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        folder_run(path, out, "true", Stops(20))
    (out / "a_preview.png").write_bytes(b"drawn by that run, were it longer")
    folder_run(path, out, "true", scale=2)
    assert not (out / "a_preview.png").exists()


def test_a_folder_in_the_way_is_told_before_the_work(tmp_path):
    network, out = Stops(10_000), tmp_path / "out"
    (out / "a_seg.npy" / "mine").mkdir(parents=True)
    with pytest.raises(Exception) as error:  # noqa: PT011 - Ignite may wrap it
        folder_run(stack(tmp_path / "a.npy"), out, "true", network)
    assert "a_seg.npy: is a folder, and a file is to be written there; move it" in one_line(error.value)
    assert network.seen == 0


def test_an_enlarged_image_has_blocks_of_whole_chunks(tmp_path):
    """Thin, so that the image itself is thinner than a window, and what the network sees is not."""
    path = stack(tmp_path / "a.tif", shape=(40, 36, 20))
    folder_run(path, tmp_path / "memory", "false", scale=2)
    folder_run(path, tmp_path / "blocks", "true", scale=2)
    same_files(tmp_path / "memory", tmp_path / "blocks")


def test_a_run_goes_on_with_the_blocks_that_it_began_with(tmp_path, monkeypatch):
    path, out, network = stack(tmp_path / "a.tif", shape=(200, 70, 20)), tmp_path / "out", Stops(10_000)
    monkeypatch.setattr("scripts.inference.blockwise.plan.LARGEST", 64)
    with pytest.raises(KeyboardInterrupt):
        folder_run(path, out, "true", Stops(40), side=None)
    monkeypatch.setattr("scripts.inference.blockwise.plan.LARGEST", 1024)
    folder_run(path, out, "true", network, side=None)
    whole = Stops(10_000)
    folder_run(path, tmp_path / "again", "true", whole, side=None)
    assert network.seen < whole.seen
    same_files(out, tmp_path / "again")
