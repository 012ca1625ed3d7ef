"""Inference by the command line: every kind of file comes back as the same kind, by what other programs read in it."""

import json
import os
import shutil

import nibabel as nib
import numpy as np
import pytest
import tifffile
import torch
from torch.nn import functional as F

from scripts.core import bfloat16, sha256
from scripts.io import read_volume
from scripts.network import TubeNet
from scripts.weights import read_sidecar, sidecar_path
from tests.helpers.bundle_command import TINY_NETWORK
from tests.helpers.volume_examples import SHAPE, SHEARED, imagej, nifti, ome, plain, zyx

MAKE = {"a.tif": imagej, "b.ome.tif": ome, "c.nii.gz": nifti, "d.tiff": plain}
CUBE = "e.npy"


def output(out, name, postfix="seg"):
    stem, _, suffix = name.partition(".")
    return out / f"{stem}_{postfix}.{suffix}"


@pytest.fixture(scope="module")
def cube():
    return np.random.default_rng(0).integers(100, 900, (32, 32, 32)).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, cube):
    """Five kinds of file side by side, and a note."""
    folder = tmp_path_factory.mktemp("mixed")
    for name, make in MAKE.items():
        make(folder / name)
    np.save(folder / CUBE, cube)
    (folder / "notes.txt").write_text("not a volume")
    return folder


@pytest.fixture(scope="module")
def probability(bundle, folder, tiny_weights, tmp_path_factory):
    """What one command wrote with `--save_probability true`."""
    out = tmp_path_factory.mktemp("probability")
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, "amp": "false", **TINY_NETWORK}
    done = bundle.run("inference", **options, output_dir=out, save_probability="true").ok()
    assert "notes.txt" in done.stderr
    return out


@pytest.fixture(scope="module")
def threshold(probability):
    """A threshold at which both classes occur."""
    return float(np.median(np.load(output(probability, CUBE, "prob"))))


@pytest.fixture(scope="module")
def segmented(bundle, folder, tiny_weights, threshold, tmp_path_factory):
    """What one command wrote by default, but for the threshold."""
    out = tmp_path_factory.mktemp("segmented")
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, "amp": "false", **TINY_NETWORK}
    bundle.run("inference", **options, output_dir=out, threshold=threshold).ok()
    return out


def test_one_output_a_volume_and_two_with_probability(segmented, probability):
    names = [*MAKE, CUBE]
    assert sorted(os.listdir(segmented)) == sorted(output(segmented, name).name for name in names)
    both = [output(probability, name, postfix).name for name in names for postfix in ("seg", "prob")]
    assert sorted(os.listdir(probability)) == sorted(both)


def stored(path):
    """The voxels as another program reads them, in stored order."""
    if path.name.endswith(".nii.gz"):
        return np.asarray(nib.load(path).dataobj)
    return np.load(path) if path.suffix == ".npy" else tifffile.imread(path)


@pytest.mark.parametrize("name", [*MAKE, CUBE])
def test_outputs_are_class_indices_and_probabilities_of_their_input(name, folder, segmented, probability, threshold):
    segmentation, likely = stored(output(segmented, name)), stored(output(probability, name, "prob"))
    assert segmentation.shape == likely.shape == stored(folder / name).shape
    assert (segmentation.dtype, likely.dtype) == (np.uint8, np.float32)
    assert 0 < likely.min() < likely.max() < 1
    assert set(np.unique(segmentation)) <= {0, 1}
    clear = np.abs(likely - threshold) > 1e-6
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(segmentation[clear], (likely > threshold)[clear])
    if name == CUBE:
        assert 0.4 < segmentation.mean() < 0.6


def test_probability_is_the_networks(cube, probability, tiny_weights):
    """Of a volume as large as one window: minimum to 0, maximum to 1, network, softmax."""
    network = TubeNet(**read_sidecar(tiny_weights)["network"]).eval()
    network.load_state_dict(torch.load(tiny_weights, weights_only=True))
    scaled = (cube.astype(np.float32) - cube.min()) / (cube.max() - cube.min())
    with torch.no_grad():
        expected = network(torch.from_numpy(scaled)[None, None]).softmax(dim=1)[0, 1]
    np.testing.assert_allclose(np.load(output(probability, CUBE, "prob")), expected, atol=1e-5)


def test_the_percentiles_of_the_weights_reach_the_image(cube, bundle, folder, tiny_weights, tmp_path):
    weights = tmp_path / "w.pt"
    shutil.copy(tiny_weights, weights)
    sidecar = read_sidecar(tiny_weights) | {"normalisation": {"lower": 10.0, "upper": 80.0}}
    sidecar_path(weights).write_text(json.dumps(sidecar))
    options = {"dataset_dir": folder / CUBE, "ckpt_path": weights, "amp": "false", **TINY_NETWORK}
    bundle.run("inference", **options, output_dir=tmp_path, save_probability="true").ok()
    low, high = np.percentile(cube, (10, 80))
    scaled = np.clip((cube.astype(np.float32) - low) / (high - low), 0, 1).astype(np.float32)
    network = TubeNet(**sidecar["network"]).eval()
    network.load_state_dict(torch.load(tiny_weights, weights_only=True))
    with torch.no_grad():
        expected = network(torch.from_numpy(scaled)[None, None]).softmax(dim=1)[0, 1]
    np.testing.assert_allclose(np.load(output(tmp_path, CUBE, "prob")), expected, atol=1e-5)


@pytest.mark.parametrize("postfix", ["seg", "prob"])
def test_imagej_stays_imagej(postfix, probability, tiny_weights):
    with tifffile.TiffFile(output(probability, "a.tif", postfix)) as tif:
        assert tif.is_imagej
        assert tif.series[0].axes == "ZYX"
        assert tif.imagej_metadata["slices"] == SHAPE[2]
        assert (tif.imagej_metadata["spacing"], tif.imagej_metadata["unit"]) == (2.0, "um")
        assert tif.pages.first.tags["XResolution"].value == tif.pages.first.tags["YResolution"].value == (2, 1)
        assert says_where_from(tif.imagej_metadata["Info"], tiny_weights)


@pytest.mark.parametrize("postfix", ["seg", "prob"])
def test_ome_stays_ome(postfix, probability, tiny_weights):
    with tifffile.TiffFile(output(probability, "b.ome.tif", postfix)) as tif:
        assert tif.is_ome
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
    pixels = image["Pixels"]
    assert [pixels[f"Size{axis}"] for axis in "XYZ"] == list(SHAPE)
    assert [pixels[f"PhysicalSize{axis}"] for axis in "XYZ"] == [0.5, 0.25, 2.0]
    assert {pixels[f"PhysicalSize{axis}Unit"] for axis in "XYZ"} == {"µm"}
    assert says_where_from(image["Description"], tiny_weights)


@pytest.mark.parametrize("postfix", ["seg", "prob"])
def test_nifti_keeps_its_affine_bit_for_bit(postfix, folder, probability, tiny_weights):
    before, after = nib.load(folder / "c.nii.gz"), nib.load(output(probability, "c.nii.gz", postfix))
    np.testing.assert_array_equal(after.affine, before.affine)
    np.testing.assert_allclose(after.affine, SHEARED, rtol=1e-6)
    for name in ("sform_code", "qform_code", "xyzt_units", "pixdim"):
        np.testing.assert_array_equal(after.header[name], before.header[name])
    assert says_where_from(after.header.extensions[0].get_content(), tiny_weights)


def test_plain_tiff_invents_no_voxel_size(segmented, tiny_weights):
    with tifffile.TiffFile(output(segmented, "d.tiff")) as tif:
        assert not tif.is_imagej
        assert not tif.is_ome
        assert tif.series[0].shape == zyx(np.empty(SHAPE)).shape
        description = json.loads(tif.pages.first.description)
    assert "spacing" not in description
    assert says_where_from(json.dumps(description), tiny_weights)


def says_where_from(notes, weights):
    provenance = json.loads(notes)["provenance"]
    assert provenance["software"].startswith("tubenet ")
    return (provenance["weights"], provenance["weights_sha256"]) == (weights.name, sha256(weights))


def test_one_file_is_enough_and_neither_workers_nor_batches_matter(bundle, tiny_dataset, tiny_weights, tmp_path):
    """Of a volume of several windows."""
    options = {"dataset_dir": tiny_dataset / "images" / "a.tif", "ckpt_path": tiny_weights, **TINY_NETWORK}
    found = []
    for how in ({}, {"num_workers": 2}, {"batch_size": 3}):
        out = tmp_path / str(len(found))
        bundle.run("inference", **options, **how, output_dir=out, save_probability="true").ok()
        assert sorted(os.listdir(out)) == ["a_prob.tif", "a_seg.tif"]
        found.append(tifffile.imread(out / "a_prob.tif"))
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_allclose(found[2], found[0], atol=1e-4)  # sums in another order


def test_a_scale_keeps_kind_and_geometry_and_changes_what_is_found(
    bundle, folder, tiny_dataset, tiny_weights, tmp_path
):
    """Of a stack of 5 to 2, too short to be shrunk across; a file of 5 x 4 x 3 voxels is too small to be shrunk."""
    options = {"ckpt_path": tiny_weights, "save_probability": "true", "amp": "false", **TINY_NETWORK}
    image = tiny_dataset / "images" / "a.tif"
    for scale in (1, 0.5, 2):
        bundle.run("inference", **options, dataset_dir=image, output_dir=tmp_path / str(scale), scale=scale).ok()
    (info, whole), (same, half), (_, double) = (read_volume(tmp_path / str(s) / "a_prob.tif") for s in (1, 0.5, 2))
    assert whole.shape == half.shape == double.shape == (40, 36, 15)
    np.testing.assert_array_equal(same.affine, info.affine)
    assert (same.kind, same.unit) == (info.kind, info.unit)
    assert np.abs(half - whole).max() > 1e-3
    assert np.abs(double - whole).max() > 1e-3

    network = TubeNet(**read_sidecar(tiny_weights)["network"]).eval()
    network.load_state_dict(torch.load(tiny_weights, weights_only=True))
    voxels = torch.from_numpy(read_volume(image)[1].astype(np.float32))[None, None]
    scaled = (voxels - voxels.min()) / (voxels.max() - voxels.min())
    small = F.interpolate(scaled, size=(20, 18, 15), mode="area")
    padded = F.pad(small, (0, 17, 0, 14, 0, 12), mode="replicate")  # to one window of 32
    with torch.no_grad():
        logits = F.interpolate(network(padded)[..., :20, :18, :15], size=(40, 36, 15), mode="trilinear")
    np.testing.assert_allclose(half, logits.softmax(dim=1)[0, 1], atol=1e-5)

    tiny = folder / "c.nii.gz"
    for scale in ("1", "0.5"):
        bundle.run("inference", **options, dataset_dir=tiny, output_dir=tmp_path / scale, scale=scale).ok()
    one, two = (nib.load(output(tmp_path / scale, tiny.name, "prob")) for scale in ("1", "0.5"))
    np.testing.assert_array_equal(one.get_fdata(), two.get_fdata())
    np.testing.assert_array_equal(one.affine, two.affine)


def test_bfloat16_changes_little_but_something(bundle, folder, tiny_weights, probability, tmp_path):
    options = {"dataset_dir": folder / CUBE, "ckpt_path": tiny_weights, "save_probability": "true", **TINY_NETWORK}
    for amp in ("true", "auto"):
        bundle.run("inference", **options, output_dir=tmp_path / amp, amp=amp).ok()
    half, full = (np.load(output(out, CUBE, "prob")) for out in (tmp_path / "true", probability))
    by_itself = np.load(output(tmp_path / "auto", CUBE, "prob"))
    np.testing.assert_array_equal(by_itself, half if bfloat16("auto", "cpu") else full)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, full, atol=0.05)
    assert not np.array_equal(half, full)
