"""Label, fine-tune and score, round by round, with each way of choosing blocks."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.commands.study.process import evaluate, train
from scripts.core import WEIGHTS, box_text, check_writable, read_json, refuse, tell_result, write_text
from scripts.data import find_dataset
from scripts.study import Trial, has_both

from .choose import WAYS
from .field import Blocks, Field
from .page import write_page

logger = logging.getLogger(__name__)

METRICS = ("dice", "best_dice", "average_precision")
SHORT = {"epochs": 4, "iterations_per_epoch": 15, "train#calibrates": True}
CONFIGS = ("finetune", "overlays/validate_elsewhere")
RECORD = "rounds.json"
Row = dict[str, Any]


def run_suggest(
    dataset_dir: str | Path,
    output_dir: str | Path = "suggest",
    volumes: Sequence[str] | None = None,
    rounds: int = 5,
    seeds: int = 5,
    ways: Sequence[str] | None = None,
) -> None:
    """Compare suggested blocks with blocks by chance and at even distances, round by round.

    In each round one block more is labelled, the shipped weights are fine-tuned on all of them, and the other part of
    the volume is scored. All that is labelled trains, and validates too, whichever way it was chosen; blocks without
    vessel, or with nothing else, teach nothing yet. A seed says which end is scored, where blocks lie, and what is by
    chance. It writes OUT/rounds.json with every score, OUT/suggest.png and OUT/suggest.md. Stopped, it goes on with the
    same command.

    Args:
        dataset_dir: a labelled dataset.
        output_dir: the folder to write into.
        volumes: names of those to use, "['a','b']"; by default all.
        rounds: how many blocks are labelled, one after another.
        seeds: how many times each is done.
        ways: ways of choosing, of suggested, by chance and even distances; by default all.

    Raises:
        UserError: for volumes that are not there or too small; if a training fails.
    """
    folder = check_writable(Path(output_dir).resolve())
    items = {item["name"]: item for item in find_dataset(Path(dataset_dir).resolve())}
    for name in volumes or ():
        if name not in items:
            refuse(f"--volumes {name}", "is not in the dataset", f"give some of {', '.join(items)}")
    if unknown := [way for way in ways or () if way not in WAYS]:
        refuse(f"--ways {unknown[0]}", "is no way of choosing", f"give some of {', '.join(WAYS)}")
    # all of them first: a volume that has no room at one of its ends is refused before hours are spent
    each = [(seed, name) for seed in range(seeds) for name in volumes or items]
    fields = {(seed, name): Field.of(items[name], folder / name, seed) for seed, name in each}
    for (seed, name), field in fields.items():
        for way in ways or WAYS:
            _one(folder, name, field, way, seed, rounds)
            write_page(folder, _rows(folder))
    tell_result("wrote %s", folder / "suggest.md")


def _one(folder: Path, name: str, field: Field, way: str, seed: int, rounds: int) -> None:
    """Label one block after another in one way, and add a row for each to the record."""
    labelled, weights = [], WEIGHTS
    for number in range(1, rounds + 1):
        place = folder / name / f"{way.replace(' ', '_')}_{seed}" / str(number)
        known = _known(folder, name, way, seed, number)
        if known is None:
            box = WAYS[way](field, labelled, weights, seed, rounds)
        else:
            box = next((each for each in field.boxes if box_text(each) == known["box"]), None)
            if box is None:
                refuse(folder / RECORD, f"tells of {known['box']}, which is no block now", "choose another folder")
        labelled.append(box)
        teaches = has_both(Blocks(labelled).of(field.volume.voxels))
        weights = place / "weights" / "model_best.pt" if teaches else weights
        if known is None:
            if teaches:
                dataset = field.write_labelled(place / "dataset", labelled)
                options = {"val_dir": str(dataset)}
                train(place, Trial(way, seed, dataset, field.scored, {}, CONFIGS, options), SHORT)
            evaluate(place / "scored", field.scored, weights, METRICS, {})
            (scores,) = read_json(place / "scored" / "metrics.json", "score again")["cases"].values()
            row = {"volume": name, "way": way, "seed": seed, "round": number, "box": box_text(box)}
            row |= {"voxels": sum(_size(each) for each in labelled), **{each: scores[each] for each in METRICS}}
            write_text(folder / RECORD, json.dumps([*_rows(folder), row], indent=1) + "\n")
            logger.info("%s, %s, seed %d, round %d: Dice %.3f", name, way, seed, number, row["best_dice"] or 0)


def _size(box: Sequence[tuple[int, int]]) -> int:
    (a, b), (c, d), (e, f) = box
    return (b - a) * (d - c) * (f - e)


def _rows(folder: Path) -> list[Row]:
    path = folder / RECORD
    return read_json(path, "remove it") if path.is_file() else []


def _known(folder: Path, name: str, way: str, seed: int, number: int) -> Row | None:
    wanted = {"volume": name, "way": way, "seed": seed, "round": number}
    return next((row for row in _rows(folder) if row.items() >= wanted.items()), None)
