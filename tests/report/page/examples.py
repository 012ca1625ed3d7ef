"""A folder of results of two volumes, `good` and `bad`: a Y of three branches, segmented well and badly."""

import csv
import json

import numpy as np

from scripts.io import write_volume
from scripts.metrics import curves_of
from scripts.report.curves import write_curves
from tests.helpers.counts_examples import counts, noisy

SHAPE = (40, 36, 15)
GEOMETRY = {"voxel_size": (1.0, 1.0, 2.0), "unit": "µm"}
STEM, LEFT = [(20, y, 7) for y in range(18)], [(20 - n, 18 + n, 7) for n in range(15)]
RIGHT = [(20 + n, 18 + n, 7) for n in range(1, 15)]
RADII = {"stem": 3.0, "left": 2.0, "right": 1.0}
COLUMNS = [
    "branch",
    "node_from",
    "node_to",
    "length",
    "chord",
    "tortuosity",
    "radius_mean",
    "radius_min",
    "radius_max",
    "volume",
]
BRANCHES = [
    (0, 0, 1, 17.0, 17.0, 1.0, 3.0, 3.0, 3.0, 480.7),
    (1, 1, 2, 19.8, 19.8, 1.0, 2.0, 2.0, 2.0, 248.8),
    (2, 1, 3, 19.8, 19.8, 1.0, 1.0, 1.0, 1.0, 62.2),
]
SUMMARY = {"unit": "µm", "vessel_fraction": 0.04, "length_density": 0.0026, "branches": 3, "nodes": 4, "loops": 0}
SUMMARY |= {"components": 1, "radius_mean": 2.0}


def skeleton():
    """The Y, `(X, Y, Z)` float32: the radius on it, 0 elsewhere."""
    volume = np.zeros(SHAPE, np.float32)
    for places, radius in zip((STEM, LEFT, RIGHT), RADII.values(), strict=True):
        volume[tuple(np.transpose(places))] = radius
    return volume


def vessels():
    """What lies within the radius of the Y, in voxels, `(X, Y, Z)` uint8."""
    grid = np.stack(np.indices(SHAPE), axis=-1)
    volume = np.zeros(SHAPE, np.uint8)
    for places, radius in zip((STEM, LEFT, RIGHT), RADII.values(), strict=True):
        for place in places:
            volume |= (((grid - place) ** 2).sum(axis=-1) <= radius**2).astype(np.uint8)
    return volume


def write_results(folder, names=("good", "bad"), suffix=".tif"):
    """Write `dataset/` and `out/`; of `bad`, what is found lies four voxels beside the truth."""
    dataset, out, truth = folder / "dataset", folder / "out", vessels()
    random = np.random.default_rng(0)
    curves, metrics = {}, {"cases": {}, "mean": {}, "threshold": 0.5}
    for number, name in enumerate(names):
        found = truth if number == 0 else np.roll(truth, 4, axis=0)
        image = (100 * truth + random.integers(0, 60, SHAPE)).astype(np.uint8)
        write_volume(dataset / "images" / f"{name}{suffix}", image, **GEOMETRY)
        write_volume(dataset / "labels" / f"{name}{suffix}", truth, **GEOMETRY)
        write_volume(out / f"{name}_seg{suffix}", found, **GEOMETRY)
        write_volume(out / f"{name}_prob{suffix}", (0.1 + 0.8 * found).astype(np.float32), **GEOMETRY)
        curves[name] = curves_of(counts(*noisy(number, 5000, 2 - number)))
        dice = 2 * float((found * truth).sum()) / float(found.sum() + truth.sum())
        metrics["cases"][name] = {"dice": dice, "recall": None if number else 1.0}
    metrics["mean"] = {"dice": 0.5, "recall": 1.0}
    write_curves(out, curves, 0.5)
    (out / "metrics.json").write_text(json.dumps(metrics))
    add_branches(out, names[0], suffix)
    return dataset, out


def add_branches(out, name, suffix=".tif"):
    """Write what `analyse` writes of the Y."""
    write_volume(out / f"{name}_skeleton{suffix}", skeleton(), **GEOMETRY)
    with (out / f"{name}_branches.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *BRANCHES])
    (out / f"{name}_summary.json").write_text(json.dumps(SUMMARY))


def paths_in(dataset, names=("good", "bad"), suffix=".tif"):
    """The images and the labels of a dataset by name."""
    return ({name: dataset / kind / f"{name}{suffix}" for name in names} for kind in ("images", "labels"))
