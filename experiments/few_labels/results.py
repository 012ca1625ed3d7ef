"""`make results`: what weights are worth on labelled volumes, as they come and tuned on a few labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.kinds import DATASET, KINDS
from experiments.score_rows import HASH_DIGITS
from scripts.core import (
    AUTO,
    WEIGHTS,
    best_device,
    bfloat16,
    check_writable,
    counted,
    device_name,
    list_failures,
    parse_region,
    refuse,
)
from scripts.data import find_dataset
from scripts.study import LabelledVolume
from scripts.weights import Checkpoint

from .page import origin_text, page_text, with_text, write_page
from .plan import cuts_of
from .rows import Plan, table_of, worked_out
from .tables import Scores
from .trial import Recipe

PARTS = {"octa_retina": ":,64:128,:"}  # the half that others test on after training on y < 64


def run_results(
    dataset_dir: str | Path = DATASET,
    ckpt_path: str | Path = WEIGHTS,
    output_dir: str | Path = "results",
    page: str | Path | None = None,
    volumes: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    block: int = 128,
    sizes: Sequence[int] = (32, 64),
    slices: int = 5,
    parts: Mapping[str, str] | None = None,
    margin: int = 8,
    kinds: Mapping[str, str] | None = None,
    unlabelled_value: float | None = None,
    options: Mapping[str, Any] | None = None,
    configs: Sequence[str] = (),
) -> str:
    """Score weights on every labelled volume, as they come and tuned on a few labels, beside what needs no weights.

    Of each volume a block trains by finetune.json, and by train.json from scratch for as many steps; then smaller
    blocks, and a few slices. The rest of the volume is scored, by the command that you would type and as the weights
    are shipped. What results.csv has from before is not done again, so a run that was stopped goes on.

    Args:
        dataset_dir: the dataset.
        ckpt_path: the weights; at their own threshold, cleaned as their sidecar says.
        output_dir: becomes results.csv, a row for each score of a volume, results.md, all tables, with images/, and
            trained/, the weights of each training.
        page: a text with two lines between which the tables are put, such as docs/results.md, with the picture in
            images/ beside it; by default none.
        volumes: names of those to look at, "['A','B']"; by default all.
        seeds: of the trainings, "[0]" for one of each; "[]" scores the weights as they come and trains nothing.
        block: side of the block in voxels, 0 for none; where it has no room half of that, and so on. It may be half of
            what is labelled, and is that whose share of vessel is most like the volume's.
        sizes: sides of further blocks, "[32,64]", each inside the next larger one.
        slices: how many adjacent slices to train on instead, 0 for none.
        parts: regions to score after training on all the rest of a volume, "{'NAME': 'x0:x1,y0:y1,z0:z1'}"; by default
            the half of octa_retina that others test on.
        margin: voxels around what trains that are not scored, of the finest axis and along others as far in length.
        kinds: kinds of image by how names of volumes begin, "{'octa': 'retina'}"; a volume of none is its own kind.
        unlabelled_value: a value of the labels that means "not labelled"; negative values always do.
        options: of every training, "{'epochs': 2}".
        configs: overlays that the weights need, "['configs/overlays/full_width.json']", as seen from the bundle.

    Returns:
        The tables.

    Raises:
        UserError: if dataset, weights or page are missing; for a page without the two lines, a dataset whose images
            and labels do not fit, volumes or parts that are not there; if trainings or evaluations fail, after all
            others are done; if a file cannot be written.
    """
    target = None if page is None else Path(page)
    if target is not None:
        with_text(target, "")  # what cannot be written shows before the work
    options, overlays = options or {}, [configs] if isinstance(configs, str) else configs
    _check_forms(options, overlays, block=block, slices=slices, margin=margin)
    seeds, sizes = _numbers("seeds", seeds), _numbers("sizes", sizes)
    items = _chosen(Path(dataset_dir), [volumes] if isinstance(volumes, str) else volumes)
    parts = _checked_parts({**PARTS} if parts is None else parts, items, parts is not None)
    recipe = Recipe(Path(ckpt_path).resolve(), overlays, options)
    checkpoint = Checkpoint(recipe.weights)
    origin = checkpoint.provenance
    folder = check_writable(Path(output_dir).resolve(), "output_dir")

    plan = Plan(folder, recipe, origin["weights_sha256"][:HASH_DIGITS], seeds, KINDS if kinds is None else kinds)
    for name, item in items.items():
        if not Path(item["image"]).is_file():
            print(f"{name}: is left out, its image is a folder; convert it into one file", file=sys.stderr)
            continue
        volume = LabelledVolume.read(item, unlabelled_value)
        few = (block, sizes, slices) if seeds else (0, [], 0)
        cuts, told = cuts_of(volume, item["affine"], *few, margin, parts.get(name))
        for line in told:
            print(line, file=sys.stderr)
        plan.add(volume, cuts)
    if not plan.cuts:
        refuse(dataset_dir, "has no volume to score", "see the lines above and --volumes")
    table = table_of(folder)
    rows, failures = worked_out(table, plan.rows(), recipe)
    scores, cuts = Scores(rows), plan.cuts
    how = [f"threshold {checkpoint.sidecar['threshold']:.3g}", *_how(options, overlays)]
    text = page_text(scores, cuts, origin_text(origin, HASH_DIGITS, how), seeds, margin)
    written = write_page(folder / "results.md", text, scores, cuts, between=False)
    if failures:
        list_failures(failures)
        remedy = f"correct them and give the same command; the others are in {table.path}"
        refuse(counted(len(failures), "row"), "could not be worked out, each is named above", remedy)
    if target is not None:
        written += write_page(target, text, scores, cuts)
    print(f"wrote {', '.join(map(str, written))}", file=sys.stderr)
    return text


def _how(options: Mapping[str, Any], overlays: Sequence[str]) -> list[str]:
    """Return in words what computes, in which precision, and what was asked for."""
    device = str(options.get("device", best_device()))
    threads = f" with {counted(torch.get_num_threads(), 'thread')}" if device == "cpu" else ""
    precision = "bfloat16" if bfloat16(options.get("amp", AUTO), device) else "float32"
    given = [f"`{Path(each).name}`" for each in overlays] + [f"`--{name} {value}`" for name, value in options.items()]
    return [f"trained in {precision} on {device_name(device)}{threads}", *given]


def _check_forms(options: Any, overlays: Any, **numbers: Any) -> None:
    """Refuse what is neither options by name, nor a list of configs, nor a whole number."""
    if not isinstance(options, Mapping):
        refuse(f"--options {options}", "is not of the form that is read", "write --options \"{'epochs': 2}\"")
    if not isinstance(overlays, Sequence):
        refuse(f"--configs {overlays}", "is not of the form that is read", "write --configs \"['FILE.json']\"")
    for name, value in numbers.items():
        if type(value) is not int or value < 0:
            refuse(f"--{name} {value}", "is not a whole number of at least 0", f"write --{name} 8, or 0 for none")


def _numbers(name: str, values: Any) -> list[int]:
    """Return whole numbers of an option, one or several."""
    values = [values] if isinstance(values, int) else values
    if not isinstance(values, Sequence) or not all(type(each) is int and each >= 0 for each in values):
        refuse(f"--{name} {values}", "is no list of whole numbers", f'write --{name} "[0,1]"')
    return list(dict.fromkeys(values))


def _chosen(dataset: Path, names: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Return the volumes of a dataset by name, all or those that are named."""
    if not dataset.exists():
        refuse(dataset, "no such dataset", "give --dataset_dir, a folder with images/ and labels/", FileNotFoundError)
    items = {item["name"]: item for item in find_dataset(dataset)}
    for name in names or ():
        if name not in items:
            refuse("--volumes", f"there is no volume {name!r} in the dataset", f"it has {', '.join(items)}")
    return {name: item for name, item in items.items() if names is None or name in names}


def _checked_parts(parts: Any, items: Mapping[str, Any], given: bool) -> dict[str, str]:
    """Return the parts of volumes that are there; those that were asked for have to be."""
    if not isinstance(parts, Mapping):
        form = "write --parts \"{'NAME': 'x0:x1,y0:y1,z0:z1'}\""
        refuse(f"--parts {parts}", "is not of the form that is read", form)
    for name, region in parts.items():
        parse_region(region)
        if given and name not in items:
            refuse("--parts", f"there is no volume {name!r} in the dataset", f"it has {', '.join(items)}")
    return {name: region for name, region in parts.items() if name in items}
