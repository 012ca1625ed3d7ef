import json

import numpy as np

from scripts.commands.analyse import analyse
from scripts.io import write_volume
from scripts.report.page.summary import summary_rows


def test_numbers_have_their_unit():
    summary = {"name": "a", "unit": "µm", "voxel_size": [1.0, 1.0, 5.0], "length": 12.0, "length_density": 0.25}
    summary |= {
        "branches": 3,
        "vessel_volume": 8.0,
        "radius_mean": None,
        "radius_percentiles": {"5": 1.0, "50": 2.5, "95": 4321.6},
    }
    assert summary_rows(summary, "µm") == [
        ("voxel size", "1 × 1 × 5 µm"),
        ("length", "12 µm"),
        ("length density", "0.25 per µm²"),
        ("branches", "3"),
        ("vessel volume", "8 µm³"),
        ("radius mean", "none"),
        ("radius, middle 90\u00a0%", "1 to 4 322 µm"),
        ("radius, median", "2.5 µm"),
    ]


def test_voxels_are_volumes_themselves():
    summary = {"vessel_volume": 8.0, "length_density": 0.25, "length": 12345.6}
    assert [told for _, told in summary_rows(summary, "voxels")] == [
        "8 voxels", "0.25 per voxel²", "12\u202f346 voxels",
    ]  # fmt: skip


def test_what_is_missed_is_counted_and_told_by_radius():
    classes = [
        {"up_to": 1.5, "true": 20.0, "missed": 5.0, "found": 18.0, "invented": 3.0},
        {"up_to": None, "true": 0.0, "missed": 0.0, "found": 0.0, "invented": 0.0},
    ]
    compared = {"file": "a.tif", "length_error": 0.1, "missed": [4, 7], "invented": [], "by_radius": classes}
    assert summary_rows({"compared_with": compared}, "voxels") == [
        ("compared with", "a.tif"),
        ("length error", "10 %"),
        ("branches missed", "2"),
        ("branches invented", "0"),
        ("radius 0 to 1.5 voxels", "missed 25 %, invented 16.7 %"),
        ("radius over 1.5 voxels", "no vessels"),
    ]


def test_all_that_analyse_writes_can_be_said(tmp_path):
    tube = np.zeros((20, 9, 9), np.uint8)
    tube[:, 3:6, 3:6] = 1
    write_volume(tmp_path / "a_seg.tif", tube, voxel_size=(1.0, 1.0, 2.0), unit="µm")
    analyse(tmp_path / "a_seg.tif", tmp_path, truth=tmp_path / "a_seg.tif")
    summary = json.loads((tmp_path / "a_summary.json").read_text())
    rows = dict(summary_rows(summary, "µm"))
    assert rows["branches"] == "1"
    assert rows["length error"] == "0 %"
    assert not [value for value in rows.values() if value[0] in "[{"]
