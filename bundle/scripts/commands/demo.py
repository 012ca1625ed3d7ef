"""The demonstration: vessels that are hard for the shipped weights, segmented, then learnt from one small block."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from scripts.core import box_text, slices
from scripts.io import read_volume, write_volume
from scripts.report import overlay_curves, slice_panel

from .bundle import EVALUATE, FINETUNE, INFERENCE, TRAIN, run_bundle
from .synthesise import write_dataset

STYLE, SEED = "hollow", 0
SHAPE = (160, 128, 64)
VOXEL_SIZE = {"voxel_size": (1.0, 1.0, 2.0), "unit": "µm"}
BLOCK = ((48, 112), (32, 96), (0, 64))  # 64³ voxels, a fifth of the volume
IN_BLOCK = 2  # label value of the block in the dataset that scores; there it means "not labelled"
EPOCHS, ITERATIONS_PER_EPOCH = 8, 15
METRICS = ("dice", "precision", "recall", "auroc", "average_precision")


def run_demo(
    output_dir: str | Path = "demo", epochs: int = EPOCHS, iterations_per_epoch: int = ITERATIONS_PER_EPOCH
) -> None:
    """Tell the paper's story with the commands that a user would type: segment, label a block, fine-tune, segment.

    Args:
        output_dir: becomes `dataset/` with image and label, `rest/` with the label outside the block, `before/` and
            `after/` with segmentations, scores and curves, `weights/`, and three pictures.
        epochs: of fine-tuning.
        iterations_per_epoch: steps in each of them.

    Raises:
        UserError: where the folder cannot be written.
        UserError: where one of the commands fails; what it printed says why.
    """
    started = time.monotonic()
    folder = Path(output_dir).resolve()
    dataset, rest, weights = folder / "dataset", folder / "rest", folder / "weights"
    name = f"{STYLE}_{SEED}"
    print("1. a synthetic volume of vessels whose walls alone are stained, none of which the shipped weights ever saw")
    write_dataset(dataset, count=1, seed=SEED, shape=SHAPE, style=STYLE, **VOXEL_SIZE)
    _write_rest(dataset, rest, name)

    print("2. segment it with the shipped weights, and score it outside the block that will be labelled")
    before = _segment_and_score(dataset, rest, folder / "before")
    region = box_text(BLOCK)
    print(f"3. fine-tune on one labelled block, {region}, {100 * _share_of_block():.0f} % of the volume")
    length = {"epochs": epochs, "iterations_per_epoch": iterations_per_epoch}
    run_bundle([TRAIN, FINETUNE], dataset_dir=dataset, region=region, ckpt_dir=weights, **length)
    print("4. segment and score the rest again")
    after = _segment_and_score(dataset, rest, folder / "after", ckpt_path=weights / "model_best.pt")

    rows = {"shipped weights": before, "fine-tuned on the block": after}
    print("\noutside the block        " + "".join(f"{metric:>19}" for metric in METRICS))
    for title, scores in rows.items():
        print(f"{title:25}" + "".join(f"{scores['cases'][name][metric]:19.3f}" for metric in METRICS))
    pictures = [_picture(folder, name, which, scores) for which, scores in (("before", before), ("after", after))]
    curves = folder / "roc.png"
    overlay_curves([str(folder / "before"), str(folder / "after")], curves, names=list(rows))
    print("pictures: " + ", ".join(map(str, [*pictures, curves])))
    print(f"{time.monotonic() - started:.0f} seconds in all")


def _share_of_block() -> float:
    return float(np.prod([stop - start for start, stop in BLOCK]) / np.prod(SHAPE))


def _write_rest(dataset: Path, rest: Path, name: str) -> None:
    _, label = read_volume(dataset / "labels" / f"{name}.tif")  # (X, Y, Z)
    label[slices(BLOCK)] = IN_BLOCK
    write_volume(rest / "labels" / f"{name}.tif", label, **VOXEL_SIZE)
    (rest / "images").mkdir(parents=True, exist_ok=True)
    image = Path("images", f"{name}.tif")
    (rest / image).write_bytes((dataset / image).read_bytes())


def _segment_and_score(dataset: Path, rest: Path, output: Path, **options: object) -> dict:
    run_bundle([INFERENCE], dataset_dir=dataset, output_dir=output, **options)
    run_bundle([TRAIN, EVALUATE], dataset_dir=rest, output_dir=output, unlabelled_value=IN_BLOCK, **options)
    return json.loads((output / "metrics.json").read_text())


def _picture(folder: Path, name: str, which: str, scores: dict) -> Path:
    title = f"{which} fine-tuning: Dice {scores['cases'][name]['dice']:.2f} outside the block"
    _, image = read_volume(folder / "dataset" / "images" / f"{name}.tif")
    _, label = read_volume(folder / "dataset" / "labels" / f"{name}.tif")
    _, segmentation = read_volume(folder / which / f"{name}_seg.tif")
    return slice_panel(
        folder / f"{which}.png", image, label, segmentation, title=title, spacing=VOXEL_SIZE["voxel_size"]
    )
