import json

import numpy as np
import pytest

from scripts.commands.suggest import add
from scripts.commands.suggest.add import NOT_LABELLED, add_blocks
from scripts.commands.suggest.record import SuggestedBlock, SuggestRecord
from scripts.core import UserError, sha256, slices
from scripts.data import find_labelled
from scripts.io import open_volume, read_header, read_volume, write_volume

BOXES = {"a_0_0_0": ((0, 8), (0, 8), (0, 6)), "a_8_8_0": ((8, 16), (8, 16), (0, 6))}
SHAPE = (20, 24, 6)
AFFINE = np.diag([1e-3, 1e-3, 4e-3, 1])


def suggested(folder, name="a.tif", **place):
    """A volume with two blocks suggested, their segmentations all background but for one voxel."""
    place = place or {"voxel_size": (1, 1, 4), "unit": "µm"}
    info = read_header(write_volume(folder / name, np.zeros(SHAPE, np.uint8), **place))
    record = SuggestRecord.of(folder / "out", info, None, 0)
    for block, box in BOXES.items():
        found = np.zeros([stop - start for start, stop in box], np.uint8)
        found[0, 0, 0] = 1
        image = write_volume(record.folder / "blocks" / f"{block}.nii.gz", found, affine=AFFINE, unit="µm")
        path = write_volume(record.folder / "blocks" / f"{block}_seg.tif", found, voxel_size=(1, 1, 4), unit="µm")
        files = (f"blocks/{image.name}", f"blocks/{path.name}")
        record.blocks.append(SuggestedBlock(block, box, 0.5, *files, sha256(path)))
    record.write()
    return record, info


def correct(record, name, label):
    return write_volume(record.folder / "blocks" / f"{name}_seg.tif", label, voxel_size=(1, 1, 4), unit="µm")


def label_of(name, value=1):
    label = np.zeros([stop - start for start, stop in BOXES[name]], np.uint8)
    label[3, 4] = value
    return label


@pytest.mark.parametrize("name", ["a.tif", "a.nii.gz", "a.ome.zarr"])
def test_a_corrected_block_is_labelled_and_all_else_is_not(tmp_path, name):
    record, info = suggested(tmp_path, name, affine=AFFINE, unit="µm")
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    _, found = read_volume(add_blocks(record, info, "all"))
    assert np.array_equal(found[slices(BOXES["a_0_0_0"])], label_of("a_0_0_0"))
    assert np.count_nonzero(found != NOT_LABELLED) == 8 * 8 * 6
    assert [block.name for block in record.labelled()] == ["a_0_0_0"]
    (item,) = find_labelled(record.folder, unlabelled_value=NOT_LABELLED)
    assert item["scan"].labelled == BOXES["a_0_0_0"]


def test_blocks_come_together_one_after_the_other(tmp_path):
    record, info = suggested(tmp_path)
    for name in BOXES:
        correct(record, name, label_of(name))
        path = add_blocks(record, info, name)
    _, found = read_volume(path)
    for name, box in BOXES.items():
        assert np.array_equal(found[slices(box)], label_of(name))
    assert np.count_nonzero(found != NOT_LABELLED) == 2 * 8 * 8 * 6


def test_a_few_slices_are_labelled_and_the_others_later(tmp_path):
    record, info = suggested(tmp_path)
    path = correct(record, "a_0_0_0", label_of("a_0_0_0"))
    _, found = read_volume(add_blocks(record, info, str(path), planes=[1, 4]))
    known = np.argwhere(found != NOT_LABELLED)
    assert set(known[:, 2]) == {1, 4}
    assert len(known) == 2 * 8 * 8
    _, found = read_volume(add_blocks(record, info, str(path), planes=[2]))
    assert set(np.argwhere(found != NOT_LABELLED)[:, 2]) == {1, 2, 4}


def test_negative_voxels_and_the_value_are_not_labelled(tmp_path):
    record, info = suggested(tmp_path)
    label = label_of("a_0_0_0").astype(np.float32)
    label[0], label[1] = -1, NOT_LABELLED
    _, found = read_volume(add_blocks(record, info, str(correct(record, "a_0_0_0", label))))
    assert np.count_nonzero(found != NOT_LABELLED) == 6 * 8 * 6


def test_one_that_is_right_as_it_is_has_to_be_named(tmp_path):
    record, info = suggested(tmp_path)
    with pytest.raises(UserError, match=r"no segmentation of a block was changed.*--add NAME"):
        add_blocks(record, info, "all")
    add_blocks(record, info, ["a_8_8_0"])
    assert [block.name for block in record.labelled()] == ["a_8_8_0"]


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        (np.zeros((8, 8, 5), np.uint8), "has 8×8×5 voxels, and the block 8×8×6"),
        (np.full((8, 8, 6), 300, np.uint16), "holds 300, which are no classes"),
        (np.full((8, 8, 6), 0.5, np.float32), "holds 0.5, which are no classes"),
    ],
)
def test_what_is_no_label_of_the_block_is_refused_and_nothing_written(tmp_path, label, problem):
    record, info = suggested(tmp_path)
    path = correct(record, "a_0_0_0", label)
    with pytest.raises(UserError, match=problem):
        add_blocks(record, info, str(path))
    assert not list(record.labelled())
    assert not (record.folder / "labels").exists()


def test_unknown_blocks_and_slices_are_refused(tmp_path):
    record, info = suggested(tmp_path)
    with pytest.raises(UserError, match=r"is named like no block.*give one of a_0_0_0, a_8_8_0"):
        add_blocks(record, info, "b_seg.tif")
    with pytest.raises(UserError, match=r"--slices 6: a_0_0_0_seg.tif has slices 0 to 5"):
        add_blocks(record, info, str(record.folder / "blocks" / "a_0_0_0_seg.tif"), planes=[6])


def test_the_label_of_a_volume_that_is_larger_than_a_file_should_be_is_a_zarr(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.commands.suggest.add.MAX_PLAIN", 1000)
    record, info = suggested(tmp_path)
    correct(record, "a_8_8_0", label_of("a_8_8_0"))
    path = add_blocks(record, info, "all")
    assert path.name == "a.ome.zarr"
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    with open_volume(add_blocks(record, info, "all")) as label:
        found = label.read(tuple((0, side) for side in SHAPE))
    assert np.count_nonzero(found != NOT_LABELLED) == 2 * 8 * 8 * 6
    assert json.loads((record.folder / "dataset.json").read_text())["training"][0]["label"] == "labels/a.ome.zarr"


def test_all_are_those_that_were_changed_since_they_were_added(tmp_path):
    record, info = suggested(tmp_path)
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    add_blocks(record, info, "all", planes=[3])
    correct(record, "a_8_8_0", label_of("a_8_8_0"))
    _, found = read_volume(add_blocks(record, info, "all"))
    assert np.count_nonzero(found != NOT_LABELLED) == 8 * 8 + 8 * 8 * 6
    with pytest.raises(UserError, match="was changed since it was written or added"):
        add_blocks(record, info, "all")


def test_what_is_made_unlabelled_is_not_labelled_any_more(tmp_path):
    record, info = suggested(tmp_path)
    add_blocks(record, info, "a_0_0_0")
    label = label_of("a_0_0_0")
    label[2:] = NOT_LABELLED
    correct(record, "a_0_0_0", label)
    _, found = read_volume(add_blocks(record, info, "a_0_0_0", planes=[0, 1]))
    assert np.count_nonzero(found != NOT_LABELLED) == 8 * 8 * 6 - 6 * 8 * 2
    _, found = read_volume(add_blocks(record, info, "a_0_0_0"))
    assert np.count_nonzero(found != NOT_LABELLED) == 2 * 8 * 6


def test_a_label_that_is_turned_or_lies_elsewhere_is_refused(tmp_path):
    record, info = suggested(tmp_path)
    for affine, problem in ((AFFINE @ np.diag([-1, 1, 1, 1]), "axes run"), (AFFINE @ np.diag([3, 3, 3, 1]), "voxels")):
        path = write_volume(tmp_path / "a_0_0_0_seg.nii.gz", label_of("a_0_0_0"), affine=affine, unit="µm")
        with pytest.raises(UserError, match=problem):
            add_blocks(record, info, str(path))


def test_the_image_of_a_block_is_no_label(tmp_path):
    record, info = suggested(tmp_path)
    with pytest.raises(UserError, match=r"is named like the image of a block; give its label, a_0_0_0_seg"):
        add_blocks(record, info, str(record.folder / "blocks" / "a_0_0_0.nii.gz"))


@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "float64"])
def test_negative_voxels_of_any_type_are_not_labelled(tmp_path, dtype):
    record, info = suggested(tmp_path)
    label = label_of("a_0_0_0").astype(dtype)
    label[0] = -1
    np.save(tmp_path / "a_0_0_0_seg.npy", label)
    _, found = read_volume(add_blocks(record, info, str(tmp_path / "a_0_0_0_seg.npy")))
    assert np.count_nonzero(found != NOT_LABELLED) == 7 * 8 * 6


@pytest.mark.parametrize("beside", [0, 1])
def test_vessel_that_a_program_painted_with_255_is_vessel(tmp_path, caplog, beside):
    record, info = suggested(tmp_path)
    label = label_of("a_0_0_0", beside)
    label[5] = 255
    correct(record, "a_0_0_0", label)
    _, found = read_volume(add_blocks(record, info, "all"))
    assert set(np.unique(found)) == {0, 1, NOT_LABELLED}
    told = "48 voxels of 255 count as vessel, as those of 1; give --unlabelled_value 255"
    assert (told in caplog.text) == bool(beside)


def test_255_is_not_labelled_if_one_says_so(tmp_path):
    record, info = suggested(tmp_path)
    label = np.full((8, 8, 6), 255, np.uint8)
    label[:, :, 2] = label_of("a_0_0_0")[:, :, 2]
    correct(record, "a_0_0_0", label)
    _, found = read_volume(add_blocks(record, info, "all", unlabelled_value=255))
    assert np.count_nonzero(found != NOT_LABELLED) == 8 * 8
    assert np.count_nonzero(found == 1) == 1


def test_what_slices_that_are_not_told_hold_does_not_matter(tmp_path, caplog):
    record, info = suggested(tmp_path)
    label = np.full((8, 8, 6), 255, np.uint16)
    label[:, :, 3] = 300
    label[:, :, 2] = 7 * label_of("a_0_0_0")[:, :, 2]
    correct(record, "a_0_0_0", label)
    _, found = read_volume(add_blocks(record, info, "all", planes=[2]))
    assert np.count_nonzero(found == 7) == 1
    assert np.count_nonzero(found != NOT_LABELLED) == 8 * 8
    assert "255" not in caplog.text


def test_255_besides_other_classes_is_refused(tmp_path):
    record, info = suggested(tmp_path)
    label = label_of("a_0_0_0", 7)
    label[5] = 255
    correct(record, "a_0_0_0", label)
    with pytest.raises(UserError, match="holds 255 besides the classes 7; save it as a class"):
        add_blocks(record, info, "all")
    _, found = read_volume(add_blocks(record, info, "all", unlabelled_value=255))
    assert set(np.unique(found)) == {0, 7, NOT_LABELLED}


def test_one_bad_block_does_not_stop_the_others(tmp_path):
    record, info = suggested(tmp_path)
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    correct(record, "a_8_8_0", np.zeros((8, 8, 5), np.uint8))
    with pytest.raises(UserError, match=r"a_8_8_0_seg.tif: has 8×8×5 voxels.*1 of 2 blocks .* the others are"):
        add_blocks(record, info, "all")
    assert [block.name for block in SuggestRecord.of(record.folder, info, None, 0).labelled()] == ["a_0_0_0"]
    _, found = read_volume(record.folder / record.label)
    assert np.count_nonzero(found == 1) == 6


def test_a_block_twice_is_refused(tmp_path):
    record, info = suggested(tmp_path)
    with pytest.raises(UserError, match=r"a_0_0_0_seg\.tif: is of a block that --add names twice"):
        add_blocks(record, info, ["a_0_0_0", str(tmp_path / "a_0_0_0_seg.tif")])


def test_what_is_saved_while_blocks_are_added_comes_again(tmp_path, monkeypatch):
    record, info = suggested(tmp_path)
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    write = add.write_streamed

    def write_and_save(*args, **how):
        correct(record, "a_0_0_0", label_of("a_0_0_0", 0))
        return write(*args, **how)

    monkeypatch.setattr(add, "write_streamed", write_and_save)
    _, found = read_volume(add_blocks(record, info, "all"))
    assert np.count_nonzero(found == 1) == 6
    monkeypatch.undo()
    _, found = read_volume(add_blocks(record, info, "all"))
    assert np.count_nonzero(found == 1) == 0


def test_a_file_from_elsewhere_does_not_hide_what_was_changed_here(tmp_path):
    record, info = suggested(tmp_path)
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    elsewhere = write_volume(tmp_path / "a_0_0_0_seg.tif", label_of("a_0_0_0", 0), voxel_size=(1, 1, 4), unit="µm")
    _, found = read_volume(add_blocks(record, info, str(elsewhere)))
    assert np.count_nonzero(found == 1) == 0
    _, found = read_volume(add_blocks(record, info, "all"))
    assert np.count_nonzero(found == 1) == 6


def test_a_missing_segmentation_is_told(tmp_path, caplog):
    record, info = suggested(tmp_path)
    correct(record, "a_0_0_0", label_of("a_0_0_0"))
    (record.folder / "blocks" / "a_8_8_0_seg.tif").unlink()
    add_blocks(record, info, "all")
    assert "a_8_8_0_seg.tif not there" in caplog.text


def test_a_label_that_somebody_replaced_is_not_taken_for_ours(tmp_path):
    record, info = suggested(tmp_path)
    path = add_blocks(record, info, "a_0_0_0")
    write_volume(path, np.full(SHAPE, 0.7, np.float32), voxel_size=(1, 1, 4), unit="µm")
    with pytest.raises(UserError, match="was replaced by something else"):
        add_blocks(record, info, "a_8_8_0")
