"""The command `study`: the comparisons of the paper on one's own data."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from scripts.core import best_device, check_writable, counted, refuse, set_up_process, tell_result
from scripts.core.kinds import is_number
from scripts.data import find_dataset
from scripts.report import theme_of
from scripts.study import (
    PLANS,
    WORDS,
    LabelledVolume,
    Setting,
    Storage,
    Trial,
    check_options,
    database_in,
    kind_of,
    read_description,
)

from .timing import measure_timing
from .work import Work, example_of, machine, software

logger = logging.getLogger(__name__)

PATCH_SIZE = (64, 64, 64)  # as train.json has it


def run_study(
    study: str,
    dataset_dir: str,
    output_dir: str = "studies",
    budget: float = 60.0,
    seeds: int = 3,
    test_dir: str | None = None,
    unlabelled_value: float | None = None,
    kinds: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    storage: str | None = None,
    theme: str = "dark",
) -> None:
    """Run one of the paper's comparisons on a labelled dataset of your own, and see who wins.

    STUDY is losses, attention, hyperparameters, optimisers, block-size, variety or transfer, or a JSON file of yours.
    It writes OUT/STUDY.html, a page to read, and STUDY.png and STUDY.csv with every score. Each trial is an ordinary
    training, with a command to copy. A study that was stopped goes on with the same command, and the same command in
    another terminal, or on another machine that sees the folder, shares the work.

    Args:
        study: which comparison.
        dataset_dir: a labelled dataset; of each volume a part is held out and scored.
        output_dir: the folder to write into.
        budget: minutes for all of it on this machine, from which follows how many steps each training takes.
        seeds: how many times each is trained; one run says little.
        test_dir: a further labelled dataset to score on instead of held-out parts; no file of it may be in the dataset.
        unlabelled_value: the label value that means "not labelled", as negative values always do.
        kinds: kinds of image by how names of volumes begin, "{'two_photon': 'two-photon'}"; by default the letters
            before the first underscore or digit.
        options: of every training, "{'device': 'cuda', 'batch_size': 6}", such as evaluating and training take.
        storage: the URL of a database for Optuna, for several machines; by default a file in the folder.
        theme: of the pictures, dark or light.

    Raises:
        UserError: for a study or dataset that cannot be used, a budget that is too small, or options that the study was
            not begun with; if a training fails, after the others are done.
    """
    _check(budget, seeds, kinds, unlabelled_value)
    check_options("--options", given := {} if options is None else options)
    theme_of(theme)
    begun = time.monotonic()
    set_up_process()
    name, description = read_description(str(study))
    searches = description["design"] == "search"
    folder = check_writable(Path(str(output_dir)).resolve(), "output_dir")
    trials = folder / f"{name}_trials"
    store = Storage(storage or database_in(folder, name), name, trials, prune=searches)
    common = {**description["options"], **given, "epochs": description["epochs"]}
    with FileLock(folder / f".{name}.lock"):  # one plans, and the others find the plan
        setting = Setting(
            description=description,
            seeds=range(1 if searches else seeds),  # each combination once
            folder=folder / f"{name}_data",
            unlabelled_value=unlabelled_value,
            patch_size=common.get("patch_size", PATCH_SIZE),
            test_dir=None if test_dir is None else Path(str(test_dir)).resolve(),
            **_volumes(str(dataset_dir), kinds, unlabelled_value),
        )
        terms = {"seeds": seeds, "budget": budget, "options": dict(given), "kinds": dict(setting.kinds)}
        terms |= {"description": {key: value for key, value in description.items() if key not in WORDS}}
        terms |= {"dataset": {volume.name: volume.digest for volume in setting.volumes}}
        terms |= {"test_dir": None if setting.test_dir is None else _digests(setting.test_dir, unlabelled_value)}
        store.check(terms)  # before anything is written that another study may be reading
        plan = PLANS[description["design"]](setting)
        common["iterations_per_epoch"] = _iterations(store, plan, common, description, budget, begun, trials / "pilot")
        store.begin(terms, plan)
        store.requeue_failed()
    about = {
        "budget_minutes": budget,
        "seeds": list(setting.seeds),
        "iterations_per_epoch": common["iterations_per_epoch"],
        "batch_size": common.get("batch_size", 2),
        "dataset": Path(dataset_dir).resolve().name,
        "held_out": plan[0].about.get("held_out") or description.get("held_out", ""),
        "software": software(),
        "machine": machine(str(common.get("device", best_device()))),
        "example": example_of(plan[0].scored) if description["example"] else None,
    }
    work = Work(name, description, plan, store, folder, common, about, theme)
    tell_result(
        "%s: %s of %d steps", name, counted(len(plan), "trial"), common["iterations_per_epoch"] * common["epochs"]
    )
    problems = work.do_all()
    if problems:
        problem = f"{counted(len(problems), 'trial')} failed, the first with: {problems[0]}"
        refuse(
            f"study {name}", problem, "mend that and give the same command again, which tries them once more", OSError
        )
    tell_result("wrote %s", folder / f"{name}.html")
    if work.runs_elsewhere():
        tell_result("%s goes on in another process, which writes that page anew", name)


def _check(budget: Any, seeds: Any, kinds: Any, unlabelled_value: Any) -> None:
    if not is_number(budget) or not 0 < budget < float("inf"):
        refuse(f"--budget {budget}", "is not a number of minutes above 0", "give one such as 60")
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= 1000:
        refuse(f"--seeds {seeds}", "is not a whole number from 1 to 1000", "give one such as 3")
    named = isinstance(kinds, Mapping) and all(isinstance(each, str) for pair in kinds.items() for each in pair)
    if kinds is not None and not named:
        refuse(f"--kinds {kinds}", "does not name kinds by how names begin", "write \"{'two_photon': 'two-photon'}\"")
    if unlabelled_value is not None and not is_number(unlabelled_value):
        refuse(f"--unlabelled_value {unlabelled_value}", "is not a number", "give a value of the labels, such as 255")


def _volumes(dataset_dir: str, kinds: Mapping[str, str] | None, unlabelled_value: float | None) -> dict[str, Any]:
    """Read the labels of a dataset; return the parts of a `Setting` that are of its volumes."""
    items = find_dataset(Path(dataset_dir).resolve())
    for item in items:
        if Path(item["image"]).is_dir():
            problem = "is a folder, and a study lists its images in a file, which cannot name one"
            refuse(item["image"], problem, "write it as .tif or .nii.gz, or a box of it")
    for begin in kinds or ():
        if not any(item["name"].startswith(begin) for item in items):
            names = ", ".join(item["name"] for item in items)
            refuse(f"--kinds {begin}", "no volume's name begins so", f"the dataset has {names}")
    volumes = [LabelledVolume.read(item, unlabelled_value) for item in items]
    return {
        "volumes": volumes,
        "affines": {item["name"]: item["affine"] for item in items},
        "kinds": {volume.name: kind_of(volume.name, kinds or {}) for volume in volumes},
    }


def _digests(dataset: Path, unlabelled_value: float | None) -> dict[str, str]:
    return {item["name"]: LabelledVolume.read(item, unlabelled_value).digest for item in find_dataset(dataset)}


def _iterations(
    store: Storage,
    plan: Sequence[Trial],
    common: Mapping[str, Any],
    description: Mapping[str, Any],
    budget: float,
    begun: float,
    pilot: Path,
) -> int:
    """Return how many steps an epoch has, which is decided once for a study."""
    if "iterations_per_epoch" in common:
        return int(common["iterations_per_epoch"])
    known = store.study.user_attrs.get("iterations_per_epoch")
    if known is None:
        timing = measure_timing(pilot, plan, common, description["metrics"])
        scored = plan[:1] if description["design"] == "search" else plan  # of a search the best alone
        known = timing.steps(plan, scored, int(common["epochs"]), budget, (time.monotonic() - begun) / 60)
        store.study.set_user_attr("iterations_per_epoch", known)
    return int(known)
