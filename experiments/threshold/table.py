"""The table of thresholds: run the network once on each volume, and score every rule on what it found."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from experiments.cleaning import volumes_of
from experiments.kinds import DATASET, KINDS, SYNTHETIC, by_kind, kind_of, over_kinds
from experiments.pipeline import Pipeline
from experiments.score_rows import HASH_DIGITS
from experiments.threshold.kept import Kept, keep, read_kept, write_kept
from experiments.threshold.rules import FAMILIES, RULES, chance, left_out, log_odds
from scripts.core import WEIGHTS, check_writable, foreground_log_odds, read_boolean, sha256, write_text
from scripts.weights import read_sidecar

LEARNT = {"synthetic": "synthetic alone", "real": "kinds left out", "both": "both"}


def run_threshold(
    dataset_dir: str | Path = DATASET,
    output_dir: str | Path = "trials/threshold",
    ckpt_path: str | Path = WEIGHTS,
    synthetic: int = 16,
    adapt: bool = False,
    kinds: Mapping[str, str] | None = None,
    overlap: float = 0.5,
    amp: str | bool = "auto",
) -> str:
    """Score every rule for the threshold of a volume, beside constants, on what weights find.

    What is found is smoothed as segmentations by the shipped weights are; pieces are not dropped. Histograms of each
    volume stay in `kept/`, and what is there from before is not run again.

    Args:
        dataset_dir: labelled volumes.
        output_dir: becomes threshold.md, the table, and `kept/`.
        ckpt_path: the weights.
        synthetic: how many synthetic volumes to add, which rules may be fitted on.
        adapt: whether each volume teaches itself.
        kinds: kinds of image by how names of volumes begin, "{'octa': 'retina'}".
        overlap: of the windows.
        amp: whether the network computes in bfloat16, `auto`, true or false.

    Returns:
        The table, in Markdown.
    """
    folder = check_writable(output_dir, "output_dir")
    adapt = read_boolean("adapt", adapt)
    stem = f"{sha256(ckpt_path)[:HASH_DIGITS]}{' adapt' if adapt else ''} overlap {overlap:g}"
    (folder / "kept").mkdir(exist_ok=True)
    cleaning = read_sidecar(WEIGHTS)["cleaning"]
    pipeline: list[Pipeline] = []  # made once, when it is first needed
    volumes = {}
    for name, item in volumes_of(dataset_dir, synthetic):
        path = folder / "kept" / f"{name} {stem}.npz"
        if not path.is_file():
            options = {"adapt": adapt, "overlap": overlap, "amp": amp, "invert": cleaning["invert"]}
            pipeline = pipeline or [Pipeline(ckpt_path, **options)]
            drawn = item()
            image = pipeline[0].scaled(drawn)
            with torch.inference_mode():
                found = foreground_log_odds(pipeline[0].inferer(image[None], pipeline[0].network)[0])  # (X, Y, Z)
            label = np.asarray(drawn["label"], dtype=np.int8)[0]  # (X, Y, Z)
            write_kept(path, keep(image, found.numpy(), label, cleaning["smooth"]))
            print(path.name, file=sys.stderr, flush=True)
        volumes[name] = read_kept(path)
    own = log_odds(read_sidecar(ckpt_path)["threshold"])
    told = table(volumes, {name: kind_of(name, KINDS if kinds is None else kinds) for name in volumes}, own)
    write_text(folder / "threshold.md", told + "\n")
    return told


def table(volumes: Mapping[str, Kept], kinds: Mapping[str, str], own: float) -> str:
    """Return a row a rule: the mean of Dice over kinds, over synthetic volumes, and Dice and threshold of each volume.

    Args:
        volumes: what is kept of each.
        kinds: of each.
        own: the weights' own threshold, in log-odds.
    """
    real = [name for name in volumes if kinds[name] != SYNTHETIC]
    heads = ["threshold", "mean over kinds", "synthetic", *real]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]

    def row(title: str, chosen: Mapping[str, float]) -> None:
        dice = {name: {"dice": volumes[name].dice_at(each)} for name, each in chosen.items()}
        means = by_kind(dice, "dice", dict(kinds))
        cells = [f"{over_kinds(means):.3f}", f"{means[SYNTHETIC]:.3f}" if SYNTHETIC in means else "–"]
        cells += [f"{dice[name]['dice']:.3f} at {chance(chosen[name]):.2f}" if name in dice else "–" for name in real]
        lines.append(f"| {' | '.join((title, *cells))} |")

    row("the best of each volume", {name: each.best for name, each in volumes.items()})
    for title, rule in RULES.items():
        row(title, {name: rule(each, own) for name, each in volumes.items()})
    for title, family in FAMILIES.items():
        for learnt, where in LEARNT.items():
            if chosen := left_out(family, volumes, kinds, own, learnt):
                row(f"{title}, fitted on {where}", chosen)
    return "\n".join(lines)
