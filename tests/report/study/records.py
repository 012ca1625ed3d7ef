"""Small records of studies, one of each design, with the files that they name."""

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np

from scripts.io import write_volume
from scripts.metrics import curves_of, mean_curves
from scripts.report.study.drawing import figure_of
from scripts.report.study.record import read_record
from scripts.report.theme import theme_of
from tests.helpers.counts_examples import counts, noisy
from tests.report.page.examples import vessels

COMMON = {
    "title": "A study",
    "question": "Which is best?",
    "metric": "auroc",
    "metrics": ["auroc", "average_precision", "dice"],
    "selects_by": "val_dice",
    "pictures": [],
    "paper": {"where": "section 3.1", "found": "Something was best.", "metric": "auroc", "figures": {}},
    "budget_minutes": 60,
    "spent_minutes": 41.5,
    "seeds": [0, 1, 2],
    "epochs": 8,
    "iterations_per_epoch": 50,
    "batch_size": 2,
    "dataset": "vessels",
    "held_out": "the last 25 % of each volume, in plane, with a margin of 64 voxels",
    "software": "tubenet 0.9.0, torch 2.13.0",
    "machine": "two cores",
    "importances": None,
    "inclusion": None,
    "example": None,
    "factors": ["loss"],
}


def trial(number, variant, scores, seed=0, state="complete", **more):
    """A trial; `scores` is a number for one volume `a`, or numbers by volume, of each metric alike."""
    scores = {"a": scores} if isinstance(scores, float) else scores or {}
    by_metric = {
        volume: {"auroc": value, "average_precision": round(value - 0.1, 6), "dice": round(value - 0.2, 6)}
        for volume, value in scores.items()
    }
    content = {
        "number": number,
        "variant": variant,
        "seed": seed,
        "state": state,
        "problem": None,
        "params": {"loss": variant, "seed": seed},
        "folder": f"trials/{number:03}",
        "epochs_table": None,
        "steps": 400,
        "train_seconds": 312.0,
        "score_seconds": 20.1,
        "step_seconds": 0.78,
        "validation": 0.61,
        "scores": by_metric,
        "curves": None,
        "example": None,
        "about": {},
        "command": f"python -m monai.bundle run --seed {seed} --variant '{variant}'",
    }
    return content | more


def waiting(number, variant, seed=0, state="waiting", **more):
    """A trial that did not come to its end."""
    nothing = dict.fromkeys(("steps", "train_seconds", "score_seconds", "step_seconds", "validation"))
    return trial(number, variant, None, seed, state, **{**nothing, **more})


def record(trials, design="compare", **more):
    """A record as JSON has it."""
    return {**COMMON, "study": "losses", "design": design, "trials": list(trials), **more}


def write(folder, content, name="losses"):
    """Write a record, and return its path."""
    path = Path(folder) / f"{name}.json"
    path.write_text(json.dumps(content))
    return path


def study_of(folder, trials, design="compare", **more):
    """Write a record and read it again."""
    return read_record(write(folder, record(trials, design, **more)))


def compared(values, **more):
    """The trials of variants by their scores for seeds 0, 1, ..."""
    pairs = [(variant, seed, value) for variant, found in values.items() for seed, value in enumerate(found)]
    return [trial(n, variant, value, seed, **more) for n, (variant, seed, value) in enumerate(pairs)]


def write_epochs(path, aurocs, seconds=10.0):
    """Write a table of epochs; the Dice of each is 0.2 below its AUROC, and empty where that is None."""
    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("epoch", "iteration", "learning_rate", "train_loss", "seconds", "val_dice", "val_auroc", "threshold")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(names)
        for n, value in enumerate(aurocs, start=1):
            found = ("", "") if value is None else (round(value - 0.2, 6), value)
            table.writerow([n, 50 * n, 1e-3, 1 / n, seconds, *found, 0.5])


def add_curves(folder, of_trial, first):
    """Write the curves of a trial's volumes, noise drawn by the numbers from `first`, and name them in it."""
    cases = {name: curves_of(counts(*noisy(first + n, 1000))) for n, name in enumerate(of_trial["scores"])}
    path = Path(folder) / of_trial["folder"] / "curves.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"threshold": 0.5, "mean": mean_curves(list(cases.values())), "cases": cases}))
    of_trial["curves"] = f"{of_trial['folder']}/curves.json"


def add_files(folder, trials, slow=None):
    """Write epochs, curves and example probabilities of trials, and name them in there."""
    folder = Path(folder)
    variants = list(dict.fromkeys(each["variant"] for each in trials))
    random, truth = np.random.default_rng(0), vessels()
    image = (200 * truth + random.normal(50, 20, truth.shape)).clip(0, 255).astype(np.uint8)
    write_volume(folder / "image.tif", image, voxel_size=(1, 1, 2), unit="µm")
    write_volume(folder / "label.tif", truth, voxel_size=(1, 1, 2), unit="µm")
    for each in trials:
        place = folder / each["folder"]
        speed = 0.4 + 0.25 * variants.index(each["variant"]) + 0.05 * each["seed"]
        aurocs = [0.5 + 0.45 * (1 - np.exp(-speed * n)) + random.normal(0, 0.004) for n in range(1, 9)]
        write_epochs(place / "epochs.csv", [round(float(value), 4) for value in aurocs], 30 + 5 / speed)
        each["epochs_table"] = f"{each['folder']}/epochs.csv"
        if each["state"] != "complete":
            continue
        add_curves(folder, each, each["number"])
        noise = random.normal(0, 0.1 + 0.1 * variants.index(each["variant"]), truth.shape)
        found = np.clip(0.9 * truth + noise, 0, 1).astype(np.float32)
        write_volume(place / "prob.tif", found, voxel_size=(1, 1, 2), unit="µm")
        each["example"] = f"{each['folder']}/prob.tif"
    where = {"volume": "a", "image": str(folder / "image.tif"), "label": str(folder / "label.tif")}
    return trials, {**where, "box": "0:40,12:36,0:15"}


def losses(folder, unfinished=False):
    """A study that compares losses, with all files."""
    values = {"WCCE 1:7": (0.931, 0.936, 0.934), "DICE-BCE": (0.929, 0.921, 0.925), "focal": (0.90, 0.87, 0.88)}
    trials = [
        trial(n, variant, {"octa": values[variant][seed], "bbb": values[variant][seed] - 0.02}, seed,
              step_seconds=0.78 + 0.1 * seed, validation=0.6 + 0.01 * seed)
        for n, (seed, variant) in enumerate(product(range(3), values))
    ]  # fmt: skip
    if unfinished:
        states = {6: "running", 7: "waiting", 8: "failed"}
        trials = [waiting(each["number"], each["variant"], each["seed"], states[n], problem="it ran out of memory"
                          if states[n] == "failed" else None) if n in states else each
                  for n, each in enumerate(trials)]  # fmt: skip
    trials, example = add_files(folder, trials)
    paper = {"where": "section 3.1, figure 2", "found": "Weighted cross-entropy reached the highest AUROC.",
             "metric": "auroc", "figures": {"WCCE 1:7": 0.90, "DICE-BCE": 0.86, "focal": 0.80}}  # fmt: skip
    return record(trials, title="Loss functions", question="Which loss finds vessels best?", paper=paper,
                  pictures=["roc", "scores", "epochs", "examples"], example=example)  # fmt: skip


def search(folder):
    """A search over three hyperparameters, of which the best trial alone is scored."""
    random, trials = np.random.default_rng(1), []
    levels = list(product((1e-5, 1e-4, 1e-3), ("ReLU", "LeakyReLU 0.1", "LeakyReLU 0.2"), (0.1, 0.2, 0.3)))
    for n, at in enumerate(random.choice(len(levels), 15, replace=False)):
        rate, activation, dropout = levels[at]
        params = {"learning_rate": rate, "activation": activation, "dropout": dropout, "seed": 0}
        value = round(0.2 + 0.12 * (np.log10(rate) + 5) + 0.2 * dropout + random.normal(0, 0.02), 3)
        name = f"{rate:g}, {activation}, {dropout:g}"
        state = "pruned" if value < 0.3 else "complete"
        trials.append(waiting(n, name, state=state, params=params, validation=value, steps=400, train_seconds=300.0))
    best = max((each for each in trials if each["state"] == "complete"), key=lambda each: each["validation"])
    best |= {"scores": trial(0, "", 0.93)["scores"], "score_seconds": 20.0}
    return record(trials, "search", title="Hyperparameters", question="Which hyperparameters train best?",
                  factors=["learning_rate", "activation", "dropout"], seeds=[0], metrics=["auroc", "dice"],
                  importances={"learning_rate": 0.74, "dropout": 0.2, "activation": 0.06},
                  pictures=["search", "importance"])  # fmt: skip


def optimisers(folder):
    """A study of two factors."""
    trials = []
    for n, (seed, rule, schedule) in enumerate(product(range(3), ("Adam", "AdamW", "SGD"), ("constant", "cosine"))):
        value = 0.9 - 0.1 * (rule == "SGD") + 0.01 * (schedule == "cosine") + 0.003 * seed
        params = {"optimiser": rule, "schedule": schedule, "seed": seed}
        trials.append(trial(n, f"{rule}, {schedule}", round(value, 3), seed, params=params))
    return record(trials, title="Optimisers", question="Which optimiser and schedule?",
                  factors=["optimiser", "schedule"], pictures=["grid", "scores"])  # fmt: skip


def sizes(folder):
    """Fine-tuning on blocks of three sizes of two volumes, and from scratch; no tuning at all."""
    trials, volumes = [], {"octa": 0.0, "bbb": -0.05}
    for volume, less in volumes.items():
        about = {"method": "zero-shot", "size": None, "share": None}
        none = {"steps": 0, "train_seconds": None, "step_seconds": None, "validation": None, "command": None}
        trials.append(trial(len(trials), "zero-shot", {volume: 0.62 + less}, about=about, **none))
    ranks = {16: "smallest", 32: "middle", 64: "largest"}  # the other volume has room for half of each
    for seed, side, method, volume in product(range(3), ranks, ("fine-tuned", "from scratch"), volumes):
        base = {"fine-tuned": 0.70, "from scratch": 0.45}[method]
        value = base + (0.0012 if method == "fine-tuned" else 0.004) * side + volumes[volume]
        value += (0.01 if method == "fine-tuned" else 0.012) * (seed - 1)
        about = {"method": method, "size": side // (1 + (volume == "bbb")), "share": side**3 / 3e6, "rank": ranks[side]}
        name = f"{method}, {ranks[side]} block"
        trials.append(trial(len(trials), name, {volume: round(value, 4)}, seed, about=about,
                            params={"method": method, "size": side, "seed": seed, "volume": volume}))  # fmt: skip
    return record(trials, "block_size", title="How much to label", question="How large a block has to be labelled?",
                  metric="dice", metrics=["dice", "average_precision"], factors=["method", "size"],
                  pictures=["sizes", "scores"])  # fmt: skip


def variety(folder):
    """Training on one, two and three kinds of image, scored on two kinds never seen."""
    trials, kind_of = [], {"octa": "retina", "oct": "retina", "ct": "liver"}
    for seed, kinds in product(range(3), (1, 2, 3)):
        value = 0.7 + (0.05 + 0.001 * seed) * kinds + 0.01 * seed
        about = {"kinds": kinds, "seen": ["a", "b", "c"][:kinds], "unseen": ["retina", "liver"], "voxels": 10**6}
        scores = {"octa": value, "oct": value + 0.01, "ct": value - 0.1}
        trials.append(trial(len(trials), f"{kinds} kinds", scores, seed, about={**about, "kind_of": kind_of}))
    return record(trials, "variety", title="Variety of training images", question="Do more kinds of image help?",
                  factors=["kinds"], pictures=["kinds"])  # fmt: skip


def transfer(folder):
    """Tuning on each of three volumes, scored on all."""
    volumes = ("octa_retina", "two_photon_bbb", "vascusynth_a")
    trials = [
        trial(at, "zero-shot", dict.fromkeys(volumes, 0.6), steps=0, about={"tuned_on": None, "of": of}, command=None)
        for at, of in enumerate(volumes)
    ]
    for seed, where in product(range(2), volumes):
        change = {name: 0.2 if name == where else -0.1 * volumes.index(name) for name in volumes}
        scores = {name: round(0.6 + change[name] + 0.002 * seed, 3) for name in volumes}
        trials.append(trial(len(trials), f"tuned on {where}", scores, seed, about={"tuned_on": where, "of": where}))
    return record(trials, "transfer", title="Does tuning carry over?", question="Does tuning on one help others?",
                  metric="dice", factors=["tuned_on"], seeds=[0, 1], pictures=["matrix", "scores"])  # fmt: skip


def drawn(panel, theme="dark"):
    """The axes of a panel, with what is drawn on them."""
    return figure_of([panel], theme_of(theme)).axes[0]


def lines_of(axes):
    """The points of each line, rounded, as a set."""
    return {tuple((round(float(x), 4), round(float(y), 4)) for x, y in zip(*line.get_data(), strict=True))
            for line in axes.get_lines()}  # fmt: skip


def ticks(axes, along):
    """The names along an axis, `x` or `y`."""
    return [text.get_text() for text in getattr(axes, f"get_{along}ticklabels")()]


def legend(axes):
    """The words of the legend."""
    return [text.get_text() for text in axes.get_legend().get_texts()]
