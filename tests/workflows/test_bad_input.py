"""Whatever is wrong with what a user gives: one line that names it and says what to do, and nothing half-done."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest
import tifffile
import torch

from tests.helpers.bundle_command import TINY_NETWORK, contents
from tests.helpers.volume_examples import imagej, nifti, plain, positions, zyx


@pytest.fixture
def infer(bundle, tmp_path, tiny_weights):
    """Run inference into a folder that holds an earlier result; give also what was there before."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "earlier_seg.tif").write_bytes(b"an earlier result")

    def run(dataset_dir, **options):
        given = {"dataset_dir": dataset_dir, "output_dir": out, "ckpt_path": tiny_weights, **TINY_NETWORK}
        return bundle.run("inference", **given | options)

    run.out, run.before = out, contents(out)
    return run


def missing(path):
    return path, "no such file or folder", "check --dataset_dir"


def empty(path):
    path.mkdir()
    return path, "holds no volume", ".tif"


def no_volume_inside(path):
    path.mkdir()
    (path / "notes.txt").write_text("a note")
    return path, "holds no volume", "notes.txt", ".tif"


def wrong_suffix(path):
    path = path.with_suffix(".oib")
    path.write_bytes(b"ZISRAW")
    return path, "files named .oib are not read", "convert it to OME-TIFF"


def colours(path):
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, np.zeros((3, 4, 5, 3), np.uint8) + np.arange(3, dtype=np.uint8), photometric="rgb")
    return path, "3 colour samples and not one", "--channel"


def time_series(path):
    path = nifti(path.with_suffix(".nii"), array=np.stack([positions(dtype=np.int16)] * 2, axis=-1))
    return path, "2 time points and not one", "--channel"


def two_channels(path):
    path = path.with_suffix(".tif")
    stored = np.stack([np.zeros_like(zyx(positions())), zyx(positions())], axis=1)  # (Z, C, Y, X), the first constant
    tifffile.imwrite(path, stored, imagej=True, metadata={"axes": "ZCYX"})
    return path, "2 channels and not one", "--channel"


def _float_npy(path, value):
    path = path.with_suffix(".npy")
    voxels = positions(dtype=np.float32)
    voxels[2, 1, 0] = value
    np.save(path, voxels)
    return path


def not_a_number(path):
    return _float_npy(path, np.nan), "1 voxels are NaN or infinite", "x=2, y=1, z=0", "replace them"


def infinite(path):
    return _float_npy(path, np.inf), "1 voxels are NaN or infinite", "x=2, y=1, z=0", "replace them"


def constant(path):
    path = path.with_suffix(".npy")
    np.save(path, np.full((5, 4, 3), 7, np.uint8))
    return path, "every voxel is 7", "check the file"


def zero_bytes(path):
    path = path.with_suffix(".tif")
    path.touch()
    return path, "the file is empty", "copy or export it again"


def _halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def truncated_tiff(path):
    return _halved(imagej(path.with_suffix(".tif"))), "cut short", "copy or export it again"


def truncated_nifti(path):
    voxels = np.random.default_rng(0).integers(0, 999, (20, 20, 20)).astype(np.int16)
    return _halved(nifti(path.with_suffix(".nii.gz"), array=voxels)), "cut short", "copy or export it again"


def single_slice(path):
    array = np.arange(20, dtype=np.uint8).reshape(4, 5)
    return plain(path.with_suffix(".tif"), array=array), "single slice", "join the slices"


def one_name_twice(path):
    path.mkdir()
    imagej(path / "scan.tif")
    nifti(path / "scan.nii.gz")
    return path / "scan.tif", "scan.nii.gz has the same name 'scan'", "rename or remove"


INPUTS = (
    missing,
    empty,
    no_volume_inside,
    wrong_suffix,
    colours,
    time_series,
    two_channels,
    not_a_number,
    infinite,
    constant,
    zero_bytes,
    truncated_tiff,
    truncated_nifti,
    single_slice,
)


@pytest.mark.parametrize("make", INPUTS)
def test_bad_input_is_refused_in_one_line(make, infer, tmp_path):
    path, *words = make(tmp_path / "given")
    infer(path).refused(f"{path}: ", *words)
    assert contents(infer.out) == infer.before


def test_two_files_of_one_name(infer, tmp_path):
    path, *words = one_name_twice(tmp_path / "dataset")
    infer(path.parent).refused(f"{path}: ", *words)
    assert contents(infer.out) == infer.before


def test_the_channel_that_was_asked_for_works(infer, tmp_path):
    path, *_ = two_channels(tmp_path / "given")
    infer(path, channel=1).ok()  # the other is constant, and would be refused
    assert tifffile.imread(infer.out / "given_seg.tif").shape == zyx(positions()).shape
    infer(path, channel=2).refused(path, "channel 2 does not exist", "--channel 0..1")


def test_spaces_and_other_alphabets_in_paths_work(infer, tmp_path):
    folder = tmp_path / "mein Gefäß 血管"
    folder.mkdir()
    path = imagej(folder / "scan 1 µm.tif")
    infer(path, output_dir=folder / "aus gabe").ok()
    assert os.listdir(folder / "aus gabe") == ["scan 1 µm_seg.tif"]


def test_mistyped_option_by_a_plain_process(bundle, tmp_path):
    """Refused before anything else, in a process of its own exactly as in a forked one."""
    options = {"epoch": 1, "ckpt_dir": tmp_path / "weights"}
    for plain_process in (False, True):
        bundle.run("train", plain=plain_process, **options).refused(
            "--epoch", "no such option", "did you mean --epochs?"
        )
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("configs", ["inference", "train"])
def test_started_elsewhere_without_the_bundle(configs, bundle, tmp_path):
    bundle.run(configs, cwd=tmp_path).refused(f"{tmp_path}: is not the bundle; name its folder by --bundle_root")


def test_output_below_a_file(infer, tmp_path):
    (tmp_path / "taken").write_text("a file")
    path, out = imagej(tmp_path / "a.tif"), tmp_path / "taken" / "out"
    before = contents(tmp_path)
    infer(path, output_dir=out).refused(out, "cannot be written to", "choose another folder")
    assert contents(tmp_path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_output(infer, tmp_path):
    path = imagej(tmp_path / "a.tif")
    infer.out.chmod(0o555)
    infer(path).refused(infer.out, "cannot be written to", "choose another folder")
    infer.out.chmod(0o755)
    assert contents(infer.out) == infer.before


def test_missing_weights(infer, tmp_path):
    infer(imagej(tmp_path / "a.tif"), ckpt_path=tmp_path / "no.pt").refused(tmp_path / "no.pt", "check --ckpt_path")
    assert contents(infer.out) == infer.before


def test_weights_without_their_sidecar(infer, tmp_path, tiny_weights):
    shutil.copy(tiny_weights, tmp_path / "lone.pt")
    path = imagej(tmp_path / "a.tif")
    infer(path, ckpt_path=tmp_path / "lone.pt").refused(tmp_path / "lone.json", "sidecar", "copy it")
    assert contents(infer.out) == infer.before


def test_weights_of_another_width(infer, tmp_path, tiny_weights):
    options = {"network_def#channels": "[4,4,8,8,8,16]"}
    words = tiny_weights, "channels is [4, 4, 8, 8, 8, 8] in the weights", "use the configs"
    infer(imagej(tmp_path / "a.tif"), **options).refused(*words)
    assert contents(infer.out) == infer.before


class Hostile:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.mark.parametrize("save", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing))])
def test_weights_that_would_run_code_do_not(save, infer, tmp_path):
    proof, weights = tmp_path / "it ran", tmp_path / "hostile.pt"
    save({"head.weight": Hostile(proof)}, weights)
    weights.with_suffix(".json").write_text(json.dumps({"threshold": 0.5}))
    infer(imagej(tmp_path / "a.tif"), ckpt_path=weights).refused(weights, "not a file of plain weights", "use a .pt")
    assert not proof.exists()
    assert contents(infer.out) == infer.before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"save_probability": "yes"}, ("--save_probability yes", "true or false")),
        ({"patch_size": "[32,32,30]"}, ("patch_size [32, 32, 30]", "multiples of 32")),
        ({"overlap": 1}, ("--overlap 1", "0.99")),
        ({"overlap": "much"}, ("--overlap much", "is not a number from 0 to 0.99", "0.5")),
        ({"patch_size": 32}, ("--patch_size 32", "is not a list", "[64, 64, 64]")),
        ({"output_dir": 2024}, ("--output_dir 2024", "not as a path", "write ./2024")),
        ({"threshold": 2}, ("--threshold 2", "not a number from 0 to 1")),
        ({"scale": 0}, ("--scale 0", "neither auto nor a number from 0.02 to 4", "0.5")),
        ({"scale": "nan"}, ("--scale nan", "neither auto nor a number")),
        ({"scale": "half"}, ("--scale half", "neither auto nor a number")),
        ({"scal": 0.5}, ("--scal", "no such option", "--scale")),
    ],
)
def test_options_out_of_range(options, words, infer, tmp_path):
    infer(imagej(tmp_path / "a.tif"), **options).refused(*words)
    assert contents(infer.out) == infer.before
