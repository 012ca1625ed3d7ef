"""One bad volume does not stop the others, whatever is bad about it; a full disk does."""

import logging
import shutil
from collections import namedtuple

import numpy as np
import pytest
import torch
from monai.data import DataLoader
from monai.inferers import SimpleInferer
from monai.transforms import Compose, LoadImaged
from torch import nn

from scripts.core import one_line
from scripts.data import FAILED, checked_images
from scripts.inference import FolderDataset, FolderEvaluator, segment_folder
from scripts.inference.folder import check_outputs
from scripts.io import SaveVolumed, VolumeReader, write_volume
from scripts.transforms import SaveProbabilityd, ScaleToUnitd, SoftmaxInPlaced, ThresholdVesselsd
from tests.helpers.volume_examples import imagej, nifti, told

SHAPE = (5, 4, 3)
Usage = namedtuple("Usage", "total used free")


class Bright(nn.Module):
    """A voxel above a half is vessel; a first voxel of 1 is more than this network takes."""

    def forward(self, image):
        if image.flatten()[0] == 1:
            raise RuntimeError("CUDA out of memory")
        return torch.cat([0.5 - image, image - 0.5], dim=1)


class Folder:
    """What `inference.json` puts together, over a folder of small arrays."""

    def __init__(self, folder, out, num_workers=0, empty=None):
        out.mkdir(exist_ok=True)  # as `check_writable` does
        load = LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)
        post = [
            SoftmaxInPlaced("pred"),
            SaveProbabilityd("pred", output_dir=out),
            ThresholdVesselsd("pred"),
            SaveVolumed("pred", output_dir=out),
        ]
        self.dataset = FolderDataset(checked_images(folder), Compose([load, ScaleToUnitd("image")]), empty)
        self.postprocessing = Compose(post)
        self.evaluator = FolderEvaluator(
            classes=2,
            device=torch.device("cpu"),
            val_data_loader=DataLoader(self.dataset, batch_size=1, num_workers=num_workers),
            network=Bright(),
            inferer=SimpleInferer(),
            postprocessing=self.postprocessing,
        )

    def segment(self):
        segment_folder(self.evaluator, self.dataset, self.postprocessing)


def ramp(first=0.0):
    voxels = np.linspace(0, 9, 60, dtype=np.float32).reshape(SHAPE)
    voxels[0, 0, 0] = first
    return voxels


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "adz":
        np.save(folder / f"{name}.npy", ramp())
    return folder


def listed(caplog):
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("failed: ")]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_network_that_fails_on_one(folder, tmp_path, caplog, num_workers):
    np.save(folder / "b.npy", ramp(first=9.0))
    np.save(folder / "c.npy", ramp(first=np.inf))
    with pytest.raises(ValueError, match=r"^2 of 5 volumes: could not be segmented"):
        Folder(folder, tmp_path / "out", num_workers).segment()
    failed = {line.removeprefix("failed: ").partition(": ")[0]: line for line in listed(caplog)}
    assert "CUDA out of memory" in failed[str(folder / "b.npy")]
    assert "1 voxels are NaN or infinite" in failed[str(folder / "c.npy")]
    assert len(listed(caplog)) == 2
    assert "Traceback" in caplog.text  # of what nobody foresaw
    for name in "adz":
        expected = (ramp() > 4.5).astype(np.uint8)
        np.testing.assert_array_equal(np.load(tmp_path / "out" / f"{name}_seg.npy"), expected)
    assert len(list((tmp_path / "out").iterdir())) == 6


def test_a_single_volume_raises_what_it_is(folder, tmp_path):
    np.save(folder / "b.npy", ramp(first=np.inf))
    np.save(folder / "c.npy", np.full(SHAPE, 7, np.uint8))
    np.save(folder / "e.npy", ramp(first=9.0))
    for name, why in (("b", "NaN or infinite"), ("c", "every voxel is 7"), ("e", "CUDA out of memory")):
        with pytest.raises(Exception) as error:  # noqa: PT011 - MONAI wraps it
            Folder(folder / f"{name}.npy", tmp_path / "out").segment()
        assert why in one_line(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_empty_tile_has_an_empty_segmentation(folder, tmp_path, caplog):
    np.save(folder / "c.npy", np.full(SHAPE, 7, np.uint8))
    Folder(folder, tmp_path / "out").segment()
    for kind, dtype in (("seg", np.uint8), ("prob", np.float32)):
        voxels = np.load(tmp_path / "out" / f"c_{kind}.npy")
        assert (voxels.shape, voxels.dtype, voxels.any()) == (SHAPE, dtype, False)
    assert f"{folder / 'c.npy'}: every voxel is 7, so there is nothing to segment" in caplog.text
    shutil.rmtree(tmp_path / "out")
    Folder(folder / "c.npy", tmp_path / "out", empty=True).segment()  # as in a folder that is watched
    assert not np.load(tmp_path / "out" / "c_seg.npy").any()


def test_a_folder_that_can_no_longer_be_written_to_stops(folder, tmp_path, caplog):
    """As a full disk would: for the others there is no room either."""
    np.save(folder / "b.npy", ramp(first=np.inf))
    run = Folder(folder, tmp_path / "out")
    writer = run.postprocessing.transforms[-1]
    write = writer.write

    def fill(path, *args):
        if path.name.startswith("d"):
            (tmp_path / "out").rename(tmp_path / "gone")
            (tmp_path / "out").touch()
        write(path, *args)

    writer.write = fill
    with caplog.at_level(logging.INFO), pytest.raises(RuntimeError, match="applying") as error:
        run.segment()
    assert f"{tmp_path / 'out'}: cannot be written to (File exists)" in one_line(error.value)
    assert [line for line in listed(caplog) if "b.npy" in line] == listed(caplog)
    assert "1 of 4 volumes were not tried" in caplog.text
    assert sorted(path.name for path in (tmp_path / "gone").iterdir()) == ["a_prob.npy", "a_seg.npy", "d_prob.npy"]


# -- before the work ---------------------------------------------------------------------------------------------------


def writers(out):
    return [SaveProbabilityd("pred", output_dir=out), SaveVolumed("pred", output_dir=out)]


def test_a_name_that_is_too_long_for_its_result(folder, tmp_path):
    long = f"{'ß' * 124}.npy"  # of 252 bytes
    np.save(folder / long, ramp())
    a, d, z, sharp = check_outputs(checked_images(folder), writers(tmp_path))
    assert [FAILED in item for item in (a, d, z, sharp)] == [False, False, False, True]
    assert sharp[FAILED].startswith(f"{tmp_path / long.replace('.', '_prob.')}: the name has 257 bytes, and 255 are")
    with pytest.raises(ValueError, match="the name has 257 bytes") as error:
        check_outputs(checked_images(folder / long), writers(tmp_path))
    told(error, tmp_path / long.replace(".", "_prob."))


def test_a_result_that_would_be_its_own_image(folder):
    writer = SaveVolumed("pred", output_dir=folder, output_postfix="")
    assert all("would overwrite its input" in item[FAILED] for item in check_outputs(checked_images(folder), [writer]))


def test_room_for_what_is_not_compressed(tmp_path, monkeypatch):
    """Three images of 60 voxels, 5 bytes a voxel, need 900; if compressed perhaps far less."""
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", ramp())
    imagej(tmp_path / "c.tif")
    nifti(tmp_path / "d.nii.gz")
    imagej(tmp_path / "e.tif", compression="zlib")
    items, out = checked_images(tmp_path), tmp_path / "out"
    out.mkdir()
    for free, fits in ((900, True), (899, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(10**4, 0, free))
        if fits:
            assert len(check_outputs(items, writers(out))) == 5
            continue
        with pytest.raises(OSError, match=r"the results need 0\.0 GB, and the disk has 0\.0 GB left") as error:
            check_outputs(items, writers(out))
        told(error, out, "--output_dir")
    (out / "a_prob.npy").write_bytes(b" " * 240)  # an earlier result, which is replaced
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**4, 0, 660))
    assert len(check_outputs(items, writers(out))) == 5


def test_somebodys_file_is_not_replaced(folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    imagej(folder / "e.tif")
    theirs = imagej(out / "e_seg.tif")
    before = theirs.read_bytes()
    with pytest.raises(FileExistsError, match="does not say that it is a result") as error:
        check_outputs(checked_images(folder), writers(out))
    told(error, theirs, "choose another --output_dir")
    assert theirs.read_bytes() == before
    mine = {"weights_sha256": "0" * 64}
    write_volume(theirs, np.zeros(SHAPE, np.uint8), provenance=mine)
    assert len(check_outputs(checked_images(folder), writers(out))) == 4


def test_beside_its_images_an_array_may_be_somebodys(folder):
    check_outputs(checked_images(folder), writers(folder))
    np.save(folder / "d_seg.npy", ramp())
    with pytest.raises(FileExistsError, match="does not say that it is a result"):
        check_outputs(checked_images(folder), writers(folder))


def test_a_result_that_would_be_another_image(folder):
    imagej(folder / "e.tif")
    theirs = imagej(folder / "e_seg.tif")
    with pytest.raises(FileExistsError, match="is itself an image to segment") as error:
        check_outputs(checked_images(folder), writers(folder))
    told(error, theirs, "choose another --output_dir")


def test_what_was_there_before_is_told(folder, tmp_path, caplog):
    """Once with probabilities, once without and with an image that has become unreadable."""
    caplog.set_level(logging.INFO, "scripts")
    out = tmp_path / "out"
    Folder(folder, out).segment()
    assert "earlier r" not in caplog.text
    run = Folder(folder, out)
    run.postprocessing.transforms = run.postprocessing.transforms[:1] + run.postprocessing.transforms[2:]
    np.save(folder / "z.npy", ramp(first=np.inf))
    with pytest.raises(ValueError, match=r"1 of 3 volumes"):
        run.segment()
    left = "a_prob.npy, d_prob.npy, z_prob.npy, z_seg.npy"
    assert f"{out}: of an earlier run, this one did not write it: {left}" in caplog.messages
    assert "earlier results replaced: a_seg.npy, d_seg.npy" in caplog.messages
    caplog.clear()
    np.save(folder / "z.npy", ramp())
    Folder(folder, out).segment()
    assert "of an earlier run" not in caplog.text
    assert caplog.messages[-1].endswith(f"into {out}; earlier results replaced: a_prob.npy, a_seg.npy, d_prob.npy, "
                                        "d_seg.npy, z_prob.npy and 1 more")  # fmt: skip
