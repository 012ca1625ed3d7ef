"""The command `analyse`: vessels of segmentations as branches with lengths and radii."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scripts.core import (
    SEGMENTATION,
    SPREAD,
    Box,
    check_all,
    check_writable,
    refuse,
    refuse_failures,
    write_text,
    write_whole,
)
from scripts.core.conventions import PROBABILITY, SKELETON
from scripts.data import check_pair, find_volumes, volume_name
from scripts.io import (
    Volume,
    VolumeInfo,
    in_unit,
    is_volume,
    open_volume,
    result_name,
    split_name,
    write_streamed,
    write_swc,
    write_vtp,
)
from scripts.morphometry import BRANCH_COLUMNS, NODE_COLUMNS, VesselMask, VesselNetwork, compare, measure
from scripts.report import vessel_or_not

logger = logging.getLogger(__name__)

VOXEL = "voxel"
COHORT = "cohort.csv"
NOT_IN_COHORT = "voxel_size", "shape", "radius_percentiles", "branch_length_percentiles", "compared_with"
TRUTH = "truth"  # folder of the tables of labels
MAX_NAMED = 5  # values of a segmentation that are told
MAX_HELD = 2**28  # voxels of a segmentation that is read once; larger ones are read by boxes, time and again


def analyse(
    segmentation: str | Path,
    output_dir: str | Path,
    truth: str | Path | None = None,
    channel: int | str | None = None,
    level: int = 0,
    unlabelled_value: float | None = None,
    class_value: int | None = None,
) -> None:
    """Measure the vessels of a segmentation: lengths, radii, branches and the whole network.

    For each volume it writes NAME_branches.csv, NAME_nodes.csv, NAME_summary.json, the graph as NAME.graphml, NAME.swc
    and NAME.vtp, and NAME_skeleton.EXT, which holds the radius along the centre lines. For a folder, cohort.csv has a
    row for each volume. Lengths are in the file's unit, or in voxels where it states none. Vessel is what is above 0,
    whichever class it is, unless --class_value picks one.

    Args:
        segmentation: a segmentation, or a folder of them; of a folder with NAME_seg.EXT in it, only these.
        output_dir: the folder to write into.
        truth: a label, or a folder of labels of the same names, to tell which branches were missed and invented.
        channel: which channel of files that have several.
        level: which resolution of a pyramid, 0 the finest.
        unlabelled_value: the value of labels that means "not labelled", as negative values always do.
        class_value: which value is vessel, where arteries have another than veins, say; by default all above 0 are, as
            one network. Of labels it is the same value.

    Raises:
        UserError: for a class that is no whole number above 0; for files that cannot be read, are no segmentations, or
            have other voxels than their label; if a result cannot be written. The others of a folder are done all the
            same.
    """
    if class_value is not None and (type(class_value) is not int or class_value < 1):
        refuse(f"--class_value {class_value}", "is no whole number above 0", "give the value of one class, such as 1")
    out, rows = Path(output_dir), []
    found = _segmentations(Path(segmentation))
    truths = {} if truth is None else _truths(Path(truth), list(found))
    check_writable(out)

    def one(name: str) -> None:
        rows.append(_analyse(name, found[name], truths.get(name), out, channel, level, unlabelled_value, class_value))

    try:
        check_all(one, list(found))  # one that fails does not stop the others
    finally:
        if rows and not is_volume(segmentation):
            write_text(out / COHORT, _table(list(rows[0]), rows))


def _segmentations(source: Path) -> dict[str, Path]:
    """Return the segmentations by the names of their images."""
    if not source.exists():
        refuse(source, "no such file or folder", "check the path", FileNotFoundError)
    found = {volume_name(source): source} if is_volume(source) else find_volumes(source)
    results = {name: path for name, path in found.items() if name.endswith(SEGMENTATION)}
    others = {name: path for name, path in found.items() if not name.endswith((PROBABILITY, SPREAD, SKELETON))}
    return {name.removesuffix(SEGMENTATION): path for name, path in (results or others or found).items()}


def _truths(source: Path, names: Sequence[str]) -> dict[str, Path]:
    """Return the label of each segmentation."""
    if not source.exists():
        refuse(source, "no such file or folder", "check --truth", FileNotFoundError)
    if is_volume(source):
        if len(names) > 1:
            refuse(source, f"is one label, and there are {len(names)} segmentations", "name the folder of their labels")
        return {names[0]: source}
    labels = find_volumes(source)
    for name in names:
        if name not in labels:
            refuse(source / name, "no such label", "put it there, or leave out --truth", FileNotFoundError)
    return labels


def _analyse(
    name: str,
    path: Path,
    truth: Path | None,
    out: Path,
    channel: int | str | None,
    level: int,
    unlabelled_value: float | None,
    class_value: int | None,
) -> dict[str, Any]:
    """Measure one volume, and return its row of the cohort."""
    if truth is not None:
        check_pair(str(path), str(truth), channel=channel, level=level, label_level=0)
    with open_volume(path, channel, level) as volume:
        info = volume.info
        unit = info.unit or VOXEL
        size = [in_unit(side, info.unit) for side in info.voxel_size] if info.unit else list(info.voxel_size)
        values: set[float] = set()
        mask = _mask(volume, size, partial(_of_class, class_value=class_value, values=values))
        network = measure(mask)
        _tell_values(name, values, class_value)
        about = {"name": name, "unit": unit, "voxel_size": size, "shape": list(info.shape)}
        chosen = {} if class_value is None else {"class_value": class_value}
        summary = {**about, **chosen, **network.summary()}
        if truth is not None:
            with open_volume(truth) as label:
                true_mask, labelled = (
                    _mask(label, size, partial(_is, unlabelled_value, class_value, least)) for least in (1, 0)
                )
                true = measure(true_mask)
                told = compare(network, mask, true, true_mask, labelled)
            summary["compared_with"] = {"file": truth.name, **told}
            write_text(out / TRUTH / f"{name}_branches.csv", _table(BRANCH_COLUMNS, true.branch_rows()))
    write_text(out / f"{name}_branches.csv", _table(BRANCH_COLUMNS, network.branch_rows()))
    write_text(out / f"{name}_nodes.csv", _table(NODE_COLUMNS, network.node_rows()))
    write_text(out / f"{name}_summary.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    _write_graphs(out / name, network, unit)
    _write_skeleton(out / skeleton_name(path, name), info, network, mask)
    told = "%s: %d branches, %.4g %s long together, radius %.3g %s in the mean"
    mean = summary["radius_mean"] or 0.0
    logger.info(told, name, summary["branches"], summary["length"], unit, mean, unit)
    return {key: value for key, value in summary.items() if key not in NOT_IN_COHORT}


def _mask(volume: Volume, voxel_size: Sequence[float], is_meant: Callable[[np.ndarray], np.ndarray]) -> VesselMask:
    """Return where the voxels of a volume are what is meant; a small one is read once."""
    path, shape = volume.info.path, volume.info.shape

    def read(box: Box) -> np.ndarray:
        voxels = volume.read(box)
        if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.trunc(voxels)):
            remedy = "give a segmentation, whose voxels are whole numbers"
            refuse(path, "holds fractions, such as probabilities do", remedy)
        return is_meant(voxels)

    if np.prod(shape) <= MAX_HELD:
        return VesselMask.of(read(tuple((0, side) for side in shape)), voxel_size)
    x, y, z = voxel_size
    return VesselMask(read, shape, (x, y, z), volume.chunks)


def _of_class(voxels: np.ndarray, class_value: int | None, values: set[float]) -> np.ndarray:
    """Return where voxels are vessel, and add the values of all that are above 0."""
    vessel = voxels > 0
    values.update(np.unique(voxels[vessel]).tolist())
    return vessel if class_value is None else voxels == class_value


def _tell_values(name: str, values: set[float], class_value: int | None) -> None:
    """Log that a segmentation has several classes, or not the one that was asked for."""
    known = [f"{value:g}" for value in sorted(values)]
    listed = ", ".join(known[:MAX_NAMED]) + (f" and {len(known) - MAX_NAMED} more" if len(known) > MAX_NAMED else "")
    if class_value is not None and class_value not in values:
        logger.warning("%s: no voxel has --class_value %d; above 0 it holds %s", name, class_value, listed or "nothing")
    elif class_value is None and len(known) > 1:
        told = "%s: holds %s, measured together as one network; --class_value %s measures one class alone"
        logger.info(told, name, listed, known[0])


def _is(unlabelled_value: float | None, class_value: int | None, least: int, label: np.ndarray) -> np.ndarray:
    """Return where a label is vessel (`least` 1), or labelled at all (0)."""
    found = vessel_or_not(label, unlabelled_value) >= least
    return found if class_value is None or not least else found & (label == class_value)


def _write_graphs(start: Path, network: VesselNetwork, unit: str) -> None:
    points, radii, lines = network.lines()
    rows = network.branch_rows()
    values = {column: [np.nan if row[column] is None else row[column] for row in rows] for column in BRANCH_COLUMNS}
    about = f"vessels of {start.name}; lengths in {unit}, from the middle of the first voxel"
    left_out = write_swc(start.with_name(f"{start.name}.swc"), points, radii, lines, about)
    if left_out:
        logger.info("%s.swc: has no loops, so %d are cut open in it", start.name, left_out)
    write_vtp(start.with_name(f"{start.name}.vtp"), points, radii, lines, values)
    graph = nx.MultiGraph(unit=unit)
    for row in network.node_rows():
        # the names that VesselVio looks for by itself
        place = {axis.upper(): row[axis] for axis in "xyz"}
        graph.add_node(row["node"], **place, radius=row["radius"])
    for row in rows:
        shape = {column: row[column] for column in ("branch", "length", "chord", "volume")}
        told = {"radius_avg": row["radius_mean"], "radius_min": row["radius_min"], "radius_max": row["radius_max"]}
        tortuosity = float("nan") if row["tortuosity"] is None else row["tortuosity"]
        graph.add_edge(row["node_from"], row["node_to"], **shape, **told, tortuosity=tortuosity)
    path = start.with_name(f"{start.name}.graphml")
    with refuse_failures(path, "cannot be written", "make room, or choose another folder"):
        write_whole(path, lambda temporary: nx.write_graphml(graph, temporary))


def skeleton_name(segmentation: Path, name: str) -> str:
    """Return `NAME_skeleton.EXT` of a segmentation, EXT as for its other results."""
    stem, _ = split_name(segmentation)
    return f"{name}{SKELETON}{result_name(segmentation, '', classes=False).removeprefix(stem)}"


def _write_skeleton(path: Path, info: VolumeInfo, network: VesselNetwork, mask: VesselMask) -> None:
    """Write the centre lines as a volume, the radius at each of their voxels, 0 elsewhere."""
    points, radii, _ = network.lines()
    voxels = mask.voxels(points)

    def read(box: Box) -> np.ndarray:
        skeleton = np.zeros([stop - start for start, stop in box], np.float32)  # (x, y, z)
        lower, upper = np.transpose(box)
        inside = ((voxels >= lower) & (voxels < upper)).all(axis=1)
        skeleton[tuple((voxels[inside] - lower).T)] = radii[inside]
        return skeleton

    write_streamed(path, read, info.shape, np.float32, like=info, provenance=info.provenance)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.7g}" if isinstance(value, float) else value for key, value in row.items()})
    return text.getvalue()
