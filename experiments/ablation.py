"""What each part of the synthetic volumes is good for: short trainings without it, scored."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.commands import EVALUATE, TRAIN, run_bundle
from scripts.core import BUNDLE, check_writable, refuse, refuse_failures, sha256, write_text
from scripts.data import find_dataset
from scripts.synthesis import PARTS
from scripts.weights import read_sidecar

PRETRAIN = "configs/pretrain.json"
METRICS = ("dice", "auroc")
# these widths take a third of the time of the shipped ones; what helps the one helps the other
SMALL = {"network_def#channels": "[8,16,32,64,64,64]"}
EPOCHS = 4  # so that the learning rate falls
SHORT = {"epochs": EPOCHS, "validation_volumes": 8, "val_interval": EPOCHS, "average": 0.01}


def run_ablation(
    dataset_dir: str | Path,
    output_dir: str | Path = "trials",
    variants: str | Path | None = None,
    steps: int = 600,
    masks_dir: str | Path | None = None,
) -> str:
    """Pre-train briefly without each part of the synthetic volumes, and score the weights.

    A variant that was scored before with the same options is not trained again, so that a run that was stopped goes on.

    Args:
        dataset_dir: the dataset to score on, at the threshold that was found on synthetic volumes; no training sees it.
        output_dir: the folder to write into; each variant gets a folder in it, with weights and metrics.json.
        variants: a JSON file of variants, {NAME: {OPTION: VALUE}}, whose options are laid over configs/pretrain.json;
            by default two seeds with all parts, then each part left out in turn.
        steps: how many steps, of two patches each, to train each variant for.
        masks_dir: a folder of real vessel masks to train on too.

    Returns:
        A table in Markdown: Dice and AUROC of each volume, a row for each variant.

    Raises:
        UserError: for steps below 1, or a file of variants that cannot be read; for a dataset that cannot be read;
            where a training or an evaluation fails, or nothing can be written.
    """
    if not isinstance(steps, int) or steps < 1:
        refuse(f"--steps {steps}", "is not a whole number of at least 1", "give one such as 600")
    chosen = left_out_in_turn(masks_dir is not None) if variants is None else _read(Path(variants))
    volumes = [item["name"] for item in find_dataset(dataset_dir)]  # first, so that what is missing shows early
    folder = check_writable(Path(output_dir).resolve())
    # absolute, because the commands run in the folder of the bundle
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
        record = json.dumps({**recipe, **options}, default=str)
        scored, recorded = folder / name / "metrics.json", folder / name / "options.json"
        if not (scored.is_file() and recorded.is_file() and recorded.read_text() == record):
            print(name, file=sys.stderr, flush=True)
            scored.unlink(missing_ok=True)
            _train_and_score(folder / name, dataset, options)
            write_text(recorded, record)
        scores[name] = json.loads(scored.read_text())["cases"]
    return as_table(scores)


def left_out_in_turn(masks: bool = False) -> dict[str, dict[str, Any]]:
    """Return the variants: two seeds with all parts, then each part left out.

    Args:
        masks: whether there are real masks, without which `mask` is not a variant.

    Returns:
        The options of each variant, by its name.
    """
    parts = [part for part in PARTS if masks or part != "mask"]
    everything = {"everything, seed 0": {"seed": 0}, "everything, seed 1": {"seed": 1}}
    return everything | {f"without {part}": {"without": f"['{part}']"} for part in dict.fromkeys(parts)}


def as_table(scores: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a table in Markdown: a row for each variant, and Dice and AUROC of each volume.

    Args:
        scores: metrics by name, by volume, by variant.
    """
    volumes = list(dict.fromkeys(volume for cases in scores.values() for volume in cases))
    lines = [f"| {' | '.join(['', *volumes])} |", "|---" * (len(volumes) + 1) + "|"]
    for name, cases in scores.items():
        cells = [" / ".join(_cell(cases.get(volume, {}).get(metric)) for metric in METRICS) for volume in volumes]
        lines.append(f"| {' | '.join([name, *cells])} |")
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    """Return a score as text; None is undefined."""
    return "–" if value is None else f"{value:.3f}"


def _train_and_score(folder: Path, dataset: Path, options: Mapping[str, Any]) -> None:
    """Train with these options, and score the best weights on the dataset."""
    run_bundle([TRAIN, PRETRAIN], ckpt_dir=folder / "weights", **options)
    weights = folder / "weights" / "model_best.pt"
    widths = {"network_def#channels": read_sidecar(weights)["network"]["channels"]}
    run_bundle([TRAIN, EVALUATE], dataset_dir=dataset, ckpt_path=weights, output_dir=folder, engine="torch", **widths)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Return the options of each variant in a JSON file, by its name."""
    with refuse_failures(path, "cannot be read as JSON", "write {NAME: {OPTION: VALUE}}"):
        variants = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(variants, dict) or not all(isinstance(options, dict) for options in variants.values()):
        refuse(path, "does not hold {NAME: {OPTION: VALUE}}", 'write it such as {"gentle": {"learning_rate": 0.0003}}')
    return variants
