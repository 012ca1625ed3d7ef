"""Every base alone and every overlay on each base that it claims: all that MONAI does with a bundle, in order."""

import pytest
import torch
from monai.bundle import ConfigParser

from scripts.weights import save_weights
from tests.helpers.bundle_command import BUNDLE, TINY_CHANNELS, TINY_NETWORK, TINY_TRAINING

NETWORKS = ("attention", "full_width", "published")
LOSSES = ("loss_focal", "loss_wcce", "loss_wcce_inverse")
OTHERS = ("from_disk", "study", "tensorboard", "validate_elsewhere")
FOR_INFERENCE = ("large_volume",)
FOR_PREDICTION = ("best", "quick")
BASES = {
    "train": ["train"],
    "finetune": ["train", "finetune"],
    "evaluate": ["train", "evaluate"],
    "evaluate after finetune": ["train", "finetune", "evaluate"],
    "inference": ["inference"],
}
CLAIMS = {
    "train": (*NETWORKS, *LOSSES, *OTHERS),
    "finetune": (*NETWORKS, *LOSSES, *OTHERS),
    "evaluate": (*NETWORKS, *FOR_PREDICTION),
    "evaluate after finetune": (),
    "inference": (*NETWORKS, *FOR_INFERENCE, *FOR_PREDICTION),
}


def test_every_overlay_is_claimed():
    found = {path.stem for path in (BUNDLE / "configs" / "overlays").glob("*.json")}
    assert found == {*NETWORKS, *LOSSES, *OTHERS, *FOR_INFERENCE, *FOR_PREDICTION}


def weights_for(configs, folder):
    """Weights that fit a network of tiny width."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / f"{name}.json") for name in configs])
    parser.update({"bundle_root": str(BUNDLE), "network_def#channels": TINY_CHANNELS})
    network = parser.get_parsed_content("network_def")
    sidecar = {"network": network.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.5}
    save_weights(folder / "weights.pt", network, sidecar)
    return folder / "weights.pt"


@pytest.mark.parametrize(
    ("base", "overlay"),
    [(base, overlay) for base, overlays in CLAIMS.items() for overlay in (None, *overlays)],
    ids=lambda name: name or "alone",
)
def test_a_base_with_an_overlay(base, overlay, workflow, tiny_dataset, other_dataset, tmp_path):
    configs = BASES[base] + ([f"overlays/{overlay}"] if overlay else [])
    trains = base in ("train", "finetune")
    options = {**(TINY_TRAINING if base != "inference" else TINY_NETWORK), "dataset_dir": str(tiny_dataset)}
    options["ckpt_dir" if trains else "output_dir"] = str(tmp_path / "out")
    if base != "train":
        options["ckpt_path"] = str(weights_for(configs, tmp_path))
    if overlay == "validate_elsewhere":
        options["val_dir"] = str(other_dataset)
    torch.manual_seed(0)
    run = workflow("inference" if base == "inference" else "train", *configs, **options)
    run.initialize()
    assert run.check_properties() == []
    run.run()
    run.finalize()
    left = {path.name for path in (tmp_path / "out").iterdir()}
    expected = {"inference": "a_seg.tif", "train": "model_best.pt", "finetune": "model_best.pt"}
    assert expected.get(base, "metrics.json") in left
