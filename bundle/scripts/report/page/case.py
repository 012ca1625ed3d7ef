"""What a folder of results holds of each volume: segmentation, scores, curves, branches."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.core import SEGMENTATION, read_json, refuse, refuse_failures
from scripts.core.conventions import PROBABILITY, SKELETON
from scripts.data import find_volumes

BRANCHES, SUMMARY = "_branches.csv", "_summary.json"
METRICS, CURVES, RUN = "metrics.json", "curves.json", "run.json"
NO_VOLUMES = (".csv", ".json", ".png", ".html", ".graphml", ".swc", ".vtp")  # of what commands write beside volumes
EVALUATE_AGAIN = "evaluate again, or take it away"


@dataclass(frozen=True)
class Case:
    """All there is of one volume; what is missing is None, or empty.

    Attributes:
        name: of the volume.
        image: its path.
        label: the path of what a person said about it.
        segmentation: the path of `NAME_seg.EXT`.
        probability: the path of `NAME_prob.EXT`.
        skeleton: the path of `NAME_skeleton.EXT`, the radius on the skeleton and 0 elsewhere.
        branches: the path of `NAME_branches.csv`.
        summary: what `NAME_summary.json` holds.
        scores: its numbers of `metrics.json`, by metric.
        curves: its curves of `curves.json`.
    """

    name: str
    image: Path | None = None
    label: Path | None = None
    segmentation: Path | None = None
    probability: Path | None = None
    skeleton: Path | None = None
    branches: Path | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float | None] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)


def find_cases(
    folder: str | Path, images: Mapping[str, str | Path], labels: Mapping[str, str | Path]
) -> tuple[list[Case], Mapping[str, Any]]:
    """Find what a folder holds of each volume.

    A volume is there if it has a segmentation, scores, or branches; images of which there is nothing are left out.

    Args:
        folder: what `segment`, `evaluate` and `analyse` wrote into.
        images: paths by name.
        labels: likewise.

    Returns:
        The cases by name, and of all of them: `metrics`, `curves` and `run`, each as its file holds it, or `{}`.

    Raises:
        UserError: if there is no such folder, or nothing in it; for a file that is damaged, or two of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        refuse(folder, "no such folder", "name the one that was segmented or evaluated into", FileNotFoundError)
    shared = {name: _object(folder / f"{name}.json") for name in ("metrics", "curves", "run")}
    scores = _mapping(shared["metrics"], "cases", folder / METRICS)
    curves = _mapping(shared["curves"], "cases", folder / CURVES)
    volumes = _volumes(folder)
    tables = {path.name.removesuffix(BRANCHES): path for path in sorted(folder.glob(f"*{BRANCHES}"))}
    summaries = {path.name.removesuffix(SUMMARY): path for path in sorted(folder.glob(f"*{SUMMARY}"))}
    segmented = [each.removesuffix(SEGMENTATION) for each in volumes if each.endswith(SEGMENTATION)]
    names = sorted({*segmented, *scores, *tables, *summaries})
    if not names:
        problem, remedy = "holds no segmentation, scores or branches", "segment, evaluate or analyse into it first"
        refuse(folder, problem, remedy, FileNotFoundError)
    cases = [
        Case(
            name,
            _path(images.get(name)),
            _path(labels.get(name)),
            volumes.get(name + SEGMENTATION),
            volumes.get(name + PROBABILITY),
            volumes.get(name + SKELETON),
            tables.get(name),
            _object(summaries[name]) if name in summaries else {},
            _mapping(scores, name, folder / METRICS),
            _mapping(curves, name, folder / CURVES),
        )
        for name in names
    ]
    return cases, shared


def _volumes(folder: Path) -> Mapping[str, Path]:
    """Return the volumes in a folder by name; there may be none."""
    try:
        return find_volumes(folder, NO_VOLUMES)
    except FileNotFoundError:
        return {}


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)


def _object(path: Path) -> Mapping[str, Any]:
    """Return what a JSON file holds by name; nothing if it isn't there."""
    if not path.exists():
        return {}
    found = read_json(path, EVALUATE_AGAIN)
    if not isinstance(found, dict):
        refuse(path, "does not hold values by name", EVALUATE_AGAIN)
    return found


def _mapping(found: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    """Return a part of what a file holds, which has to be values by name; it may be missing."""
    part = found.get(name) or {}
    if not isinstance(part, dict):
        refuse(path, f"{name} does not hold values by name", EVALUATE_AGAIN)
    return part


def numbers_of(path: Path, columns: tuple[str, ...]) -> dict[str, list[float]]:
    """Return columns of numbers in a CSV.

    Args:
        path: the file, with a line of names.
        columns: the names of those to read.

    Raises:
        UserError: for a file that cannot be read, lacks one of them, or has something else in it.
    """
    remedy = "analyse again"
    with refuse_failures(path, "cannot be read", remedy):
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if missing := [name for name in columns if rows and name not in rows[0]]:
            refuse(path, f"has no column {missing[0]}", remedy)
        return {name: [float(row[name]) for row in rows if row[name] not in ("", None)] for name in columns}


def as_text(value: object) -> str:
    """Return a value of JSON as words: numbers with four digits, `none` for null."""
    if value is None:
        return "none"
    if isinstance(value, bool | int | str):
        return str(value)
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
