"""The demonstration: a vessel volume of a kind that the weights never saw, segmented, scored and pictured."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from scripts.report import slice_panel
from scripts.synthetic_study import write_study
from scripts.volume_io import read_volume

BUNDLE = Path(__file__).resolve().parents[1]
SHAPE = (128, 128, 64)
SEED = 3
VOXEL_SIZE = (1.0, 1.0, 2.0)  # µm


def run_demo(output_dir: str | Path = "demo") -> None:
    """Make a volume, run the two commands that a user would type, print the scores, leave pictures.

    Args:
        output_dir: becomes ``study/`` with image and label, ``output/`` with segmentation and scores, and a picture.

    Raises:
        OSError: where the folder cannot be written.
        RuntimeError: where one of the commands fails; what it printed says why.
    """
    started = time.monotonic()
    folder = Path(output_dir).resolve()
    study, output = folder / "study", folder / "output"
    print("1. a synthetic volume of tumour vessels, a kind that the shipped weights were not trained on")
    write_study(study, count=1, seed=SEED, shape=SHAPE, style="tumour", voxel_size=VOXEL_SIZE)
    name = f"tumour_{SEED}"

    print("2. segment it")
    _bundle("configs/inference.json", dataset_dir=study, output_dir=output)
    print("3. score it against its label")
    _bundle("['configs/train.json','configs/evaluate.json']", dataset_dir=study, output_dir=output)

    scores = json.loads((output / "metrics.json").read_text())
    shown = "  ".join(f"{metric} {value:.3f}" for metric, value in scores["cases"][name].items() if value is not None)
    print(f"\n{name}: {shown}  (threshold {scores['threshold']:.2f})")

    _, image = read_volume(study / "images" / f"{name}.tif")
    _, label = read_volume(study / "labels" / f"{name}.tif")
    _, segmentation = read_volume(output / f"{name}_seg.tif")
    title = f"tumour vessels, never seen in training: Dice {scores['cases'][name]['dice']:.2f}"
    picture = folder / f"{name}.png"
    slice_panel(picture, image, label, segmentation, title=title, spacing=VOXEL_SIZE)
    print(f"picture: {picture}\nsegmentation: {output / f'{name}_seg.tif'}")
    print(f"{time.monotonic() - started:.0f} seconds in all")


def _bundle(config_file: str, **dials: object) -> None:
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", config_file]
    for dial, value in dials.items():
        command += [f"--{dial}", str(value)]
    # double quotes, for the list of configs has single ones inside
    shown = " ".join(f'"{word}"' if "'" in word or " " in word else word for word in command[1:])
    print(f"   $ python {shown}", flush=True)
    failed = subprocess.run(command, cwd=BUNDLE, stdout=subprocess.DEVNULL).returncode
    if failed:
        raise RuntimeError(f"the command above failed with status {failed}; what it printed says why")
