"""The JSON that names files and options: a Medical Decathlon `dataset.json`, an `args_file`, an overlay."""

import copy
import json
import math
from pathlib import Path

import numpy as np
from monai.bundle import ConfigParser

from scripts.core import CONFIGS, check_overrides
from scripts.data import find_dataset, find_images

from .mutations import TEXTS, mutate_json, mutate_tree, places
from .properties import Case, Finding, Refused, told
from .volumes import voxels

DATASET = {
    "name": "a",
    "labels": {"0": "background", "1": "vessel"},
    "numTraining": 2,
    "training": [{"image": f"./imagesTr/{name}.npy", "label": f"./labelsTr/{name}.npy"} for name in "ab"],
    "test": ["./imagesTs/c.npy"],
}
OPTIONS = {
    **{"dataset_dir": "a", "output_dir": "b", "ckpt_path": "c.pt", "device": "cpu", "amp": "auto", "scale": "auto"},
    **{"patch_size": [64, 64, 64], "overlap": 0.5, "batch_size": 2, "channel": 0, "threshold": 0.5, "num_workers": 0},
    "save_probability": False,
}
OVERLAY = {"overlap": 0.4, "scale": 0.5, "windows#mode": "constant", "network_def#dropout": 0.2, "handlers": []}


def dataset(rng, folder):
    """Write a dataset whose `dataset.json` is spoilt."""
    for name in ("imagesTr/a", "imagesTr/b", "labelsTr/a", "labelsTr/b"):
        (folder / name).parent.mkdir(exist_ok=True)
        np.save(folder / f"{name}.npy", voxels() > 30 if "labels" in name else voxels())
    path = folder / "dataset.json"
    text, what = mutate_json(rng, DATASET)
    path.write_bytes(text)

    def check():
        subjects = [folder, *(each for named in _texts(text) for each in (named, _resolved(folder, named)))]
        with told(*subjects):
            images = find_images(folder)
        with told(*subjects):
            volumes = find_dataset(folder)
        if len({each["name"] for each in volumes}) < len(volumes) or len(images) != len(volumes):
            raise Finding("volumes are named twice, or dropped", f"{images} {volumes}")
        if any(each["shape"] != (5, 4, 3) or not Path(each["label"]).is_file() for each in volumes):
            raise Finding("a volume that is not there", str(volumes))

    return Case(what, check)


def _resolved(folder, name):
    try:
        return (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # no file can have that name
        return name


def _texts(text):
    """Return the texts in a JSON document: a line may name a file as the document does."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = []
    for path in places(tree):
        value = tree
        for step in path:
            value = value[step]
        found += [value] if isinstance(value, str) and value.isprintable() and len(value) > 1 else []
    return found


def args_file(rng, folder):
    """Write a file of options with one that is spoilt, as `monai.bundle run --args_file` takes it."""
    options = copy.deepcopy(OPTIONS)
    for _ in range(rng.choice([1, 1, 2])):
        options, what = mutate_tree(rng, options)
        if not isinstance(options, dict):
            options = {rng.choice(["overlap", "scale", *TEXTS[:4]]): options}
    path = folder / "args.json"
    path.write_text(json.dumps({"config_file": str(CONFIGS / "inference.json"), **options}))

    def check():
        with told("--"):
            check_overrides(["monai.bundle", "run", "--args_file", str(path)])
        taken = json.loads(path.read_text())
        for name, low, high in (
            ("overlap", 0, 0.99),
            ("threshold", 0, 1),
            ("batch_size", 1, math.inf),
        ):
            value = taken.get(name, low)
            if isinstance(value, int | float) and not low <= value <= high:
                raise Finding("an option out of range was taken", f"{name} {value}")

    return Case(what, check)


def overlay(rng, folder):
    """Write an overlay whose ids are mistyped, or whose values are spoilt."""
    config, path = CONFIGS / "inference.json", folder / "mine.json"
    content, mistyped = copy.deepcopy(OVERLAY), None
    if rng.random() < 0.5:
        name = rng.choice([*content])
        at = rng.randrange(len(name.split("#")[0]))
        mistyped = name[:at] + rng.choice(["", name[at] * 2, name[at].upper(), "_", "\x1b", "é"]) + name[at + 1 :]
        content[mistyped], what = content.pop(name), f"{mistyped!r} for {name}"
    else:
        content, what = mutate_tree(rng, content)
    path.write_text(json.dumps(content))

    def check():
        try:
            dict(ConfigParser.load_config_files([str(config), str(path)]))  # an empty id replaces the whole config
        except Exception as error:  # MONAI reads them first, and nothing of the bundle is run
            raise Refused("by MONAI") from error
        with told(path):
            check_overrides(["monai.bundle", "run", "--config_file", str([str(config), str(path)])])
        if mistyped not in (None, *OVERLAY) and not mistyped.startswith("_"):
            raise Finding("a mistyped id was taken", repr(mistyped))

    return Case(what, check)
