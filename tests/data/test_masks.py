"""Masks to cut vessels from: volumes and graphs in one folder, and what is neither."""

import os
from pathlib import Path

import numpy as np
import pytest

from scripts.data import masks, read_masks
from scripts.data.masks import GRAPH_RADIUS, mask_of_graph
from scripts.io import VesselGraph, write_volume

FORK = "# a fork\n1 2 0 0 0 4 -1\n2 2 100 0 0 4 1\n3 2 180 60 0 2 2\n4 2 180 -60 0 2 2\n"


def test_masks_are_read_from_a_folder(tmp_path):
    assert read_masks(None) == {}
    voxels = np.pad(np.full((4, 5, 6), 255, np.float32), 1)
    write_volume(tmp_path / "a.tif", voxels)
    ((name, mask),) = read_masks(tmp_path).items()
    assert name.startswith("a.tif ")
    assert mask.shape == (6, 7, 8)
    assert mask.sum() == 120


def test_useless_folders_of_masks_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no volume"):
        read_masks(tmp_path)
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(FileNotFoundError, match="is not a folder; give --masks_dir"):
            read_masks(path)


@pytest.mark.parametrize(
    ("voxels", "stated", "words"),
    [
        (np.zeros((4, 5, 6)), {}, "0% of it is vessel"),
        (np.ones((4, 5, 6)), {}, "100% of it is vessel"),
        (np.arange(120).reshape(4, 5, 6), {}, "is an image and no vessel mask"),
        (np.arange(120).reshape(4, 5, 6) % 3 - 1.0, {}, "holds negative values, which mean not labelled"),
        (np.eye(8)[..., None] * np.ones(8), {"voxel_size": (1, 1, 3), "unit": "µm"}, "3 times as long as wide"),
    ],
)
def test_volumes_that_are_no_masks_are_refused(tmp_path, voxels, stated, words):
    write_volume(tmp_path / "b.tif", voxels.astype(np.float32), **stated)
    with pytest.raises(ValueError, match=rf"b\.tif.* {words}"):
        read_masks(tmp_path)


def test_a_pipe_among_the_masks_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(OSError, match="pipe, socket or device"):
        read_masks(tmp_path)


def graph(points, edges, radii):
    return VesselGraph(np.array(points, float), np.array(edges), np.array(radii, float))


def test_a_straight_vessel_is_drawn_at_a_radius_fit_to_be_resized():
    mask = mask_of_graph(graph([[0, 0, 0], [0, 400, 0]], [[0, 1]], [[10, 10]]), Path("a.swc"))
    assert mask.dtype == bool
    # scaled by 2.5 / 10: 100 voxels long, with round ends; 16 voxels lie within 2.5 of a corner of four
    assert GRAPH_RADIUS == 2.5
    assert (mask[:, 3:100].sum((0, 2)) == 16).all()
    assert mask.shape[1] > 100 > 3 * mask.shape[0]


def test_a_vessel_tapers_from_one_end_to_the_other():
    mask = mask_of_graph(graph([[0, 0, 0], [40, 0, 0]], [[0, 1]], [[4, 1]]), Path("a.swc"))
    widths = mask.sum((1, 2))
    assert widths[8] > 4 * widths[-8] > 0


def test_the_median_goes_by_length_and_not_by_number():
    short = [([0, 0, i], [0, 0, i + 1]) for i in range(5)]
    points = [point for pair in [([0, 0, 0], [200, 0, 0]), *short] for point in pair]
    edges = np.arange(12).reshape(6, 2)
    mask = mask_of_graph(graph(points, edges, [[5, 5]] + [[1, 1]] * 5), Path("a.swc"))
    assert mask.shape[0] == pytest.approx(0.5 * 210 + 1, abs=1)  # 5 becomes 2.5


def test_a_graph_that_is_too_large_is_drawn_smaller_or_refused(monkeypatch):
    long = graph([[0, 0, 0], [1000, 1000, 1000]], [[0, 1]], [[5, 5]])
    monkeypatch.setattr(masks, "MAX_DRAWN", 500**3)
    whole = mask_of_graph(long, Path("a.swc"))
    monkeypatch.setattr(masks, "MAX_DRAWN", 300**3)
    assert max(mask_of_graph(long, Path("a.swc")).shape) < 305 < max(whole.shape)
    monkeypatch.setattr(masks, "MAX_DRAWN", 100**3)
    with pytest.raises(ValueError, match=r"^a\.swc: its vessels are too thin beside the whole of it"):
        mask_of_graph(long, Path("a.swc"))


def test_graphs_and_volumes_stand_in_one_folder(tmp_path, caplog):
    (tmp_path / "fork.swc").write_text(FORK)
    (tmp_path / "mesh_nodes.csv").write_text("id;pos_x;pos_y;pos_z\n0;0;0;0\n1;30;0;0\n")
    (tmp_path / "mesh_edges.csv").write_text("id;node1id;node2id;avgRadiusAvg\n0;0;1;2\n")
    drawn = read_masks(tmp_path)
    assert [name.split()[0] for name in drawn] == ["fork.swc", "mesh_edges.csv"]
    write_volume(tmp_path / "a.tif", np.pad(np.ones((4, 5, 6), np.float32), 1))
    together = read_masks(tmp_path)
    assert set(together) > set(drawn)
    assert len(together) == 3
    assert "ignored" not in caplog.text
    (tmp_path / "b.swc").write_text("nothing")
    with pytest.raises(ValueError, match=r"b\.swc: cannot be read as a graph"):
        read_masks(tmp_path)


def test_a_stray_text_stops_no_graph_and_nodes_alone_are_refused(tmp_path, caplog):
    (tmp_path / "fork.swc").write_text(FORK)
    (tmp_path / "README.txt").write_text("where they are from")
    (tmp_path / ".DS_Store").write_text("")
    assert len(read_masks(tmp_path)) == 1
    assert "neither masks nor graphs: README.txt" in caplog.text
    (tmp_path / "a_nodes.csv").write_text("id,x,y,z\n0,0,0,0\n")
    with pytest.raises(ValueError, match=r"a_nodes\.csv: its edges are missing, a_edges\.csv"):
        read_masks(tmp_path)


def test_other_nodes_are_another_graph(tmp_path):
    (tmp_path / "a_edges.csv").write_text("source,target,radius\n0,1,2\n")
    names = []
    for end in ("30,0,0", "30,30,0"):
        (tmp_path / "a_nodes.csv").write_text(f"id,x,y,z\n0,0,0,0\n1,{end}\n")
        names += read_masks(tmp_path)
    assert names[0] != names[1]
