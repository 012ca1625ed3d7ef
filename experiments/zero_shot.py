"""A measure to steer by: weights on volumes that they never saw, beside what needs no network."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor

from experiments.baselines import BASELINES, best_threshold_dice
from experiments.cleaning import score, volumes_of
from experiments.kinds import DATASET, KINDS, SYNTHETIC, kind_of, over_kinds
from experiments.learning_curve import MEAN, SHOWN, steps_of, write_learning_curve
from experiments.pipeline import Pipeline
from experiments.score_rows import HASH_DIGITS, SCORES, Row, Table, grouped, means_of, tables
from scripts.core import WEIGHTS, check_writable, foreground_log_odds, read_boolean, sha256, write_text
from scripts.data import find_labelled
from scripts.inference import precision
from scripts.weights import read_sidecar

RAW, CLEANED, BLIND, ORACLE = "raw", "cleaned", "blind", "oracle"
BEST_THRESHOLD = "best global threshold"


def run_zero_shot(
    dataset_dir: str | Path = DATASET,
    output_dir: str | Path = "trials/zero_shot",
    ckpt_path: str | Path | Sequence[str] = WEIGHTS,
    threshold: float = 0.5,
    overlap: float = 0.5,
    kinds: Mapping[str, str] | None = None,
    synthetic: int = 0,
    centrelines: bool = True,
    amp: str | bool = "auto",
    adapt: bool = False,
    tta: bool = False,
) -> str:
    """Score weights on every labelled volume, and blind baselines beside them; draw a learning curve.

    Each is scored as the network finds it (raw) and cleaned as the shipped weights are, whatever its own sidecar says
    of that; both see a volume inverted where `invert` of the shipped weights says so. What zero_shot.csv has from
    before is not done again; weights are known by their sha256, volumes by their name, so delete it if they change.

    Args:
        dataset_dir: labelled volumes.
        output_dir: becomes zero_shot.csv, a row for weights, volume and state, zero_shot.md, and of two weights or more
            learning_curve.png over the number in their names.
        ckpt_path: the weights, "['A.pt','B.pt']", of any width.
        threshold: a second one to score at, beside that of each sidecar.
        overlap: of the windows; 0.25 takes less than half as long.
        kinds: kinds of image by how names of volumes begin, "{'octa': 'retina'}".
        synthetic: how many synthetic volumes to add, which are not counted in the mean.
        centrelines: whether to work out clDice, which takes as long as the rest.
        amp: whether the network computes in bfloat16, `auto`, true or false.
        adapt: whether each volume teaches itself; such rows stand beside those without.
        tta: whether the network sees each volume in eight views.

    Returns:
        The tables of zero_shot.md.
    """
    folder = check_writable(output_dir, "output_dir")
    centrelines, adapt, tta = (
        read_boolean(name, value) for name, value in (("centrelines", centrelines), ("adapt", adapt), ("tta", tta))
    )
    how = {"overlap": overlap, "amp": amp, "adapt": adapt, "tta": tta}
    settings = {name: value for name, value in how.items() if value is not False} | {"amp": str(amp).lower()}
    settings |= {} if centrelines else {"centrelines": False}
    files = [Path(each) for each in ([ckpt_path] if isinstance(ckpt_path, str | Path) else ckpt_path)]
    kinds = KINDS if kinds is None else kinds
    table = Table(folder / "zero_shot.csv")
    shown: list[Row] = []
    also = "".join(f", {name}" for name in ("adapt", "tta") if how[name])
    names = {file: name + also for file, name in zip(files, _names(files), strict=True)}
    volumes = list(volumes_of(dataset_dir, synthetic))
    for name, item in volumes:
        about = {"volume": name, "kind": kind_of(name, kinds)}
        about |= {} if centrelines else {"settings": json.dumps({"centrelines": False})}
        shown += table.having(_baselines(about, Blind(item, dataset_dir, centrelines)))
    for file in files:
        sidecar, digest = read_sidecar(file), sha256(file)
        pipeline: list[Pipeline] = []  # made once, when it is first needed
        for name, item in volumes:
            cleaning = _shipped_cleaning()
            about = {
                "weights": names[file],
                "sha256": digest[:HASH_DIGITS],
                "volume": name,
                "kind": kind_of(name, kinds),
                "settings": json.dumps(settings | {"cleaning": cleaning}),
                "threshold": sidecar["threshold"],
                "stated_threshold": threshold,
            }
            work = _Prediction(file, item, pipeline, cleaning, how, centrelines and about["kind"] != SYNTHETIC)
            shown += table.having([(about | {"state": state}, work) for state in (RAW, CLEANED)])
    told = tables(shown, threshold)
    write_text(folder / "zero_shot.md", told + "\n")
    if len(files) > 1:
        _draw(folder / "learning_curve.png", shown, [names[file] for file in files])
    return told


class _Prediction:
    """What the network finds in a volume, run when it is first scored, and scored in either state."""

    def __init__(
        self,
        file: Path,
        item: Callable[[], dict[str, Any]],
        pipeline: list[Pipeline],
        cleaning: Mapping[str, Any],
        how: Mapping[str, Any],
        centrelines: bool,
    ) -> None:
        self.file, self.item, self.pipeline, self.cleaning = file, item, pipeline, cleaning
        self.how, self.centrelines = how, centrelines
        self.found: tuple[dict[str, Any], np.ndarray, float] | None = None

    def __call__(self, about: Row) -> dict[str, float]:
        if not self.pipeline:
            self.pipeline.append(Pipeline(self.file, invert=self.cleaning["invert"], **self.how))
            print(f"{self.file}: {precision(self.pipeline[0].inferer)}", file=sys.stderr, flush=True)
        if self.found is None:
            self.found = predicted(self.pipeline[0], self.item())
        volume, log_odds, seconds = self.found
        parts = {name: value for name, value in self.cleaning.items() if name != "invert"}
        cleaning = parts if about["state"] == CLEANED else {}
        own, stated = (
            score(volume, log_odds, {**cleaning, "threshold": about[name]}, self.centrelines)
            for name in ("threshold", "stated_threshold")
        )
        return {
            **{name: own[name] for name in ("average_precision", "auroc", "best_dice", "dice", "cldice")},
            "dice_stated": stated["dice"],
            "cldice_stated": stated["cldice"],
            "seconds": seconds + own["seconds"],
        }


def predicted(pipeline: Pipeline, drawn: Mapping[str, Any]) -> tuple[dict[str, Any], np.ndarray, float]:
    """Run the network over a volume.

    Returns:
        What `score` needs to know of the volume, the log-odds of vessel `(X, Y, Z)`, and seconds.
    """
    image = pipeline.scaled(drawn)
    with torch.inference_mode():
        begun = time.perf_counter()
        found = foreground_log_odds(pipeline.inferer(image[None], pipeline.network)[0])  # (X, Y, Z)
    return _labelled(drawn, image), found.numpy(), time.perf_counter() - begun


def _labelled(drawn: Mapping[str, Any], image: MetaTensor) -> dict[str, Any]:
    return {"label": np.asarray(drawn["label"], dtype=np.int8), "affine": np.asarray(image.affine)}


def _shipped_cleaning() -> dict[str, Any]:
    """Return how segmentations by the shipped weights are cleaned."""
    return dict(read_sidecar(WEIGHTS)["cleaning"])


class Blind:
    """A volume that is loaded when a baseline is first scored on it.

    Args:
        item: gives its image and label (`experiments.cleaning.volumes_of`).
        dataset_dir: where it is found again.
        centrelines: whether to work out clDice.
    """

    def __init__(self, item: Callable[[], dict[str, Any]], dataset_dir: str | Path, centrelines: bool) -> None:
        self.item, self.dataset_dir, self.centrelines = item, dataset_dir, centrelines
        self.loaded: tuple[dict[str, Any], MetaTensor] | None = None

    def threshold(self, about: Row) -> dict[str, float]:
        """Score a baseline."""
        if self.loaded is None:
            drawn = self.item()
            self.loaded = drawn, Pipeline(WEIGHTS, invert=_shipped_cleaning()["invert"]).scaled(drawn)
        drawn, image = self.loaded
        begun = time.perf_counter()
        found, threshold = BASELINES[about["weights"]](image)
        seconds = time.perf_counter() - begun
        lines = self.centrelines and about["kind"] != SYNTHETIC
        scores = score(_labelled(drawn, image), np.float32(found - threshold), {"threshold": 0.5}, lines)
        return {**{name: scores[name] for name in SCORES if name in scores}, "seconds": seconds}

    def oracle(self, about: Row) -> dict[str, float]:
        """Score the threshold that is best on the label itself."""
        (volume,) = [each for each in find_labelled(self.dataset_dir) if each["name"] == about["volume"]]
        return {"best_dice": best_threshold_dice(volume)}


def _baselines(about: Row, volume: Blind) -> Iterator[tuple[Row, Callable[[Row], dict[str, float]]]]:
    """Yield the row of each baseline, and what works it out."""
    for name in BASELINES:
        yield about | {"weights": name, "state": BLIND}, volume.threshold
    if about["kind"] != SYNTHETIC:
        yield about | {"weights": BEST_THRESHOLD, "state": ORACLE}, volume.oracle


def _names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file: its stem, with its folder where stems are alike."""
    stems = [file.stem for file in files]
    return stems if len({*stems}) == len(stems) else [f"{file.parent.name}/{file.stem}" for file in files]


def _draw(path: Path, rows: Sequence[Row], names: Sequence[str]) -> None:
    groups = grouped(rows)
    points = {}
    for step, name in zip(steps_of(names), names, strict=True):
        means = {score: means_of(groups[name, CLEANED], score) for score in SHOWN}
        points[step] = {score: {MEAN: over_kinds(kinds), **kinds} for score, kinds in means.items()}
    lines = {name: over_kinds(means_of(groups[name, BLIND], "dice")) for name in BASELINES}
    oracle = groups.get((BEST_THRESHOLD, ORACLE), {})
    write_learning_curve(path, points, {**lines, BEST_THRESHOLD: over_kinds(means_of(oracle, "best_dice"))})
