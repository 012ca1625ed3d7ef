"""The table of docs/results.md: scores of weights on each volume, beside the best threshold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scripts.commands.bundle import EVALUATE, TRAIN, run_bundle
from scripts.core import BUNDLE, WEIGHTS, check_writable, refuse, slices, write_whole
from scripts.data import check_pair, find_dataset
from scripts.io import read_volume
from scripts.weights import Checkpoint

DATASET = BUNDLE.parents[1] / "shared" / "data"
PARTS = {"octa_retina": ":,64:128,:"}  # the half that others test on after training on y < 64
BEGIN, END = "<!-- results: written by make results -->", "<!-- end of results -->"
COLUMNS = {"dice": "Dice", "cldice": "clDice", "auroc": "AUROC", "average_precision": "AP"}
ORACLE = "best global threshold, Dice"
NOTE = "The last column: raw intensity, at the threshold that is best on the label itself."
HASH_DIGITS = 12


def run_results(
    dataset_dir: str | Path = DATASET,
    ckpt_path: str | Path = WEIGHTS,
    output_dir: str | Path = "results",
    page: str | Path | None = None,
    parts: Mapping[str, str] | None = None,
    configs: Sequence[str] = (),
) -> None:
    """Score weights on every labelled volume of a dataset, and print a table.

    Args:
        dataset_dir: the dataset.
        ckpt_path: the weights; at their own threshold.
        output_dir: becomes `whole/` and `parts/NAME/` with all that the evaluations write (`metrics.json` ...).
        page: a text with two lines between which the table is put, such as docs/results.md; by default none.
        parts: a further row for a region of a volume, "{'NAME': 'x0:x1,y0:y1,z0:z1'}"; by default for the half of
            octa_retina that is tested on.
        configs: overlays that the weights need, "['configs/overlays/full_width.json']", as seen from the bundle.

    Raises:
        UserError: if dataset, weights or page are missing; for a page without the two lines, a dataset whose images
            and labels do not fit, or parts of volumes that are not there; if an evaluation fails; what it printed
            says why; if a file cannot be written.
    """
    dataset, weights, folder = (Path(path).resolve() for path in (dataset_dir, ckpt_path, output_dir))
    target = None if page is None else Path(page)
    if target is not None:
        with_table(target, "")  # what cannot be written shows before the work
    if not dataset.exists():
        refuse(dataset, "no such dataset", "give --dataset_dir, a folder with images/ and labels/", FileNotFoundError)
    volumes = {volume["name"]: volume for volume in find_dataset(dataset)}
    parts = {name: box for name, box in PARTS.items() if name in volumes} if parts is None else parts
    if not isinstance(parts, Mapping) or not isinstance(configs, str | Sequence):
        wrong = f"--configs {configs}" if isinstance(parts, Mapping) else f"--parts {parts}"
        refuse(
            wrong,
            "is not of the form that is read",
            "write --parts \"{'NAME': 'x0:x1,y0:y1,z0:z1'}\" and --configs \"['FILE.json']\"",
        )
    boxes = {name: _box_of(volumes, name, region) for name, region in parts.items()}
    origin = Checkpoint(weights).provenance
    check_writable(folder)

    files = [TRAIN, EVALUATE, *([configs] if isinstance(configs, str) else configs)]
    options = {"ckpt_path": weights}
    scored = _scores(files, dataset_dir=dataset, output_dir=folder / "whole", **options)
    rows = {}
    for name, volume in volumes.items():
        rows[name] = {**scored["cases"][name], "oracle": best_threshold_dice(volume)}
        if name in parts:
            alone = folder / "parts" / name
            one = {key: volume[key] for key in ("image", "label")}
            _write(alone / "dataset.json", json.dumps({"training": [one]}, indent=2) + "\n")
            part = _scores(files, dataset_dir=alone, output_dir=alone, region=parts[name], **options)
            best = best_threshold_dice(volume, boxes[name])
            rows[f"{name} `{parts[name]}`"] = {**part["cases"][name], "oracle": best}
    table = results_table(rows, origin, scored["threshold"], files[2:])
    print(f"\n{table}")
    if target is not None:
        _write(target, with_table(target, table))
        print(f"written into {target}")


def _box_of(volumes: Mapping[str, Mapping[str, Any]], name: str, region: str) -> tuple:
    if name not in volumes:
        refuse("--parts", f"there is no volume {name!r} in the dataset", f"it has {', '.join(volumes)}")
    return check_pair(volumes[name]["image"], volumes[name]["label"], region)["region"]


def _scores(files: Sequence[str], output_dir: Path, **options: Any) -> dict[str, Any]:
    run_bundle(files, output_dir=output_dir, **options)
    return json.loads((output_dir / "metrics.json").read_text())


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def best_threshold_dice(volume: Mapping[str, Any], box: Sequence[tuple[int, int]] | None = None) -> float:
    """Return the highest Dice that a threshold on intensity can reach; NaN without vessel.

    All distinct intensities are tried, and the label decides: no method that does not know it finds this threshold but
    by luck.

    Args:
        volume: with paths `image` and `label`; negative labels are not counted.
        box: counted voxels `((x0, x1), (y0, y1), (z0, z1))`; by default all.
    """
    inside = slices(box or ())
    intensity, label = (read_volume(volume[key])[1][inside] for key in ("image", "label"))  # (X, Y, Z) each
    intensity, vessel = intensity[label >= 0], label[label >= 0] > 0  # (N,), (N,)
    if not vessel.any():
        return math.nan
    values, place = np.unique(intensity, return_inverse=True)  # (V,) ascending, (N,)
    predicted, hit = (np.bincount(each, minlength=len(values))[::-1].cumsum() for each in (place, place[vessel]))
    return float((2 * hit / (predicted + np.count_nonzero(vessel))).max())


def results_table(
    rows: Mapping[str, Mapping[str, float | None]],
    origin: Mapping[str, str],
    threshold: float,
    overlays: Sequence[str] = (),
) -> str:
    """Return the table in Markdown, and below it the weights that it is of.

    Args:
        rows: scores by their names in `metrics.json`, and `oracle`, of every volume; undefined is None or NaN.
        origin: `scripts.weights.Checkpoint.provenance`.
        threshold: of the segmentations.
        overlays: configs that were added.
    """
    lines = ["| " + " | ".join(("volume", *COLUMNS.values(), ORACLE)) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, scores in rows.items():
        cells = [_cell(scores.get(score)) for score in (*COLUMNS, "oracle")]
        lines.append("| " + " | ".join((name, *cells)) + " |")
    how = "".join(f", `{Path(overlay).name}`" for overlay in overlays)
    short = origin["weights_sha256"][:HASH_DIGITS]
    told = f"`{origin['weights']}` (sha256 `{short}`), {origin['software']}{how}, threshold {threshold:.3g}. {NOTE}"
    return "\n".join((*lines, "", told))


def _cell(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def with_table(page: Path, table: str) -> str:
    """Return a page's text with what stands between its two lines replaced by a table.

    Raises:
        UserError: if it is missing; if the lines are not there, once each and in order.
    """
    if not page.is_file():
        refuse(page, "no such file", "give another --page, or leave it out to print the table only", FileNotFoundError)
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not begin or not end or BEGIN in rest or END in before + after:
        refuse(
            page,
            f"has not just one line {BEGIN} and below it one {END}",
            "put them where the table shall stand, or leave --page out to print it only",
        )
    return f"{before}{begin}{table}\n{end}{after}"
