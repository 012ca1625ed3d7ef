"""A folder with many bad files: the others are segmented, and the end lists what failed."""

import numpy as np
import pytest
import tifffile

from scripts.io import read_volume
from tests.helpers.bundle_command import TINY_NETWORK
from tests.helpers.volume_examples import imagej

LONG = "x" * 248  # `x...x.npy` is a name, `x...x_seg.npy` is too long for one


@pytest.fixture
def folder(tmp_path):
    """Two good volumes among bad ones of every kind."""
    folder = tmp_path / "tiles"
    folder.mkdir()
    noise = np.random.default_rng(0).random((20, 18, 16), np.float32)
    for name in ("a", "z", LONG):
        np.save(folder / f"{name}.npy", noise)
    noise[2, 1, 0] = np.nan
    np.save(folder / "nan.npy", noise)
    imagej(folder / "cut.tif")
    (folder / "cut.tif").write_bytes((folder / "cut.tif").read_bytes()[:200])
    (folder / "empty.tif").touch()
    tifffile.imwrite(folder / "slice.tif", np.arange(20, dtype=np.uint8).reshape(4, 5), photometric="minisblack")
    ground = np.full((3, 4, 5), 7, np.uint8)
    tifffile.imwrite(folder / "ground.tif", ground, imagej=True, metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"})
    return folder


def test_the_others_are_done_and_what_failed_is_listed(bundle, folder, tiny_weights, tmp_path):
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, "num_workers": 2, **TINY_NETWORK}
    done = bundle.run("inference", **options, output_dir=tmp_path / "out", save_probability="true")
    done.refused("5 of 8 volumes: could not be segmented, each is named above; correct them, the others are done")
    failed = [line.partition("failed: ")[2] for line in done.stderr.splitlines() if "failed: " in line]
    told = {
        folder / "cut.tif": "cut short",
        folder / "empty.tif": "the file is empty",
        folder / "nan.npy": "1 voxels are NaN or infinite, the first at x=2, y=1, z=0",
        folder / "slice.tif": "single slice",
        tmp_path / "out" / f"{LONG}_prob.npy": "the name has 257 bytes, and 255 are allowed",
    }
    assert len(failed) == len(told)
    for path, why in told.items():
        assert [line for line in failed if line.startswith(f"{path}: ") and why in line], path
    assert f"{folder / 'ground.tif'}: every voxel is 7" in done.stderr

    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"{name}_{kind}.npy" for name in "az" for kind in ("seg", "prob")} | {
        "ground_seg.tif",
        "ground_prob.tif",
    }
    for kind in ("seg", "prob"):
        info, voxels = read_volume(tmp_path / "out" / f"ground_{kind}.tif")
        assert info.shape == (5, 4, 3)
        assert info.unit == "µm"
        assert not voxels.any()
    alone = {**options, "dataset_dir": folder / "z.npy", "output_dir": tmp_path / "alone"}
    bundle.run("inference", **alone).ok()
    assert (tmp_path / "alone" / "z_seg.npy").read_bytes() == (tmp_path / "out" / "z_seg.npy").read_bytes()


def test_a_folder_of_bad_files_only_makes_no_folder(bundle, folder, tiny_weights, tmp_path):
    for name in ("a.npy", "z.npy", "nan.npy", "ground.tif", f"{LONG}.npy"):
        (folder / name).unlink()
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, **TINY_NETWORK}
    done = bundle.run("inference", **options, output_dir=tmp_path / "out")
    done.refused(f"{folder}: none of its 3 volumes can be read, the last is {folder / 'slice.tif'}: ", "see above")
    assert "cut.tif: " in done.stderr
    assert "empty.tif: " in done.stderr
    assert not (tmp_path / "out").exists()
