import json

import numpy as np
import pytest

from scripts.commands.suggest.record import RECORD, SuggestedBlock, SuggestRecord
from scripts.core import UserError
from scripts.io import open_volume, read_header, write_volume

BLOCK = SuggestedBlock("a_0_0_0", ((0, 8), (0, 8), (0, 4)), 0.5, "blocks/a.tif", "blocks/a_seg.tif", "0" * 64)


@pytest.fixture
def info(tmp_path):
    return read_header(write_volume(tmp_path / "a.tif", np.zeros((8, 8, 4), np.uint8)))


def test_what_is_written_is_read_again(tmp_path, info):
    record = SuggestRecord.of(tmp_path, info, None, 0)
    record.scaling["0 100 None"] = {"low": 0.0, "high": 7.0}
    record.blocks.append(BLOCK)
    record.mark_added(BLOCK.name, None)
    record.write()
    found = SuggestRecord.of(tmp_path, info, None, 0)
    assert found == record
    assert [block.name for block in found.labelled()] == [BLOCK.name]


def test_another_volume_channel_or_an_older_state_is_refused(tmp_path, info):
    SuggestRecord.of(tmp_path, info, None, 0).write()
    with pytest.raises(UserError, match="channel None, level 0; choose another folder"):
        SuggestRecord.of(tmp_path, info, 1, 0)
    write_volume(tmp_path / "a.tif", np.ones((8, 8, 50), np.uint8))
    with pytest.raises(UserError, match="has changed since"):
        SuggestRecord.of(tmp_path, read_header(tmp_path / "a.tif"), None, 0)


@pytest.mark.parametrize("content", ["{", "[]", '{"blocks": 3}', '{"blocks": [{"box": "0:9,0:8,0:4"}]}'])
def test_a_damaged_record_is_refused_by_its_name(tmp_path, info, content):
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(UserError, match=r"blocks\.json"):
        SuggestRecord.of(tmp_path, info, None, 0)


def test_the_file_says_where_blocks_lie(tmp_path, info):
    record = SuggestRecord.of(tmp_path, info, None, 0)
    record.blocks.append(BLOCK)
    record.write()
    (block,) = json.loads((tmp_path / RECORD).read_text())["blocks"]
    assert (block["box"], block["added"]) == ("0:8,0:8,0:4", False)


def taken(folder, path):
    """The record of a folder, for this volume."""
    with open_volume(path) as volume:
        record = SuggestRecord.of(folder, volume.info, None, 0)
        record.take(volume)
    record.write()
    return record


def noted(folder, voxels):
    """A record with a block that was cut out of a volume, whose scaling was looked up."""
    path = write_volume(folder / "a.tif", voxels)
    record = taken(folder, path)
    record.scaling["0 100 None"] = {"low": 0.0, "high": 7.0}
    record.blocks.append(BLOCK)
    write_volume(folder / BLOCK.image, voxels)
    record.write()
    return path


def test_a_volume_that_was_moved_or_copied_is_the_same(tmp_path, caplog):
    path = noted(tmp_path, np.ones((8, 8, 4), np.uint8))
    (tmp_path / "b").mkdir()
    moved = path.rename(tmp_path / "b" / "a.tif")
    assert taken(tmp_path, moved).volume == str(moved)
    assert not caplog.text
    moved.touch()
    assert taken(tmp_path, moved).scaling
    assert "taken for the same, by the voxels of 1 block" in caplog.text


def test_another_volume_that_is_as_large_is_refused(tmp_path):
    path = noted(tmp_path, np.ones((8, 8, 4), np.uint8))
    write_volume(path, np.full((8, 8, 4), 2, np.uint8))
    with pytest.raises(UserError, match=r"a\.tif: does not hold the voxels of .*blocks/a\.tif.* begin anew"):
        taken(tmp_path, path)


def test_what_is_kept_of_a_volume_without_blocks_is_not_of_another(tmp_path, info):
    record = SuggestRecord.of(tmp_path, info, None, 0)
    record.scaling["0 100 None"] = {"low": 0.0, "high": 7.0}
    record.write()
    assert taken(tmp_path, info.path).scaling
    write_volume(info.path, np.ones((8, 8, 4), np.uint8))
    assert not taken(tmp_path, info.path).scaling


def test_a_volume_of_another_shape_that_is_as_large_is_told_so(tmp_path):
    path = noted(tmp_path, np.ones((8, 8, 4), np.uint8))
    write_volume(path, np.ones((8, 4, 8), np.uint8))
    with pytest.raises(UserError, match=r"blocks\.json: tells of a block 0:8,0:8,0:4, and a\.tif has 8×4×8 voxels"):
        taken(tmp_path, path)


@pytest.mark.parametrize("name", ["dataset.json", "labels", "images"])
def test_a_folder_with_a_dataset_of_somebody_else_is_left_alone(tmp_path, info, name):
    (tmp_path / name).mkdir()
    with pytest.raises(UserError, match=f"holds a dataset already, {name}; choose a new folder"):
        SuggestRecord.of(tmp_path, info, None, 0)
