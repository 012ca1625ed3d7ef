"""What is noted beside voxels, and files that hold nothing of the kind."""

import json

import numpy as np

from scripts.io import BlockArray, finish_zarr, notes_of, read_header, read_volume, write_volume

NOTES = {"shape": [5, 4, 3], "dtype": "int16", "counts": {"1": 7}}


def noted(tmp_path, notes):
    array = BlockArray.create(tmp_path / "array", (5, 4, 3), np.int16, (2, 2, 2))
    array.write(((0, 5), (0, 4), (0, 3)), np.arange(-30, 30, dtype=np.int16).reshape(5, 4, 3))
    return finish_zarr(array, tmp_path / "a.zarr", intensity_range=(-100, 200), notes=notes)


def test_notes_are_read_as_they_were_written(tmp_path):
    info, voxels = read_volume(noted(tmp_path, NOTES))
    assert notes_of(info) == NOTES
    assert info.intensity_range == (-100, 200)
    assert voxels.dtype == np.int16
    assert voxels.min() == -30


def test_notes_of_another_resolution_do_not_count(tmp_path):
    assert notes_of(read_header(noted(tmp_path, {**NOTES, "shape": [9, 9, 9]}))) == {}


def test_other_files_have_none(tmp_path):
    assert notes_of(read_header(write_volume(tmp_path / "a.tif", np.zeros((3, 4, 5), np.uint8)))) == {}
    info = read_header(noted(tmp_path, None))
    assert notes_of(info) == {}
    group = info.path / "zarr.json"
    strange = json.loads(group.read_text()) | {"attributes": {"tubenet": ["notes"]}}
    group.write_text(json.dumps(strange))
    assert notes_of(info) == {}
    group.write_text("{")
    assert notes_of(info) == {}
