"""The command `analyse`: what it writes, in the file's unit, and what it refuses."""

import csv
import json
import re

import networkx as nx
import numpy as np
import pytest

from scripts.commands.analyse import analyse, skeleton_name
from scripts.core import UserError
from scripts.io import read_graph, read_header, read_volume, write_volume
from tests.morphometry.examples import arc, tube, y

WRITTEN = ["branches.csv", "nodes.csv", "summary.json"]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def segmentation(tmp_path):
    write_volume(tmp_path / "a_seg.tif", y(4.0).astype(np.uint8), voxel_size=(2, 2, 2), unit="µm")
    return tmp_path / "a_seg.tif"


def test_what_it_writes_of_a_volume(segmentation, tmp_path):
    out = tmp_path / "out"
    analyse(segmentation, out)
    names = [f"a_{name}" for name in WRITTEN] + ["a.graphml", "a.swc", "a.vtp", "a_skeleton.tif"]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    branches, nodes = rows_of(out / "a_branches.csv"), rows_of(out / "a_nodes.csv")
    shape = ["length", "chord", "tortuosity", "radius_mean", "radius_min", "radius_max", "volume"]
    assert list(branches[0]) == ["branch", "node_from", "node_to", *shape]
    assert [row["branch"] for row in branches] == ["0", "1", "2"]
    assert sorted(row["degree"] for row in nodes) == ["1", "1", "1", "3"]
    summary = json.loads((out / "a_summary.json").read_text())
    assert (summary["unit"], summary["voxel_size"], summary["shape"]) == ("µm", [2, 2, 2], [80, 80, 80])
    assert summary["length"] == pytest.approx(180, rel=0.03)
    assert summary["length"] == pytest.approx(sum(float(row["length"]) for row in branches))
    assert summary["radius_mean"] == pytest.approx(8, abs=1)


def test_the_skeleton_holds_radii_where_the_image_has_them(segmentation, tmp_path):
    analyse(segmentation, tmp_path / "out")
    info, skeleton = read_volume(tmp_path / "out" / "a_skeleton.tif")
    source, mask = read_volume(segmentation)
    np.testing.assert_allclose(info.affine, source.affine)
    assert skeleton.dtype == np.float32
    assert (mask[skeleton > 0] > 0).all()
    assert np.median(skeleton[skeleton > 0]) == pytest.approx(8, abs=0.5)
    assert 80 < np.count_nonzero(skeleton) < 100


def test_graphs_open_in_what_reads_them(segmentation, tmp_path):
    analyse(segmentation, tmp_path / "out")
    graph = nx.read_graphml(tmp_path / "out" / "a.graphml", node_type=int)
    assert graph.number_of_edges() == 3
    assert not list(nx.isolates(graph))
    assert {"X", "Y", "Z", "radius"} == set(graph.nodes[0])
    assert {"radius_avg", "length", "tortuosity", "volume"} <= set(next(iter(graph.edges(data=True)))[2])
    length = sum(float(row["length"]) for row in rows_of(tmp_path / "out" / "a_branches.csv"))
    for name in ("a.swc", "a.vtp"):
        read = read_graph(tmp_path / "out" / name)
        steps = np.linalg.norm(np.diff(read.points[read.edges], axis=1), axis=2)
        assert steps.sum() == pytest.approx(length, rel=1e-4)


def test_without_a_voxel_size_lengths_are_in_voxels(tmp_path):
    np.save(tmp_path / "a.npy", y(4.0))
    analyse(tmp_path / "a.npy", tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "a_summary.json").read_text())
    assert (summary["unit"], summary["voxel_size"]) == ("voxel", [1, 1, 1])
    assert summary["length"] == pytest.approx(90, rel=0.03)


def test_of_a_folder_each_has_a_row(segmentation, tmp_path):
    write_volume(tmp_path / "b_seg.nii.gz", y(3.0).astype(np.uint8), voxel_size=(1, 1, 1), unit="mm")
    write_volume(tmp_path / "b.nii.gz", y(3.0).astype(np.uint8), voxel_size=(1, 1, 1), unit="mm")  # the image
    analyse(tmp_path, tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "cohort.csv")
    assert [(row["name"], row["unit"], row["branches"]) for row in rows] == [("a", "µm", "3"), ("b", "mm", "3")]
    assert (tmp_path / "out" / "b_skeleton.nii.gz").is_file()


def test_in_a_folder_an_empty_one_has_a_row_too(segmentation, tmp_path):
    write_volume(tmp_path / "A_seg.tif", np.zeros((20, 20, 20), np.uint8), voxel_size=(2, 2, 2), unit="µm")
    analyse(tmp_path, tmp_path / "out")
    rows = rows_of(tmp_path / "out" / "cohort.csv")
    assert [(row["name"], row["branches"], row["radius_mean"] == "") for row in rows] == [
        ("A", "0", True),
        ("a", "3", False),
    ]


def test_what_it_wrote_is_not_measured_again(tmp_path):
    np.save(tmp_path / "a.npy", y(4.0))
    analyse(tmp_path, tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    analyse(tmp_path, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_labels_tell_what_was_missed(segmentation, tmp_path):
    (tmp_path / "labels").mkdir()
    more = y(4.0) | tube([(5, 5, 70), (75, 5, 70)], 3, (80, 80, 80))
    write_volume(tmp_path / "labels" / "a.tif", more.astype(np.uint8), voxel_size=(2, 2, 2), unit="µm")
    analyse(segmentation, tmp_path / "out", truth=tmp_path / "labels")
    told = json.loads((tmp_path / "out" / "a_summary.json").read_text())["compared_with"]
    missed = {
        int(row["branch"]): float(row["length"]) for row in rows_of(tmp_path / "out" / "truth" / "a_branches.csv")
    }
    assert told["file"] == "a.tif"
    assert [missed[number] for number in told["missed"]] == [pytest.approx(140, rel=0.03)]
    assert told["invented"] == []
    assert told["length_error"] == pytest.approx(140 / 320, abs=0.02)


def test_what_a_label_leaves_open_is_not_invented(segmentation, tmp_path):
    label = y(4.0).astype(np.uint8)
    label[label > 0] = 7
    write_volume(tmp_path / "a_label.tif", label, voxel_size=(2, 2, 2), unit="µm")
    counts = {}
    for value in (None, 7):
        analyse(segmentation, tmp_path / "out", truth=tmp_path / "a_label.tif", unlabelled_value=value)
        told = json.loads((tmp_path / "out" / "a_summary.json").read_text())["compared_with"]
        counts[value] = (len(told["missed"]), len(told["invented"]), told["length_error"])
    assert counts == {None: (0, 0, 0), 7: (0, 0, None)}


@pytest.fixture
def arteries_and_veins(tmp_path):
    """An artery, value 1, of 70 voxels along X, and a vein, value 2, of 40, that touch."""
    voxels = np.zeros((80, 40, 24), np.uint8)
    voxels[5:75, 10:15, 10:15], voxels[5:45, 15:20, 10:15] = 1, 2
    write_volume(tmp_path / "a_seg.tif", voxels, voxel_size=(2, 2, 2), unit="µm")
    return tmp_path / "a_seg.tif"


@pytest.mark.parametrize(("value", "length"), [(1, 140), (2, 80)])
def test_one_class_of_several_is_measured_alone(arteries_and_veins, tmp_path, caplog, value, length):
    analyse(arteries_and_veins, tmp_path / "out", class_value=value)
    [row] = rows_of(tmp_path / "out" / "a_branches.csv")
    assert float(row["length"]) == pytest.approx(length, abs=1)
    assert float(row["radius_mean"]) == pytest.approx(5.6, abs=0.5)  # of 5 voxels of 2 µm, and a little for the corners
    assert json.loads((tmp_path / "out" / "a_summary.json").read_text())["class_value"] == value
    assert "holds" not in caplog.text


def test_several_classes_are_one_network_and_a_line_says_so(arteries_and_veins, tmp_path, caplog):
    caplog.set_level("INFO")
    analyse(arteries_and_veins, tmp_path / "out")
    told = "a: holds 1, 2, measured together as one network; --class_value 1 measures one class alone"
    assert [message for message in caplog.messages if "holds" in message] == [told]
    summary = json.loads((tmp_path / "out" / "a_summary.json").read_text())
    assert "class_value" not in summary
    assert summary["vessel_volume"] == 8 * 25 * (70 + 40)


def test_a_class_that_is_not_there_is_told(arteries_and_veins, tmp_path, caplog):
    analyse(arteries_and_veins, tmp_path / "out", class_value=255)
    assert caplog.messages[0] == "a: no voxel has --class_value 255; above 0 it holds 1, 2"
    assert rows_of(tmp_path / "out" / "a_branches.csv") == []


@pytest.mark.parametrize("value", ["vein", 0, 1.5, True])
def test_a_class_is_a_whole_number_above_0(arteries_and_veins, tmp_path, value):
    with pytest.raises(UserError, match=f"^--class_value {value}: is no whole number above 0; give the value"):
        analyse(arteries_and_veins, tmp_path / "out", class_value=value)


def test_a_class_is_compared_with_its_own_label(arteries_and_veins, tmp_path):
    """The label has the artery and half of the vein."""
    _, label = read_volume(arteries_and_veins)
    label[25:45, 15:20][label[25:45, 15:20] == 2] = 0
    write_volume(tmp_path / "label.tif", label, voxel_size=(2, 2, 2), unit="µm")
    for value, error in ((1, 0), (2, 1)):
        analyse(arteries_and_veins, tmp_path / "out", truth=tmp_path / "label.tif", class_value=value)
        told = json.loads((tmp_path / "out" / "a_summary.json").read_text())["compared_with"]
        assert told["length_error"] == pytest.approx(error, abs=0.05)


def test_a_loop_has_an_empty_tortuosity(tmp_path):
    ring = tube(arc(20, np.linspace(0, 2 * np.pi, 90), (30, 30, 12)), 3, (60, 60, 25))
    np.save(tmp_path / "a.npy", ring)
    analyse(tmp_path / "a.npy", tmp_path / "out")
    [row] = rows_of(tmp_path / "out" / "a_branches.csv")
    assert row["tortuosity"] == ""
    assert json.loads((tmp_path / "out" / "a_summary.json").read_text())["loops"] == 1


def test_an_empty_segmentation_has_tables_without_rows(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((20, 20, 20), np.uint8))
    analyse(tmp_path / "a.npy", tmp_path / "out")
    assert rows_of(tmp_path / "out" / "a_branches.csv") == []
    assert not read_volume(tmp_path / "out" / "a_skeleton.npy")[1].any()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (
            lambda folder: np.save(folder / "a.npy", np.full((9, 9, 9), 0.3)),
            "holds fractions, such as probabilities do",
        ),
        (lambda folder: (folder / "a.npy").write_bytes(b"no volume"), "a.npy: "),
        (lambda folder: None, "no such file or folder; check the path"),
    ],
    ids=["probabilities", "damaged", "missing"],
)
def test_what_is_no_segmentation_is_refused(make, why, tmp_path):
    make(tmp_path)
    with pytest.raises(UserError, match=re.escape(why)):
        analyse(tmp_path / "a.npy", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_one_that_fails_does_not_stop_the_others(segmentation, tmp_path):
    np.save(tmp_path / "c_seg.npy", np.full((9, 9, 9), 0.3))
    with pytest.raises(UserError, match=r"c_seg\.npy: holds fractions"):
        analyse(tmp_path, tmp_path / "out")
    assert [row["name"] for row in rows_of(tmp_path / "out" / "cohort.csv")] == ["a"]


@pytest.mark.parametrize("truth", ["nowhere", "empty.npy"])
def test_a_label_that_is_missing_or_other_is_refused(segmentation, tmp_path, truth):
    np.save(tmp_path / "empty.npy", np.zeros((5, 5, 5)))
    with pytest.raises(UserError):
        analyse(segmentation, tmp_path / "out", truth=tmp_path / truth)


def test_names(tmp_path):
    assert skeleton_name(tmp_path / "a_seg.ome.tif", "a") == "a_skeleton.ome.tif"
    assert skeleton_name(tmp_path / "a.nhdr", "a") == "a_skeleton.nrrd"
    write_volume(tmp_path / "a_seg.ome.zarr", y(4.0).astype(np.uint8), voxel_size=(1, 1, 1), unit="µm")
    analyse(tmp_path / "a_seg.ome.zarr", tmp_path / "out")
    assert read_header(tmp_path / "out" / "a_skeleton.ome.zarr").unit == "µm"


def test_a_large_one_is_read_by_boxes_and_measured_the_same(segmentation, tmp_path, monkeypatch):
    analyse(segmentation, tmp_path / "once", truth=segmentation)
    monkeypatch.setattr("scripts.commands.analyse.MAX_HELD", 0)
    analyse(segmentation, tmp_path / "boxes", truth=segmentation)
    for name in (*(f"a_{each}" for each in WRITTEN), "a_skeleton.tif", "a.swc"):
        assert (tmp_path / "boxes" / name).read_bytes() == (tmp_path / "once" / name).read_bytes()
