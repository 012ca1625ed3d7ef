"""What is each part of the pre-training good for: short trainings that differ in one thing, scored on real volumes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.commands.bundle import EVALUATE, TRAIN, run_bundle
from scripts.core import BUNDLE, check_writable, file_hash, write_whole
from scripts.data import find_study
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
    """Pre-train briefly with each variant and score its weights on a study that no training saw.

    What was scored before with the same dials is not done again, so a run that was stopped goes on.

    Args:
        dataset_dir: the study to score on, volume by volume, at the threshold found on synthetic volumes.
        output_dir: gets a folder a variant, with weights and ``metrics.json``.
        variants: JSON, ``{NAME: {DIAL: VALUE}}`` on top of ``configs/pretrain.json``; by default two seeds, and all
            parts of the synthetic volumes left out in turn.
        steps: of each training, two patches each.
        masks_dir: real vessel masks to train on too.

    Returns:
        A table: Dice and AUROC of every volume, a row a variant.

    Raises:
        OSError: where nothing can be written, or ``variants`` not be read.
        ValueError: for variants that are none, or steps below 1.
        ChildProcessError: where a training or a scoring fails.
    """
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"--steps {steps}: must be a whole number of at least 1")
    chosen = left_out_in_turn(masks_dir is not None) if variants is None else _read(Path(variants))
    volumes = [item["name"] for item in find_study(dataset_dir)]  # what is missing shows before the work
    folder = check_writable(Path(output_dir).resolve())
    # the bundle's commands start elsewhere
    study = Path(dataset_dir).resolve()
    masks = {} if masks_dir is None else {"masks_dir": Path(masks_dir).resolve()}
    configs = {name: file_hash(BUNDLE / name) for name in (TRAIN, PRETRAIN)}
    recipe = {
        "study": str(study),
        "volumes": volumes,
        "version": json.loads((BUNDLE / "configs" / "metadata.json").read_text())["version"],
        "configs": configs,
    }
    scores = {}
    for name, own in chosen.items():
        dials = {**SMALL, **SHORT, **masks, **own}
        dials = {"iterations_per_epoch": -(-steps // dials["epochs"]), **dials}
        told = json.dumps({**recipe, **dials}, default=str)
        scored, asked = folder / name / "metrics.json", folder / name / "dials.json"
        if not (scored.is_file() and asked.is_file() and asked.read_text() == told):
            print(name, file=sys.stderr, flush=True)
            scored.unlink(missing_ok=True)
            _trial(folder / name, study, dials)
            write_whole(asked, lambda temporary, text=told: temporary.write_text(text))
        scores[name] = json.loads(scored.read_text())["cases"]
    return as_table(scores)


def left_out_in_turn(masks: bool = False) -> dict[str, dict[str, Any]]:
    """Return two seeds with everything, then each part left out (``mask`` only where there are ``masks``)."""
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


def _trial(folder: Path, study: Path, dials: Mapping[str, Any]) -> None:
    run_bundle([TRAIN, PRETRAIN], ckpt_dir=folder / "weights", **dials)
    weights = folder / "weights" / "model_best.pt"
    widths = {"network_def#channels": read_sidecar(weights)["network"]["channels"]}
    run_bundle([TRAIN, EVALUATE], dataset_dir=study, ckpt_path=weights, output_dir=folder, **widths)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        variants = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: is no JSON ({error}); write {{NAME: {{DIAL: VALUE}}}}") from error
    if not isinstance(variants, dict) or not all(isinstance(dials, dict) for dials in variants.values()):
        raise ValueError(
            f'{path}: must be {{NAME: {{DIAL: VALUE}}}}, such as {{"gentle": {{"learning_rate": 0.0003}}}}'
        )
    return variants
