"""What is each part of the pre-training good for: short trainings that differ in one thing, scored on real volumes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.commands.bundle import EVALUATE, TRAIN, run_bundle
from scripts.core import BUNDLE, check_writable, refuse, sha256, write_whole
from scripts.data import find_dataset
from scripts.synthesis import PARTS
from scripts.weights import read_sidecar

PRETRAIN = "configs/pretrain.json"
METRICS = ("dice", "auroc")
# a third of the time of the shipped widths: what helps one helps the other
SMALL = {"network_def#channels": "[8,16,32,64,64,64]"}
EPOCHS = 4  # so that the learning rate falls
SHORT = {"epochs": EPOCHS, "validation_volumes": 8, "val_interval": EPOCHS, "average": 0.01}


def trials(
    dataset_dir: str | Path,
    output_dir: str | Path = "trials",
    variants: str | Path | None = None,
    steps: int = 600,
    masks_dir: str | Path | None = None,
) -> str:
    """Pre-train briefly with each variant and score its weights on a dataset that no training saw.

    What was scored before with the same options is not done again, so a run that was stopped goes on.

    Args:
        dataset_dir: the dataset to score on, volume by volume, at the threshold found on synthetic volumes.
        output_dir: gets a folder a variant, with weights and `metrics.json`.
        variants: JSON, `{NAME: {OPTION: VALUE}}` on top of `configs/pretrain.json`; by default two seeds, and all
            parts of the synthetic volumes left out in turn.
        steps: of each training, two patches each.
        masks_dir: real vessel masks to train on too.

    Returns:
        A table: Dice and AUROC of every volume, a row a variant.

    Raises:
        UserError: where nothing can be written, or `variants` not be read.
        UserError: for variants that are none, or steps below 1.
        UserError: where a training or a scoring fails.
    """
    if not isinstance(steps, int) or steps < 1:
        refuse(f"--steps {steps}", "is not a whole number of at least 1", "give one such as 600")
    chosen = left_out_in_turn(masks_dir is not None) if variants is None else _read(Path(variants))
    volumes = [item["name"] for item in find_dataset(dataset_dir)]  # what is missing shows before the work
    folder = check_writable(Path(output_dir).resolve())
    # the bundle's commands start elsewhere
    dataset = Path(dataset_dir).resolve()
    masks = {} if masks_dir is None else {"masks_dir": Path(masks_dir).resolve()}
    configs = {name: sha256(BUNDLE / name) for name in (TRAIN, PRETRAIN)}
    recipe = {
        "dataset": str(dataset),
        "volumes": volumes,
        "version": json.loads((BUNDLE / "configs" / "metadata.json").read_text())["version"],
        "configs": configs,
    }
    scores = {}
    for name, own in chosen.items():
        options = {**SMALL, **SHORT, **masks, **own}
        options = {"iterations_per_epoch": -(-steps // options["epochs"]), **options}
        told = json.dumps({**recipe, **options}, default=str)
        scored, asked = folder / name / "metrics.json", folder / name / "options.json"
        if not (scored.is_file() and asked.is_file() and asked.read_text() == told):
            print(name, file=sys.stderr, flush=True)
            scored.unlink(missing_ok=True)
            _trial(folder / name, dataset, options)
            write_whole(asked, lambda temporary, text=told: temporary.write_text(text))
        scores[name] = json.loads(scored.read_text())["cases"]
    return as_table(scores)


def left_out_in_turn(masks: bool = False) -> dict[str, dict[str, Any]]:
    """Return two seeds with everything, then each part left out (`mask` only where there are `masks`)."""
    parts = [part for part in PARTS if masks or part != "mask"]
    everything = {"everything, seed 0": {"seed": 0}, "everything, seed 1": {"seed": 1}}
    return everything | {f"without {part}": {"without": f"['{part}']"} for part in dict.fromkeys(parts)}


def as_table(scores: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown: a row a variant, a column a volume with Dice and AUROC."""
    volumes = list(dict.fromkeys(volume for cases in scores.values() for volume in cases))
    lines = [f"| {' | '.join(['', *volumes])} |", "|---" * (len(volumes) + 1) + "|"]
    for name, cases in scores.items():
        cells = [" / ".join(_cell(cases.get(volume, {}).get(metric)) for metric in METRICS) for volume in volumes]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _trial(folder: Path, dataset: Path, options: Mapping[str, Any]) -> None:
    run_bundle([TRAIN, PRETRAIN], ckpt_dir=folder / "weights", **options)
    weights = folder / "weights" / "model_best.pt"
    widths = {"network_def#channels": read_sidecar(weights)["network"]["channels"]}
    run_bundle([TRAIN, EVALUATE], dataset_dir=dataset, ckpt_path=weights, output_dir=folder, **widths)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        variants = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        refuse(path, f"is not JSON ({error})", "write {NAME: {OPTION: VALUE}}")
    if not isinstance(variants, dict) or not all(isinstance(options, dict) for options in variants.values()):
        refuse(path, "does not hold {NAME: {OPTION: VALUE}}", 'write it such as {"gentle": {"learning_rate": 0.0003}}')
    return variants
