"""The shipped weights in int8, calibrated by synthetic volumes."""

from __future__ import annotations

from pathlib import Path

from scripts.core import WEIGHTS, refuse
from scripts.data import Synthesised
from scripts.inference.engine import CALIBRATED, file_beside, fingerprint, quantise, save, windows_of
from scripts.network import TubeNet
from scripts.transforms import ScaleToUnitd
from scripts.weights import Checkpoint, read_sidecar

SEED = 4000
"""Of the first volume; none that was trained on or validated on has it."""
OF_VOLUME = 2  # windows
WINDOW = 64, 64, 64


def run_int8(ckpt_path: str | Path = WEIGHTS, windows: int = CALIBRATED) -> None:
    """Keep weights in int8 beside them, calibrated by synthetic volumes of all kinds.

    Args:
        ckpt_path: the weights.
        windows: how many calibrate.

    Raises:
        UserError: if the weights cannot be read, or OpenVINO and NNCF are not installed.
    """
    if windows < OF_VOLUME:
        refuse(f"--windows {windows}", f"is less than {OF_VOLUME}", f"give one such as {CALIBRATED}")
    network = TubeNet(**read_sidecar(Path(ckpt_path))["network"])
    checkpoint = Checkpoint(ckpt_path, network)
    checkpoint.load_into(network)
    scaled = ScaleToUnitd("image", **checkpoint.normalisation, invert="false")
    found = []
    for seed in range(SEED, SEED + windows // OF_VOLUME):
        found += windows_of(scaled(Synthesised()({"seed": seed}))["image"], WINDOW, OF_VOLUME)
    save(file_beside(Path(ckpt_path)), quantise(network.eval(), found), fingerprint(network))
