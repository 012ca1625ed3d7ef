"""What a score in fine-tuning tells of the rest, and what the strip that it is measured on costs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.kinds import DATASET
from scripts.commands.bundle import EVALUATE, FINETUNE, TRAIN, run_bundle
from scripts.core import check_writable, refuse, slices
from scripts.data import check_pair, find_dataset
from scripts.io import read_volume, write_volume
from scripts.weights import read_sidecar

BLOCKS = {
    "octa_retina": "32:96,0:64,:",
    "two_photon_tgmouse": "224:288,224:288,:",
    "two_photon_lowres": "128:192,128:192,:",
    "two_photon_bbb": "224:288,224:288,:",
}
"""Of each volume the block to fine-tune on: 64 voxels wide, in the middle, or in the half of the retina that trains."""
ALL_TRAINS = "$dict.fromkeys(('train', 'validate'), [{**each, 'region': each['scan'].labelled} for each in @volumes])"
"""A `split` that holds nothing out."""
IN_BLOCK = 2  # label value of the block in the dataset to score on, where it means "not labelled"
COLUMNS = ("block", "seed", "shown in training", "of", "before, on the rest", "Dice, AUROC on the rest")


def run_held_out(
    dataset_dir: str | Path = DATASET,
    output_dir: str | Path = "held_out",
    blocks: Mapping[str, str] | None = None,
    seeds: Sequence[int] = (0,),
    scale: float | str = 1,
) -> None:
    """Fine-tune on a block with and without a part held out, score the rest of the volume, and print a table.

    Args:
        dataset_dir: the dataset.
        output_dir: becomes `NAME/` with what the trainings and evaluations write; nothing is done twice.
        blocks: a region for each volume, "{'NAME': 'x0:x1,y0:y1,z0:z1'}".
        seeds: seeds of the trainings, "[0,1]".
        scale: of the scores on the rest; in training it is 1.

    Raises:
        UserError: if the dataset or a volume is missing, a region does not fit, or a command fails.
    """
    volumes = {volume["name"]: volume for volume in find_dataset(Path(dataset_dir).resolve())}
    folder = check_writable(Path(output_dir).resolve())
    blocks = {name: region for name, region in BLOCKS.items() if name in volumes} if blocks is None else blocks
    if unknown := [name for name in blocks if name not in volumes]:
        refuse("--blocks", f"there is no volume {unknown[0]!r} in the dataset", f"it has {', '.join(volumes)}")
    rows = []
    for name, region in blocks.items():
        block, rest = _datasets(folder / name, volumes[name], region)
        before = _score(folder / name / "before", rest, scale)
        for seed in seeds:
            for kind, split in (("strip", {}), ("all", {"split": ALL_TRAINS})):
                out = folder / name / f"{kind}_{seed}"
                if not (out / "model_best.pt").is_file():
                    run_bundle([TRAIN, FINETUNE], dataset_dir=block, region=region, ckpt_dir=out, seed=seed, **split)
                sidecar = read_sidecar(out / "model_best.pt")
                after = _score(out / "rest", rest, scale, ckpt_path=out / "model_best.pt")
                shown = next(f"{key} {value:.3f}" for key, value in sidecar["validation"].items())
                rows.append([f"{name} `{region}`", seed, shown, sidecar["validated_on"], _told(before), _told(after)])
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)))


def _told(scores: Mapping[str, float]) -> str:
    return f"{scores['dice']:.3f}, {scores['auroc']:.3f}"


def _score(out: Path, dataset: Path, scale: float | str, **weights: Any) -> dict[str, float]:
    """Score the rest of a volume, unless it has been; return the scores."""
    if not (out / "metrics.json").is_file():
        options = {"unlabelled_value": IN_BLOCK, "scale": scale, **weights}
        run_bundle([TRAIN, EVALUATE], dataset_dir=dataset, output_dir=out, **options)
    (scores,) = json.loads((out / "metrics.json").read_text())["cases"].values()
    return scores


def _datasets(folder: Path, volume: Mapping[str, Any], region: str) -> tuple[Path, Path]:
    """Write two datasets of one volume: with its label, and with the block marked as not labelled."""
    box = check_pair(volume["image"], volume["label"], region)["region"]
    image, label = Path(volume["image"]), Path(volume["label"])
    info, voxels = read_volume(label)  # (X, Y, Z)
    for kind in ("block", "rest"):
        voxels = (voxels > 0).astype(np.uint8)
        if kind == "rest":
            voxels[slices(box)] = IN_BLOCK
        write_volume(folder / kind / "labels" / label.name, voxels, like=info)
        (folder / kind / "images").mkdir(exist_ok=True)
        (folder / kind / "images" / image.name).write_bytes(image.read_bytes())
    return folder / "block", folder / "rest"
