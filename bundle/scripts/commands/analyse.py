"""The command `analyse`: vessels of segmentations as branches with lengths and radii."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from scripts.core import SEGMENTATION, check_all, check_writable, refuse, refuse_failures, write_text, write_whole
from scripts.data import check_pair, find_volumes, volume_name
from scripts.io import (
    VolumeInfo,
    in_unit,
    is_volume,
    read_volume,
    result_name,
    split_name,
    write_swc,
    write_volume,
    write_vtp,
)
from scripts.morphometry import BRANCH_COLUMNS, NODE_COLUMNS, VesselNetwork, compare, measure
from scripts.report import vessel_or_not

logger = logging.getLogger(__name__)

VOXEL = "voxel"
COHORT = "cohort.csv"


def analyse(
    segmentation: str | Path,
    output_dir: str | Path,
    truth: str | Path | None = None,
    channel: int | str | None = None,
    level: int = 0,
    unlabelled_value: float | None = None,
) -> None:
    """Measure the vessels of a segmentation: lengths, radii, branches and the whole network.

    For each volume it writes NAME_branches.csv, NAME_nodes.csv, NAME_summary.json, the graph as NAME.graphml, NAME.swc
    and NAME.vtp, and NAME_skeleton.EXT, which holds the radius along the centre lines. For a folder, cohort.csv has a
    row for each volume. Lengths are in the file's unit, or in voxels where it states none. Vessel is what is above 0.

    Args:
        segmentation: a segmentation, or a folder of them; of a folder with NAME_seg.EXT in it, only these.
        output_dir: the folder to write into.
        truth: a label, or a folder of labels of the same names, to tell which branches were missed and invented.
        channel: which channel of files that have several.
        level: which resolution of a pyramid, 0 the finest.
        unlabelled_value: the value of labels that means "not labelled", as negative values always do.

    Raises:
        UserError: for files that cannot be read, are no segmentations, or have other voxels than their label; if a
            result cannot be written. The others of a folder are done all the same.
    """
    out, rows = Path(output_dir), []
    found = _segmentations(Path(segmentation))
    truths = {} if truth is None else _truths(Path(truth), list(found))
    check_writable(out)

    def one(name: str) -> None:
        rows.append(_analyse(name, found[name], truths.get(name), out, channel, level, unlabelled_value))

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
    return {name.removesuffix(SEGMENTATION): path for name, path in (results or found).items()}


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
) -> dict[str, Any]:
    """Measure one volume, and return its row of the cohort."""
    if truth is not None:
        check_pair(str(path), str(truth), channel=channel, level=level, label_level=0)
    info, voxels = _read(path, channel, level)
    mask = voxels > 0
    del voxels
    unit = info.unit or VOXEL
    size = [in_unit(side, info.unit) for side in info.voxel_size] if info.unit else list(info.voxel_size)
    network = measure(mask, size)
    summary = {"name": name, "unit": unit, "voxel_size": size, "shape": list(info.shape), **network.summary()}
    if truth is not None:
        label = vessel_or_not(_read(truth, None, 0)[1], unlabelled_value)
        true = measure(label > 0, size)
        summary["compared_with"] = {"file": truth.name, **compare(network, mask, true, label > 0, label >= 0)}
        write_text(out / f"{name}_true_branches.csv", _table(BRANCH_COLUMNS, true.branch_rows()))
    write_text(out / f"{name}_branches.csv", _table(BRANCH_COLUMNS, network.branch_rows()))
    write_text(out / f"{name}_nodes.csv", _table(NODE_COLUMNS, network.node_rows()))
    write_text(out / f"{name}_summary.json", json.dumps(summary, indent=1, allow_nan=False) + "\n")
    _write_graphs(out / name, network, unit)
    _write_skeleton(out / skeleton_name(path, name), info, network)
    told = "%s: %d branches, %.4g %s long together, radius %.3g %s in the mean"
    mean = summary["radius_mean"] or 0.0
    logger.info(told, name, summary["branches"], summary["length"], unit, mean, unit)
    return {key: value for key, value in summary.items() if not isinstance(value, list | dict)}


def _read(path: Path, channel: int | str | None, level: int) -> tuple[VolumeInfo, np.ndarray]:
    """Return what is known of a segmentation, and its voxels, `(X, Y, Z)`."""
    info, voxels = read_volume(path, channel, level)
    if voxels.dtype.kind == "f" and not np.array_equal(voxels, np.trunc(voxels)):
        refuse(path, "holds fractions, such as probabilities do", "give a segmentation, whose voxels are whole numbers")
    return info, voxels


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
    return f"{name}_skeleton{result_name(segmentation, '', classes=False).removeprefix(stem)}"


def _write_skeleton(path: Path, info: VolumeInfo, network: VesselNetwork) -> None:
    """Write the centre lines as a volume, the radius at each of their voxels, 0 elsewhere."""
    skeleton = np.zeros(info.shape, np.float32)  # (X, Y, Z)
    for branch in network.branches:
        at = np.clip(np.rint(branch.points / network.voxel_size).astype(int), 0, np.array(info.shape) - 1)  # (N, 3)
        skeleton[tuple(at.T)] = branch.radii
    write_volume(path, skeleton, like=info, provenance=info.provenance)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.7g}" if isinstance(value, float) else value for key, value in row.items()})
    return text.getvalue()
