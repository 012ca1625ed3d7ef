"""What fine-tuning on one volume forgets of the others, or brings them, with and without replay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.few_labels.trial import FINE_TUNED, Recipe, evaluate, scores_in, train
from experiments.held_out import BLOCKS, block_and_rest
from experiments.kinds import DATASET
from scripts.core import WEIGHTS, check_writable, refuse
from scripts.data import find_dataset
from scripts.study import LabelledVolume, Part, write_part

REPLAYS = (0.0, 0.3)
"""Shares of synthetic patches that are compared."""
SCORES = ("dice", "average_precision")
COLUMNS = ("tuned on", "replay", "scored on", "before: Dice, AP", "after", "after, without the voxel classifier")
REST = "the rest of it"


def run_forgetting(
    dataset_dir: str | Path = DATASET,
    output_dir: str | Path = "forgetting",
    blocks: Mapping[str, str] | None = None,
    others: Sequence[str] | None = None,
    replays: Sequence[float] = REPLAYS,
    overlap: float = 0.25,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Fine-tune on a block of one volume, score the rest of it and every other volume, and print a table.

    What is scored before stands beside it, and what the network finds without the voxel classifier that was taught with
    it. Nothing is done twice: a command that was stopped goes on. Give other arguments another `output_dir`.

    Args:
        dataset_dir: the dataset.
        output_dir: becomes `before/`, and `NAME/` with what the trainings and evaluations of each block write.
        blocks: a region for each volume to tune on, "{'NAME': 'x0:x1,y0:y1,z0:z1'}".
        others: names of the volumes to score besides; by default all of the dataset.
        replays: shares of synthetic patches to compare, "[0,0.3]".
        overlap: of windows in scoring.
        options: of the trainings, "{'epochs': 5}".

    Raises:
        UserError: if the dataset or a volume is missing, a region does not fit, or a command fails.
    """
    volumes = {volume["name"]: volume for volume in find_dataset(Path(dataset_dir).resolve())}
    folder = check_writable(Path(output_dir).resolve())
    blocks = {name: region for name, region in BLOCKS.items() if name in volumes} if blocks is None else blocks
    others = list(volumes) if others is None else list(others)
    if unknown := [name for name in [*blocks, *others] if name not in volumes]:
        refuse(
            "--blocks or --others", f"there is no volume {unknown[0]!r} in the dataset", f"it has {', '.join(volumes)}"
        )
    alone = {name: _alone(folder / "datasets" / name, volumes[name]) for name in others}
    rows = []
    for name, region in blocks.items():
        block, rest = block_and_rest(folder / name, volumes[name], region)
        scored = {REST: rest} | {other: dataset for other, dataset in alone.items() if other != name}
        for replay in replays:
            out = folder / name / f"replay_{replay:g}"
            recipe = Recipe(WEIGHTS, options={**dict(options or {}), "replay": replay})
            tuned, _ = train(out, block, recipe, FINE_TUNED, 0, f"{recipe.settings(FINE_TUNED)} {region}")
            for other, dataset in scored.items():
                where = f"{name}_rest" if other == REST else other
                told = [
                    _scores(folder / "before" / where, dataset, WEIGHTS, overlap=overlap),
                    _scores(out / where, dataset, tuned, overlap=overlap),
                    _scores(out / f"{where}_network", dataset, tuned, overlap=overlap, voxel_classifier=False),
                ]
                rows.append([f"{name} `{region}`", f"{replay:g}", other, *told])
    print("\n".join(f"| {' | '.join(row)} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)))


def _scores(out: Path, dataset: Path, weights: Path, **options: Any) -> str:
    """Score a volume, unless it has been; return its Dice and average precision."""
    there = (out / "metrics.json").is_file()
    scores = scores_in(out) if there else evaluate(out, dataset, weights, **options)
    return ", ".join("–" if math.isnan(scores[name]) else f"{scores[name]:.3f}" for name in SCORES)


def _alone(folder: Path, volume: Mapping[str, Any]) -> Path:
    """Write a dataset of one volume."""
    whole = tuple((0, side) for side in volume["shape"])
    return write_part(folder, LabelledVolume.read(volume), Part(whole))
