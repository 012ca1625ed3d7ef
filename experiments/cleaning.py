"""What smoothing, small pieces, flips and turns are worth: a table over the development volumes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import LoadImaged

from experiments.cleaning_seconds import DECIDING, NETWORK, VIEWS, probabilities, seconds_table, step_seconds, timed
from experiments.kinds import SYNTHETIC, by_kind, kind_of, over_kinds
from experiments.pipeline import Pipeline
from scripts.core import WEIGHTS, check_writable, foreground_log_odds, write_text
from scripts.data import Synthesised, find_labelled, label_values, seeds
from scripts.inference.augmented import views
from scripts.io import VolumeReader
from scripts.metrics import CentrelineCounts, VolumeCounts
from scripts.transforms import MapLabelsd, SmoothProbabilityd, ThresholdVesselsd, polarity

FIRST_SEED = 100  # those of configs/pretrain.json's own validation begin at 0


def keep_predictions(
    dataset_dir: str | Path,
    output_dir: str | Path,
    ckpt_path: str | Path = WEIGHTS,
    synthetic: int = 24,
    repeats: int = 1,
) -> None:
    """Run the network on every volume, seen once and then in eight views, and keep what it finds.

    What is there from before is not done again, so that only the scores cost time when they are worked out anew.

    Args:
        dataset_dir: labelled volumes.
        output_dir: becomes a file `NAME_once.npz` for each: the log-odds that a voxel is vessel (`once`), `label`,
            `affine`, `seconds` and `deciding`, those of deciding on inversion, one for each time; and `NAME_views.npz`:
            the log-odds by the mean of eight views' logits (`logits`) and of their probabilities (`probabilities`), and
            `seconds`.
        ckpt_path: the weights.
        synthetic: how many synthetic volumes to add.
        repeats: how often each is timed; eight views, which are alike, are timed together and once.
    """
    folder = check_writable(output_dir)
    pipeline = Pipeline(ckpt_path)
    for kind, predict in (("once", _once), ("views", _eight)):
        for name, item in sorted(volumes_of(dataset_dir, synthetic), key=lambda pair: "two_photon" in pair[0]):
            if (path := folder / f"{name}_{kind}.npz").exists():
                continue
            drawn = item()
            image = pipeline.scaled(drawn)
            with torch.inference_mode():
                times = range(repeats if kind == "once" else 1)
                runs = [timed(predict, image[None], pipeline.network, pipeline.inferer) for _ in times]
            kept = {**runs[-1][0], "seconds": [seconds for _, seconds in runs]}
            if kind == "once":
                voxels, affine = np.asarray(image[0]), np.asarray(image.affine)
                kept |= {"label": np.asarray(drawn["label"], dtype=np.int8), "affine": affine}
                kept["deciding"] = [timed(polarity, voxels, affine)[1] for _ in range(repeats)]
            np.savez(path, **kept)
            print(f"{path.name} {np.median(kept['seconds']):.1f} s", file=sys.stderr, flush=True)


def volumes_of(
    dataset_dir: str | Path, synthetic: int = 0, unlabelled_value: float | None = None
) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield the name of each volume with what gives its image, or the path of it, and its label `(1, X, Y, Z)`."""
    for volume in find_labelled(dataset_dir, unlabelled_value=unlabelled_value):
        yield volume["name"], partial(_labelled, volume, unlabelled_value)
    draw = Synthesised()
    for item in seeds(FIRST_SEED, synthetic):
        yield item["name"], partial(draw, item)


def _labelled(volume: Mapping[str, Any], unlabelled_value: float | None) -> dict[str, Any]:
    load = LoadImaged("label", reader=VolumeReader(), ensure_channel_first=True, dtype=None)
    values = label_values([volume], unlabelled_value, 2)
    label = MapLabelsd("label", values, unlabelled_value)(load({"label": str(volume["label"])}))["label"]
    return {"image": str(volume["image"]), "label": label}


def _once(image: torch.Tensor, network: Any, inferer: Any) -> dict[str, np.ndarray]:
    return {"once": foreground_log_odds(inferer(image, network)[0]).numpy()}


def _eight(image: torch.Tensor, network: Any, inferer: Any) -> dict[str, np.ndarray]:
    found = [back(inferer(view, network))[0] for view, back in views(image)]  # (K, X, Y, Z) each
    logits, probability = sum(found) / len(found), sum(each.softmax(dim=0) for each in found) / len(found)
    probability = probability.clamp_min(torch.finfo(torch.float32).tiny).log()
    return {
        "logits": foreground_log_odds(logits).numpy(),
        "probabilities": foreground_log_odds(probability).numpy(),
    }


def score(
    volume: Mapping[str, Any],
    log_odds: np.ndarray,
    cleaning: Mapping[str, Any],
    centrelines: bool = True,
    repeats: int = 1,
) -> dict[str, float]:
    """Score what the network found in a volume, cleaned as `evaluate` and `segment` clean it.

    Args:
        volume: `label` `(1, X, Y, Z)` and `affine`.
        log_odds: `(X, Y, Z)`.
        cleaning: `smooth`, and what `ThresholdVesselsd` takes.
        centrelines: whether to work out clDice, which takes seconds.
        repeats: how often cleaning is timed.

    Returns:
        `dice`, `best_dice`, `average_precision`, `auroc`, `cldice`, and `seconds` that cleaning took, their median.
    """
    rest = {name: value for name, value in cleaning.items() if name not in ("smooth", "views")}
    smooth, threshold = SmoothProbabilityd("pred", cleaning.get("smooth", 0.0)), ThresholdVesselsd("pred", **rest)
    label = torch.from_numpy(volume["label"])

    def clean() -> tuple[torch.Tensor, torch.Tensor]:
        smoothed = smooth({"pred": probabilities(log_odds, volume["affine"])})
        return smoothed["pred"], threshold(smoothed)["pred"]

    runs = [timed(clean) for _ in range(repeats)]
    probability, found = runs[-1][0]  # (2, X, Y, Z), (1, X, Y, Z)
    logits = probability.as_tensor().clamp_min(torch.finfo(torch.float32).tiny).log()
    counts = VolumeCounts.of(logits, label, rest["threshold"], found)
    scores = {name: counts.scores(name)[0] for name in ("dice", "average_precision", "auroc")}
    lines = CentrelineCounts.of_segmentation(found, label).scores("cldice")[0] if centrelines else float("nan")
    return {
        **scores,
        "best_dice": float(counts.vessels.dice_curve().max()),
        "cldice": lines,
        "seconds": float(np.median([seconds for _, seconds in runs])),
    }


def run_cleaning(
    dataset_dir: str | Path,
    output_dir: str | Path = "trials/cleaning",
    ckpt_path: str | Path = WEIGHTS,
    synthetic: int = 24,
    variants: str | Path | None = None,
    repeats: int = 1,
) -> str:
    """Score every way to clean on every volume, by what the network found in it once.

    What is there from before, of the network and of the scores, is not done again.

    Args:
        dataset_dir: labelled volumes, of kinds as `experiments.kinds` tells them apart by name.
        output_dir: the folder to write into.
        ckpt_path: the weights.
        synthetic: how many synthetic volumes to add, of the kinds that pre-training draws.
        variants: a JSON file {NAME: {OPTION: VALUE}}; by default `VARIANTS`. `views` may be `logits` or
            `probabilities`, what of eight views is averaged.
        repeats: how often what takes time is timed, but for eight views; the median counts.

    Returns:
        Three tables in Markdown: the mean of each score over the kinds, with the seconds that all real volumes take;
        Dice, average precision and clDice of each real volume; and the seconds that each step takes on it. They are
        those of the processor (`timed`), so give the process one thread (`OMP_NUM_THREADS=1`).
    """
    folder = check_writable(output_dir)
    keep_predictions(dataset_dir, folder, ckpt_path, synthetic, repeats)
    chosen = VARIANTS if variants is None else json.loads(Path(variants).read_text())
    volumes = [path.name.removesuffix("_once.npz") for path in sorted(folder.glob("*_once.npz"))]
    scored: dict[str, dict[str, dict[str, float]]] = {name: {} for name in chosen}
    seconds = {}
    for volume in volumes:
        found = _scored(folder, volume, chosen, repeats)
        if not volume.startswith("synthetic"):
            seconds[volume] = steps = _seconds(folder, volume, repeats)
            for name, scores in found.items():
                network = steps[VIEWS if "views" in chosen[name] else NETWORK]
                scores["seconds"] += float(np.median(network))
        for name, scores in found.items():
            scored[name][volume] = scores
    return "\n\n".join((kinds_table(scored), volumes_table(scored), seconds_table(seconds)))


def _scored(
    folder: Path, volume: str, variants: Mapping[str, Mapping[str, Any]], repeats: int
) -> dict[str, dict[str, float]]:
    """Return the scores of each way to clean a volume; without eight views those of one view alone."""
    once, views, found = None, None, {}
    for name, cleaning in variants.items():
        kept = folder / "scores" / f"{volume} {name}.json"
        if kept.is_file() and (known := json.loads(kept.read_text()))["cleaning"] == cleaning:
            found[name] = known["scores"]
            continue
        once = once or dict(np.load(folder / f"{volume}_once.npz"))
        if which := cleaning.get("views"):
            if not (other := folder / f"{volume}_views.npz").exists():
                continue
            views = views or dict(np.load(other))
        log_odds = views[which] if views and which else once["once"]
        found[name] = score(once, log_odds, cleaning, not volume.startswith("synthetic"), repeats)
        write_text(kept, json.dumps({"cleaning": cleaning, "scores": found[name]}))
    return found


def _seconds(folder: Path, volume: str, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of the network and of each step on a volume, one for each time."""
    once = np.load(folder / f"{volume}_once.npz")
    found = {NETWORK: once["seconds"].tolist()}
    if (other := folder / f"{volume}_views.npz").exists():
        found[VIEWS] = np.load(other)["seconds"].tolist()
    found[DECIDING] = once["deciding"].tolist()
    kept = folder / "scores" / f"{volume} seconds.json"
    if not kept.is_file():
        write_text(kept, json.dumps(step_seconds(once["once"], once["affine"], repeats)))
    return {**found, **json.loads(kept.read_text())}


def kinds_table(scored: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a row a variant: the mean over the real kinds of each score, then over the synthetic volumes.

    The last column is the seconds that all real volumes take, the network included.
    """
    columns = ("dice", "best_dice", "average_precision", "auroc", "cldice")
    lines = [
        "| | Dice | best Dice | AP | AUROC | clDice | synthetic: Dice | best Dice | AP | seconds |",
        "|---" * 10 + "|",
    ]
    for name, volumes in scored.items():
        real = [over_kinds(by_kind(volumes, column)) for column in columns]
        made = [by_kind(volumes, column).get(SYNTHETIC, float("nan")) for column in columns[:3]]
        seconds = sum(each["seconds"] for volume, each in volumes.items() if kind_of(volume) != SYNTHETIC)
        lines.append(f"| {name} | " + " | ".join(f"{each:.3f}" for each in (*real, *made)) + f" | {seconds:.1f} |")
    return "\n".join(lines)


def volumes_table(scored: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a row a variant: Dice / average precision / clDice of each real volume."""
    names = sorted({volume for volumes in scored.values() for volume in volumes if not volume.startswith("synthetic")})
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    shown = ("dice", "average_precision", "cldice")
    for variant, volumes in scored.items():
        cells = [
            " / ".join(f"{volumes[name][score]:.3f}" for score in shown) if name in volumes else "–" for name in names
        ]
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _variants() -> dict[str, dict[str, Any]]:
    """Return each way alone, then together; `views` may be `logits` or `probabilities`, what of eight is averaged."""
    before = {"threshold": 0.33198531868349}
    found: dict[str, dict[str, Any]] = {"as before": before}
    found |= {f"smooth {sigma}": {**before, "smooth": sigma} for sigma in (0.5, 0.7, 1.0, 1.5)}
    found |= {f"min_size {size}": {**before, "min_size": f"{size} voxels"} for size in (20, 50, 100)}
    found["fill_holes 100"] = {**before, "fill_holes": "100 voxels"}
    found |= {f"tta, mean of {mean}": {**before, "views": mean} for mean in ("logits", "probabilities")}
    smooth = {**before, "smooth": 0.7}
    found["smooth 0.7, threshold 0.4"] = {**smooth, "threshold": 0.4}
    found["smooth 1.0, threshold 0.4"] = {"smooth": 1.0, "threshold": 0.4}
    found["smooth 0.7, threshold 0.5, hysteresis 0.3"] = {**smooth, "threshold": 0.5, "hysteresis": 0.3}
    found |= {f"smooth 0.7, min_size {size}": {**smooth, "min_size": f"{size} voxels"} for size in (20, 50, 100)}
    found["smooth 1.0, min_size 50"] = {**before, "smooth": 1.0, "min_size": "50 voxels"}
    found["smooth 0.7, tta"] = {**smooth, "views": "logits"}
    found |= {
        f"smooth 0.7, tta, min_size {size}": {**smooth, "views": "logits", "min_size": f"{size} voxels"}
        for size in (20, 50)
    }
    return found


VARIANTS = _variants()
"""What is compared: each alone, then together."""
