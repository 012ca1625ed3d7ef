"""The file that a server sends: of the image's kind, and nothing at all on the command line."""

import os

import numpy as np
import pytest
import torch
from monai.transforms import LoadImaged

from scripts.io import SaveVolumed, VolumeReader, read_volume
from scripts.monailabel import WriteResultd
from tests.helpers.volume_examples import SHAPE, imagej, nifti, ome

VIEWER = {"model": "tubenet", "description": "segments vessels"}
MAKERS = {".tif": imagej, ".ome.tif": ome, ".nii.gz": nifti}


def data(path, **request):
    """What stands before the last transform: the image, a result on its grid, and what MONAI Label was asked."""
    load = LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True, image_only=False)
    loaded = load({"image": str(path)})
    pred = loaded["image"].clone()
    pred.copy_((torch.arange(pred.numel()).reshape(pred.shape) % 3 == 0).to(pred))
    return {**loaded, "pred": pred.to(torch.uint8), "image_path": str(path), **VIEWER, **request}


def hand_over(given):
    return WriteResultd("pred", provenance={"weights": "model.pt"})(given)


@pytest.mark.parametrize("suffix", MAKERS)
def test_the_file_is_the_command_lines(tmp_path, suffix):
    given = data(MAKERS[suffix](tmp_path / f"a{suffix}"))
    SaveVolumed("pred", output_dir=tmp_path / "out", provenance={"weights": "model.pt"})(given)
    sent = hand_over(given)
    try:
        (info, voxels), (expected, array) = read_volume(sent["pred"]), read_volume(tmp_path / "out" / f"a_seg{suffix}")
        np.testing.assert_array_equal(voxels, array)
        np.testing.assert_array_equal(info.affine, expected.affine)
        assert (info.kind, info.unit, info.provenance) == (expected.kind, expected.unit, expected.provenance)
        assert str(sent["pred"]).endswith(suffix)
    finally:
        os.unlink(sent["pred"])


def test_what_monai_label_does_with_it_afterwards(tmp_path):
    """It compares the result's shape with the image's, and does not write where it is told so."""
    sent = hand_over(data(imagej(tmp_path / "a.tif")))
    os.unlink(sent["pred"])
    assert sent["result_write_to_file"] is False
    assert "image" not in sent
    assert "image_meta_dict" not in sent
    assert sent["pred"].shape == ()
    assert isinstance(sent["pred"], str)


@pytest.mark.parametrize("asked", [".tiff", ".nii.gz", ".NII"])
def test_another_suffix_that_is_written_here(tmp_path, asked):
    sent = hand_over(data(imagej(tmp_path / "a.tif"), result_extension=asked, result_dtype="uint8"))
    info, voxels = read_volume(sent["pred"])
    os.unlink(sent["pred"])
    assert voxels.shape == SHAPE
    assert str(sent["pred"]).endswith(asked)
    np.testing.assert_allclose(info.voxel_size, (0.0005, 0.0005, 0.002), rtol=1e-5)


@pytest.mark.parametrize(
    "request_",
    [{"result_extension": ".nrrd"}, {"result_dtype": "float32"}, {"skip_writer": True}, {"image_path": None}],
)
def test_what_is_left_to_monai_label_or_to_the_command_line(tmp_path, request_):
    given = data(imagej(tmp_path / "a.tif"), **request_)
    assert hand_over(given).keys() == given.keys()
    assert hand_over(given)["pred"] is given["pred"]


@pytest.mark.parametrize("asked", [".tif", ".nrrd"])
def test_weights_that_the_rest_of_the_config_does_not_know_of(tmp_path, monkeypatch, asked):
    """In an app of MONAI Label's own the network has the weights that a viewer chose, and nothing else has."""
    monkeypatch.setattr("scripts.monailabel.result.WEIGHTS", tmp_path / "model.pt")
    image = imagej(tmp_path / "a.tif")
    (tmp_path / "model_foundation.pt").touch()
    for chosen in ("model_foundation.pt", ["model_foundation.pt", "model.pt"]):
        with pytest.raises(
            ValueError, match=r"model_filename model_foundation\.pt: the rest is that of model\.pt; use the"
        ):
            hand_over(data(image, model_filename=chosen, result_extension=asked))
    for chosen in (None, [], "model.pt", ["model.pt", "model_foundation.pt"], "none.pt"):
        sent = hand_over(data(image, model_filename=chosen, result_extension=".tif"))
        os.unlink(sent["pred"])


def test_what_monai_label_scores_stays_an_array(tmp_path):
    given = data(imagej(tmp_path / "a.tif"))
    del given["description"]
    assert hand_over(given)["pred"] is given["pred"]


def test_nothing_stays_where_it_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    given = data(imagej(tmp_path / "a.tif"))
    given["pred"] = given["pred"][:, :-1]
    with pytest.raises(ValueError, match="is not on the grid of its input"):
        hand_over(given)
    assert not list((tmp_path / "temporary").iterdir())
