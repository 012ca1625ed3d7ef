"""The command `demo`: segment a volume, fine-tune on one block of it, segment it again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import box_text, slices
from scripts.io import read_volume, write_volume
from scripts.report import overlay_curves, slice_panel, theme_of, vessel_or_not
from scripts.weights import read_sidecar

from .analyse import analyse
from .bundle import EVALUATE, FINETUNE, INFERENCE, TRAIN, run_bundle
from .pictures.report import write_report
from .synthesise import write_dataset

STYLE, SEED = "hollow", 0
SHAPE = (160, 128, 64)
VOXEL_SIZE = {"voxel_size": (1.0, 1.0, 2.0), "unit": "µm"}
BLOCK = ((48, 112), (32, 96), (0, 64))  # X, Y, Z: 64³ voxels, a fifth of the volume
IN_BLOCK = 2  # label value of the block in the dataset to score on, where it means "not labelled"
EPOCHS, ITERATIONS_PER_EPOCH = 8, 15
METRICS = ("dice", "precision", "recall", "auroc", "average_precision")


def run_demo(
    output_dir: str | Path = "demo",
    epochs: int = EPOCHS,
    iterations_per_epoch: int = ITERATIONS_PER_EPOCH,
    theme: str = "dark",
) -> None:
    """Segment a synthetic volume, fine-tune on one block of it, and compare before and after.

    It runs the commands that you would type, and prints each of them.

    Args:
        output_dir: the folder to write into. It gets `dataset/` with image and label, `rest/` with the label outside
            the block, `before/` and `after/` with segmentations, scores, curves, vessels measured, and a page,
            `report.html`, of all that, `weights/`, and three pictures.
        epochs: how many epochs to fine-tune for.
        iterations_per_epoch: steps in each of them.
        theme: of the pictures, dark or light.

    Raises:
        UserError: for a theme that does not exist; if the folder cannot be written; if one of the commands fails; what
            it printed says why.
    """
    theme_of(theme)
    started = time.monotonic()
    folder = Path(output_dir).resolve()
    dataset, rest, weights = folder / "dataset", folder / "rest", folder / "weights"
    name = f"{STYLE}_{SEED}"
    print("1. draw a synthetic volume that the shipped weights never saw, of vessels with only their walls stained")
    write_dataset(dataset, count=1, seed=SEED, shape=SHAPE, style=STYLE, **VOXEL_SIZE)
    _write_rest(dataset, rest, name)

    print("2. segment it with the shipped weights, and score it outside the block that will be labelled")
    before = _segment_and_score(dataset, rest, folder / "before")
    region = box_text(BLOCK)
    print(f"3. fine-tune on one labelled block, {region}, {100 * _share_of_block():.0f} % of the volume")
    length = {"epochs": epochs, "iterations_per_epoch": iterations_per_epoch}
    run_bundle([TRAIN, FINETUNE], dataset_dir=dataset, region=region, ckpt_dir=weights, **length)
    sidecar = read_sidecar(weights / "model_best.pt")
    shown = ", ".join(f"{score} {value:.3f}" for score, value in sidecar["validation"].items())
    print(f"   in training, on {sidecar['validated_on']}: {shown}")
    print("4. segment and score the rest again")
    after = _segment_and_score(dataset, rest, folder / "after", ckpt_path=weights / "model_best.pt")

    rows = {"shipped weights": before, "fine-tuned on the block": after}
    print("\noutside the block        " + "".join(f"{metric:>19}" for metric in METRICS))
    for title, scores in rows.items():
        print(f"{title:25}" + "".join(f"{scores['cases'][name][metric]:19.3f}" for metric in METRICS))
    pictures = [_picture(folder, name, which, theme) for which in ("before", "after")]
    curves = folder / "roc.png"
    overlay_curves([str(folder / "before"), str(folder / "after")], curves, names=list(rows), theme=theme)
    print("pictures: " + ", ".join(map(str, [*pictures, curves])))
    print("5. measure the vessels, and put all of it on one page each, to open in a browser")
    for which in ("before", "after"):
        print(f"   $ tubenet analyse {folder / which} {folder / which}")
        analyse(folder / which, folder / which)
        print(f"   $ tubenet report {folder / which} --dataset_dir {rest} --unlabelled_value {IN_BLOCK}")
        write_report(folder / which, rest, unlabelled_value=IN_BLOCK)
    print(f"{time.monotonic() - started:.0f} seconds in all")


def _share_of_block() -> float:
    """Return the share of the volume that is in the block."""
    return float(np.prod([stop - start for start, stop in BLOCK]) / np.prod(SHAPE))


def _write_rest(dataset: Path, rest: Path, name: str) -> None:
    """Write the dataset to score on: the same image, with the block marked in its label."""
    _, label = read_volume(dataset / "labels" / f"{name}.tif")  # (X, Y, Z)
    label[slices(BLOCK)] = IN_BLOCK
    write_volume(rest / "labels" / f"{name}.tif", label, **VOXEL_SIZE)
    (rest / "images").mkdir(parents=True, exist_ok=True)
    image = Path("images", f"{name}.tif")
    (rest / image).write_bytes((dataset / image).read_bytes())


def _segment_and_score(dataset: Path, rest: Path, output: Path, **options: object) -> dict[str, Any]:
    """Segment the volume, score it outside the block, and return what is in `metrics.json`."""
    run_bundle([INFERENCE], dataset_dir=dataset, output_dir=output, **options)
    run_bundle([TRAIN, EVALUATE], dataset_dir=rest, output_dir=output, unlabelled_value=IN_BLOCK, **options)
    return json.loads((output / "metrics.json").read_text())


def _picture(folder: Path, name: str, which: str, theme: str) -> Path:
    """Draw what was found `before` or `after` fine-tuning, with its scores outside the block."""
    paths = (f"dataset/images/{name}.tif", f"rest/labels/{name}.tif", f"{which}/{name}_seg.tif")
    image, label, segmentation = (read_volume(folder / path)[1] for path in paths)
    return slice_panel(
        folder / f"{which}.png",
        image,
        vessel_or_not(label, IN_BLOCK),
        segmentation,
        title=f"{which} fine-tuning, scored outside the block",
        spacing=VOXEL_SIZE["voxel_size"],
        theme=theme,
    )
