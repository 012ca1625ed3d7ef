"""Copies of volumes in chunks: the same voxels, the same range, the same labels, and after a kill too."""

import json
import logging
import math
import os
import signal
from collections import namedtuple

import numpy as np
import pytest

from scripts.commands import prepare as prepare_module
from scripts.commands.prepare import prepare
from scripts.core import blocks
from scripts.data import find_labelled
from scripts.io import BlockArray, notes_of, open_volume, read_header, read_volume, write_volume
from scripts.transforms import ScaleToUnitd, scaling, scaling_of, seen
from scripts.weights import ROBUST

SHAPE = (70, 66, 40)
SIZES = (1.0, 1.0, 2.5)


def volume(dtype=np.uint16):
    rng = np.random.default_rng(0)
    label = np.full(SHAPE, -1, np.int16)
    label[30:50, 20:40, 10:30] = rng.random((20, 20, 20)) < 0.1
    return (rng.normal(100, 10, SHAPE) + 60 * (label > 0)).astype(dtype), label


@pytest.fixture
def dataset(tmp_path):
    image, label = volume()
    for name, suffix in (("a", ".tif"), ("b", ".nii.gz")):
        stated = {"voxel_size": SIZES, "unit": "µm"}
        write_volume(tmp_path / "in" / "images" / f"{name}{suffix}", image, **stated)
        write_volume(tmp_path / "in" / "labels" / f"{name}{suffix}", label.astype(np.float32), **stated)
    return tmp_path / "in"


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(prepare_module, "CHUNK", 16)
    monkeypatch.setattr(prepare_module, "BLOCK", 2 * 32**3)


def scans(folder):
    return {item["name"]: item["scan"] for item in find_labelled(folder)}


def test_a_dataset_is_copied_with_what_is_known_of_it(dataset, tmp_path, monkeypatch):
    before = scans(dataset)
    assert prepare(dataset, tmp_path / "out") == tmp_path / "out"
    read = []
    monkeypatch.setattr(BlockArray, "read", lambda self, box: read.append(box))
    after = scans(tmp_path / "out")  # of the notes alone
    assert not read
    assert sorted(after) == ["a", "b"]
    for name, scan in after.items():
        own = before[name]
        assert (scan.values, scan.labelled, scan.background) == (own.values, own.labelled, own.background)
        for value in scan.values:
            assert np.array_equal(scan.cells[value], own.cells[value])
            assert all(map(np.array_equal, scan.planes[value], own.planes[value]))
    for folder in ("images", "labels"):
        info, voxels = read_volume(tmp_path / "out" / folder / "b.zarr")
        source, expected = read_volume(dataset / folder / "b.nii.gz")
        assert np.array_equal(voxels, expected)
        assert (info.dtype, info.unit, info.kind) == (source.dtype, "µm", "ome-zarr")
        np.testing.assert_allclose(info.affine, source.affine)


def test_the_range_is_looked_up_and_not_again_worked_out(dataset, tmp_path, monkeypatch):
    prepare(dataset / "images" / "a.tif", tmp_path / "a.zarr")
    with open_volume(dataset / "images" / "a.tif") as own, open_volume(tmp_path / "a.zarr") as copy:
        for how in ({}, ROBUST, {**ROBUST, "invert": "auto"}, {"invert": "true"}):
            expected = scaling_of(own, **how)
            with monkeypatch.context() as patched:
                patched.setattr(type(copy), "read", None)
                assert scaling_of(copy, **how) == expected
        assert scaling_of(copy, 5, 95) == scaling_of(own, 5, 95)  # which is not noted
    notes = notes_of(read_header(tmp_path / "a.zarr"))
    image, _ = volume()
    assert notes["range"] == [image.min(), image.max()]
    assert notes["percentiles"]["50"] == np.median(image)
    assert (notes["dtype"], notes["voxel_size"], notes["unit"]) == ("uint16", list(SIZES), "µm")


def test_what_is_labelled_is_cut_out_and_states_the_range_of_the_whole(dataset, tmp_path):
    image, _ = volume()
    prepare(dataset, tmp_path / "out", labelled_only=True, margin=6)
    info, part = read_volume(tmp_path / "out" / "images" / "a.zarr")
    inside = (slice(24, 56), slice(14, 46), slice(4, 36))
    assert np.array_equal(part, image[inside])
    assert np.array_equal(read_volume(tmp_path / "out" / "labels" / "a.zarr")[1], volume()[1][inside])
    np.testing.assert_allclose(info.affine[:3, 3], [0.024, 0.014, 0.010])
    whole = ScaleToUnitd("image", **ROBUST)({"image": _tensor(image)})["image"][0].numpy()
    with open_volume(tmp_path / "out" / "images" / "a.zarr") as copy:
        np.testing.assert_array_equal(scaling_of(copy, **ROBUST).apply(part), whole[inside])
    counts = notes_of(read_header(tmp_path / "out" / "labels" / "a.zarr"))["counts"]["values"]
    assert {each["value"]: each["voxels"] for each in counts} == {0: 8000 - int((volume()[1] > 0).sum())} | {
        1: int((volume()[1] > 0).sum())
    }
    prepare(dataset, tmp_path / "out", labelled_only=True, margin=6)  # all is there already


def _tensor(voxels):
    import torch

    return torch.from_numpy(voxels.copy())[None]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("after", "only"), [(0, False), (5, False), (1, True)])
def test_a_killed_run_goes_on_where_it_was(dataset, tmp_path, monkeypatch, caplog, after, only):
    for path in dataset.rglob("b.*"):
        path.unlink()
    written, write = [], BlockArray.write

    def counted(self, box, array):
        if len(written) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(box)
        write(self, box, array)

    if (child := os.fork()) == 0:
        monkeypatch.setattr(BlockArray, "write", counted)
        prepare(dataset, tmp_path / "out", labelled_only=only, margin=20)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    monkeypatch.setattr(BlockArray, "write", lambda *args: (written.append(args[1]), write(*args)))
    with caplog.at_level(logging.INFO):
        prepare(dataset, tmp_path / "out", labelled_only=only, margin=20)
    assert caplog.text.count("goes on where it was stopped") == 1
    total = 0
    for folder, whole in zip(("images", "labels"), volume(), strict=True):
        info, voxels = read_volume(tmp_path / "out" / folder / "a.zarr")
        assert np.array_equal(voxels, whole[(slice(10, 70), slice(0, 60), slice(0, 40)) if only else ...])
        total += len(list(blocks(info.shape, notes_of(info)["block"])))
    assert len(written) + after == total > after + 2  # none was written twice
    assert not list(tmp_path.rglob("*.unfinished"))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.float16, np.longdouble])
def test_types(tmp_path, dtype):
    image = (np.arange(24 * 20 * 10).reshape(24, 20, 10) % 100 > 50).astype(dtype)
    np.save(tmp_path / "a.npy", image)
    prepare(tmp_path / "a.npy", tmp_path / "a.zarr")
    assert np.array_equal(read_volume(tmp_path / "a.zarr")[1], image)


def test_a_data_set_of_hdf5(tmp_path):
    h5py = pytest.importorskip("h5py")
    voxels = volume()[0]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["exported_data"], file["other"] = voxels.transpose(2, 1, 0), voxels.transpose(2, 1, 0)
    prepare(tmp_path / "a.h5" / "exported_data", tmp_path / "a.zarr")
    assert np.array_equal(read_volume(tmp_path / "a.zarr")[1], voxels)
    prepare(tmp_path / "a.h5" / "exported_data", tmp_path / "a.zarr")


def test_a_level_of_a_pyramid(tmp_path):
    image, _ = volume()
    fine = write_volume(tmp_path / "fine.ome.zarr", np.tile(image, (4, 1, 1)))
    prepare(fine, tmp_path / "coarse.zarr", level=1)
    expected, voxels = read_volume(fine, level=1)
    info, found = read_volume(tmp_path / "coarse.zarr")
    assert np.array_equal(found, voxels)
    assert info.shape == expected.shape == (140, 33, 20)
    np.testing.assert_allclose(info.affine, expected.affine)


def test_a_folder_of_images_and_a_channel(tmp_path):
    import tifffile

    both = np.random.default_rng(0).integers(0, 255, (12, 2, 20, 18), np.uint8)
    (tmp_path / "in").mkdir()
    for name in "ab":
        tifffile.imwrite(tmp_path / "in" / f"{name}.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    prepare(tmp_path / "in", tmp_path / "out", channel=1)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.zarr", "b.zarr"]
    assert np.array_equal(read_volume(tmp_path / "out" / "b.zarr")[1], both[:, 1].transpose(2, 1, 0))


def test_what_is_refused(dataset, tmp_path, monkeypatch):
    image = dataset / "images" / "a.tif"
    for arguments, why in (
        ((image, tmp_path / "out"), r"out: does not end in \.zarr; name the Zarr"),
        ((image, tmp_path / "a.zarr", True), r"a\.tif has no labels; give a dataset"),
        ((dataset, tmp_path / "out", True, -1), r"--margin -1: is not a whole"),
        ((dataset, tmp_path / "out", "maybe"), r"--labelled_only maybe: is neither"),
    ):
        with pytest.raises(ValueError, match=why):
            prepare(*arguments)
    (tmp_path / "other.zarr").mkdir()
    (tmp_path / "other.zarr" / "x").touch()
    with pytest.raises(Exception, match=r"other\.zarr"):
        prepare(image, tmp_path / "other.zarr")
    prepare(image, tmp_path / "a.zarr")
    os.utime(image, ns=(1, 1))  # changed since
    with pytest.raises(FileExistsError, match=r"a\.zarr: is there already, and is no such copy"):
        prepare(image, tmp_path / "a.zarr")
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(prepare_module.shutil, "disk_usage", lambda path: usage(10, 0, 10**6))
    with pytest.raises(OSError, match=r"the copies may take .*, and 1 MB are free; make room"):
        prepare(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_crop_needs_room_for_itself_alone(dataset, tmp_path, monkeypatch):
    usage = namedtuple("Usage", "total used free")
    cropped = 4 * 32**3 * 8 // 7 + 2 * 32**3 * 8 // 7  # of a label in four bytes and an image in two
    for free, fits in ((cropped, True), (cropped - 1, False)):
        monkeypatch.setattr(prepare_module.shutil, "disk_usage", lambda path, free=free: usage(10, 0, free))
        monkeypatch.setattr(prepare_module, "check_all", lambda copy, pairs: copy(pairs[0]))
        if fits:
            prepare(dataset, tmp_path / "out", labelled_only=True, margin=6)
        else:
            with pytest.raises(OSError, match=r"the copies may take .* are free; make room"):
                prepare(dataset, tmp_path / "other", labelled_only=True, margin=6)
    assert (tmp_path / "out" / "images" / "a.zarr").is_dir()
    assert not (tmp_path / "other").exists()


def test_a_crop_is_one_of_its_own_value_of_what_is_not_labelled(dataset, tmp_path):
    prepare(dataset, tmp_path / "out", labelled_only=True, margin=6)
    with pytest.raises(FileExistsError, match=r"is there already, and is no such copy"):
        prepare(dataset, tmp_path / "out", labelled_only=True, margin=6, unlabelled_value=0)
    prepare(dataset, tmp_path / "whole")
    prepare(dataset, tmp_path / "whole", unlabelled_value=0)  # a copy of everything is the same one


@pytest.mark.parametrize(
    "damage", [{"low": "much"}, {"low": 9e9}, {"low": -math.inf}, {"high": math.inf}, {"polarity": None}]
)
def test_damaged_notes_are_refused(tmp_path, monkeypatch, damage):
    copied = prepare(write_volume(tmp_path / "a.tif", volume()[0]), tmp_path / "a.zarr")
    notes = notes_of(read_header(copied))
    notes["scalings"][1] |= damage
    monkeypatch.setattr(scaling, "notes_of", lambda info: notes)
    with open_volume(copied) as held, pytest.raises(ValueError, match=r"a\.zarr: what was noted in it is damaged"):
        scaling_of(held, **ROBUST)


def test_two_runs_do_not_copy_the_same(dataset, tmp_path):
    image, seen = dataset / "images" / "a.tif", []

    def reads(self, box):
        if not seen:
            seen.append(box)
            with pytest.raises(ValueError, match=r"a\.zarr: another run is at work there"):
                prepare(image, tmp_path / "a.zarr", channel=None)
        return read(self, box)

    with pytest.MonkeyPatch.context() as patched:
        with open_volume(image) as volume_:
            kind = type(volume_)
        read = kind.read
        patched.setattr(kind, "read", reads)
        prepare(image, tmp_path / "a.zarr")
    assert seen
    assert np.array_equal(read_volume(tmp_path / "a.zarr")[1], volume()[0])
    assert [path.name for path in tmp_path.glob("a.zarr*")] == ["a.zarr"]


def test_a_run_that_was_killed_before_it_began_is_no_hindrance(dataset, tmp_path):
    (tmp_path / "a.zarr.unfinished").mkdir()
    prepare(dataset / "images" / "a.tif", tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr.unfinished").exists()


def test_one_that_fails_does_not_stop_the_others(dataset, tmp_path):
    flat = np.full(SHAPE, 3, np.uint16)
    write_volume(dataset / "images" / "a.tif", flat, voxel_size=SIZES, unit="µm")
    with pytest.raises(ValueError, match=r"a\.tif: every voxel is 3"):
        prepare(dataset, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "b.zarr").is_dir()
    assert not (tmp_path / "out" / "images" / "a.zarr").exists()


def test_no_more_voxels_are_sorted_than_elsewhere(tmp_path, monkeypatch):
    """A large volume's notes are those of the voxels that are drawn in any case."""
    monkeypatch.setattr(seen, "MAX_SORTED", 2**12)
    image, _ = volume()
    prepare(write_volume(tmp_path / "a.tif", image), tmp_path / "a.zarr")
    with open_volume(tmp_path / "a.tif") as own:
        expected = scaling_of(own, **ROBUST)
    noted = notes_of(read_header(tmp_path / "a.zarr"))["scalings"][1]
    assert (noted["low"], noted["high"]) == (expected.low, expected.high)
    assert json.loads(json.dumps(noted)) == noted
