"""What is written, read by ome-zarr-py and tensorstore, and by the models of the specification."""

import json
import logging

import numpy as np
import ome_zarr_models
import pytest
import tensorstore
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from scripts.core import move
from scripts.io import (
    BlockArray,
    finish_zarr,
    open_volume,
    read_header,
    read_volume,
    write_streamed,
    write_volume,
)
from tests.helpers.volume_examples import SHAPE, nifti, positions, told, zyx
from tests.io.zarr.examples import many, ome_zarr, plain_zarr

LONG = (300, 70, 20)
PROVENANCE = {"weights_sha256": "0" * 64}


def mask(shape=LONG):
    return (np.random.default_rng(0).random(shape) > 0.5).astype(np.uint8)


def second_readers(path):
    """Return the levels, scales and axes as ome-zarr-py has them, having compared the levels with tensorstore's."""
    (node, *_) = list(Reader(parse_url(path))())
    levels = [np.asarray(each) for each in node.data]
    for number, level in enumerate(levels):
        driver = "zarr3" if (path / "zarr.json").exists() else "zarr"
        stored = tensorstore.open({"driver": driver, "kvstore": f"file://{path}/{number}/"}).result()
        np.testing.assert_array_equal(stored.read().result(), level)
    return levels, node.metadata["coordinateTransformations"], node.metadata["axes"]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("how", ["at once", "streamed", "finished"])
def test_other_readers_see_axes_scale_and_values(tmp_path, version, how):
    """The result is of the version and in the Zarr format of its image, whichever way it is written."""
    size = (2.0, 0.5, 0.5)
    image = ome_zarr(tmp_path / "a.ome.zarr", version, array=zyx(mask()), chunks=(16, 32, 64), scale=size)
    info, array = read_volume(image)
    path = tmp_path / "a_seg.ome.zarr"
    if how == "at once":
        write_volume(path, array, info, provenance=PROVENANCE)
    elif how == "streamed":
        read = lambda box: array[tuple(slice(*bounds) for bounds in box)]  # noqa: E731
        write_streamed(path, read, LONG, np.uint8, info, provenance=PROVENANCE)
    else:
        blocks = BlockArray.create(tmp_path / "blocks", LONG, np.uint8, (64, 32, 16))
        blocks.write(tuple((0, side) for side in LONG), array)
        blocks.update_attributes(done=[1, 2])
        finish_zarr(blocks, path, info, provenance=PROVENANCE)
        assert not (tmp_path / "blocks").exists()
    levels, transforms, axes = second_readers(path)
    assert [level.shape for level in levels] == [(20, 70, 300), (20, 35, 150)]
    for level, step in zip(levels, (1, 2), strict=True):
        np.testing.assert_array_equal(level, zyx(array)[:, ::step, ::step])
    assert [each[0]["scale"] for each in transforms] == [[2.0, 0.5, 0.5], [2.0, 1.0, 1.0]]
    assert [(axis["name"], axis["type"], axis["unit"]) for axis in axes] == [
        (name, "space", "micrometer") for name in "zyx"
    ]
    zarr_format = 2 if version == "0.4" else 3
    group = zarr.open_group(path, mode="r", zarr_format=zarr_format)
    assert isinstance(ome_zarr_models.open_ome_zarr(group), getattr(ome_zarr_models, f"v0{version[-1]}").image.Image)
    assert (path / "0" / ("zarr.json" if zarr_format == 3 else ".zarray")).exists()
    assert dict(group["0"].attrs) == {}
    assert group["0"].chunks == (16, 32, 64)
    again, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, array)
    np.testing.assert_array_equal(again.affine, info.affine)
    assert (again.unit, again.provenance) == ("µm", PROVENANCE)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.ome.zarr", "a_seg.ome.zarr"]


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("how", ["at once", "finished"])
def test_the_result_of_a_plain_array_is_one(tmp_path, zarr_format, how):
    names = {"dimension_names": ["z", "y", "x"]} if zarr_format == 3 else {}
    image = plain_zarr(tmp_path / "a.zarr", zarr_format, array=zyx(mask()), chunks=(16, 16, 16), **names)
    info, array = read_volume(image)
    path = tmp_path / "a_seg.zarr"
    if how == "at once":
        write_volume(path, array, info, provenance=PROVENANCE)
    else:
        blocks = BlockArray.create(tmp_path / "blocks", LONG, np.uint8, (16, 16, 16))
        blocks.write(tuple((0, side) for side in LONG), array)
        finish_zarr(blocks, path, info, provenance=PROVENANCE)
    stored = zarr.open_array(path, mode="r", zarr_format=zarr_format)
    np.testing.assert_array_equal(stored[:], zyx(array))
    driver = "zarr3" if zarr_format == 3 else "zarr"
    there = tensorstore.open({"driver": driver, "kvstore": f"file://{path}/"}).result()
    np.testing.assert_array_equal(there.read().result(), zyx(array))
    again = read_header(path)
    assert (again.kind, again.provenance) == ("zarr", PROVENANCE)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zarr", "a_seg.zarr"]
    write_volume(tmp_path / "b.ome.zarr", array, info)  # asked for by its name
    assert read_header(tmp_path / "b.ome.zarr").kind == "ome-zarr"


def test_probabilities_are_averaged_and_lie_between_their_voxels(tmp_path):
    array = np.random.default_rng(0).random((2, *LONG)).astype(np.float32)
    path = write_volume(tmp_path / "a.ome.zarr", array, voxel_size=(1.0, 1.0, 5.0), unit="nm")
    levels, transforms, axes = second_readers(path)
    assert [axis["name"] for axis in axes] == ["c", "z", "y", "x"]
    assert [level.shape for level in levels] == [(2, 20, 70, 300), (2, 20, 35, 150)]
    expected = array.transpose(0, 3, 2, 1).reshape(2, 20, 35, 2, 150, 2).mean((3, 5))
    np.testing.assert_allclose(levels[1], expected, rtol=1e-6)
    assert transforms[1] == [
        {"type": "scale", "scale": [1.0, 5.0, 2.0, 2.0]},
        {"type": "translation", "translation": [0.0, 0.0, 0.5, 0.5]},
    ]
    info, voxels = read_volume(path, 1)
    np.testing.assert_array_equal(voxels, array[1])
    np.testing.assert_allclose(info.voxel_size, np.array([1.0, 1.0, 5.0]) * 1e-6)


def test_a_pyramid_ends_where_it_is_small(tmp_path):
    shape = (1030, 600, 12)
    path = write_volume(tmp_path / "a.ome.zarr", np.zeros(shape, np.uint8), voxel_size=(1, 1, 4), unit="µm")
    group = zarr.open_group(path, mode="r")
    assert [group[str(level)].shape for level in range(4)] == [
        (12, 600, 1030),
        (12, 300, 515),
        (12, 150, 258),
        (6, 75, 129),
    ]
    assert "4" not in group
    assert read_header(path, level=3).voxel_size == pytest.approx((8e-3, 8e-3, 8e-3))
    assert not list(path.rglob("c"))  # zeros take no chunk


def test_origin_and_orientation(tmp_path, caplog):
    affine = np.diag([0.001, 0.002, 0.003, 1.0])
    affine[:3, 3] = [1.0, 2.0, 3.0]
    path = write_volume(tmp_path / "a.ome.zarr", positions(), affine=affine, unit="mm")
    info = read_header(path)
    np.testing.assert_allclose(info.affine, affine)
    assert info.has_place
    assert not caplog.records
    source = read_header(nifti(tmp_path / "a.nii"))  # oblique
    info = read_header(write_volume(tmp_path / "b.ome.zarr", positions(), source))
    np.testing.assert_allclose(info.voxel_size, source.voxel_size)
    assert not info.has_place
    assert "not the orientation" in caplog.text


def test_a_level_gives_a_result_of_its_own_voxels(tmp_path):
    image = ome_zarr(tmp_path / "a.ome.zarr", array=zyx(mask()), levels=2)
    info, voxels = read_volume(image, level=1)
    again = read_header(write_volume(tmp_path / "b.ome.zarr", voxels, info))
    np.testing.assert_array_equal(again.affine, info.affine)


def test_metadata_and_channels_stay(tmp_path):
    info = read_header(ome_zarr(tmp_path / "a.ome.zarr", names="czyx", array=many()), 1)
    path = write_volume(tmp_path / "b.zarr", positions(), info, intensity_range=(0, 99))
    assert read_header(path).intensity_range == (0.0, 99.0)
    blocks = BlockArray.create(tmp_path / "blocks", SHAPE, np.uint8, (2, 2, 2))
    path = finish_zarr(blocks, tmp_path / "c.zarr", info, label_names=["background", "vessel"])
    assert zarr.open_group(path, mode="r").attrs["tubenet"] == {"label_names": ["background", "vessel"]}


def test_an_earlier_result_is_replaced_whole_and_nothing_else_is(tmp_path):
    path = tmp_path / "a.ome.zarr"
    write_volume(path, mask((300, 20, 20)))
    (path / "5").mkdir()
    write_volume(path, positions())
    np.testing.assert_array_equal(read_volume(path)[1], positions())
    assert not (path / "5").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["a.ome.zarr"]

    def fails(box):
        if box[2][0] > 0:
            raise RuntimeError("no more")
        return np.zeros([stop - start for start, stop in box], np.uint8)

    with pytest.raises(ValueError, match="no more") as error:
        write_streamed(path, fails, (600, 600, 300), np.uint8)
    told(error, path)
    np.testing.assert_array_equal(read_volume(path)[1], positions())
    assert [each.name for each in tmp_path.iterdir()] == ["a.ome.zarr"]
    for other in (tmp_path / "b.zarr", tmp_path / "c.zarr"):
        if other.name == "b.zarr":
            other.mkdir()
            (other / "mine.txt").write_text("mine")
        else:
            other.write_text("mine")
        with pytest.raises(FileExistsError) as error:
            write_volume(other, positions())
        told(error, other)


def test_blocks_are_where_they_were_if_they_cannot_be_finished(tmp_path, monkeypatch):
    info = read_header(ome_zarr(tmp_path / "a.ome.zarr", "0.4"))
    blocks = BlockArray.create(tmp_path / "blocks", SHAPE, np.uint8, (2, 2, 2))
    blocks.write(tuple((0, side) for side in SHAPE), positions())
    blocks.update_attributes(done=[1])
    for name in ("_add_levels", "_take_over"):
        with monkeypatch.context() as patch:
            patch.setattr(f"scripts.io.zarr.writer.{name}", lambda *args: 1 / 0)
            with pytest.raises(ValueError, match="division"):
                finish_zarr(blocks, tmp_path / "b.ome.zarr", info)
        assert BlockArray.open(tmp_path / "blocks").attributes == {"done": [1]}
        np.testing.assert_array_equal(blocks.read(tuple((0, side) for side in SHAPE)), positions())
        assert not (tmp_path / "b.ome.zarr").exists()
    finish_zarr(blocks, tmp_path / "b.ome.zarr", info)
    np.testing.assert_array_equal(read_volume(tmp_path / "b.ome.zarr")[1], positions())


def test_an_interruption_between_chunks_leaves_all_where_they_were(tmp_path, monkeypatch):
    """Zarr 2 has other names for them."""
    info = read_header(ome_zarr(tmp_path / "a.ome.zarr", "0.4"))
    blocks = BlockArray.create(tmp_path / "blocks", SHAPE, np.uint8, (2, 2, 2))
    blocks.write(tuple((0, side) for side in SHAPE), positions())
    chunks = []

    def interrupted(path, target):
        if path.parent.name == "c":
            chunks.append(path)
            if len(chunks) == 2:
                raise KeyboardInterrupt
        move(path, target)

    monkeypatch.setattr("scripts.io.zarr.writer.move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish_zarr(blocks, tmp_path / "b.ome.zarr", info)
    monkeypatch.undo()
    np.testing.assert_array_equal(blocks.read(tuple((0, side) for side in SHAPE)), positions())
    finish_zarr(blocks, tmp_path / "b.ome.zarr", info)
    np.testing.assert_array_equal(read_volume(tmp_path / "b.ome.zarr")[1], positions())


def test_no_chunk_of_ours_is_missed(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        path = write_volume(tmp_path / "a.ome.zarr", np.zeros((9, 9, 9), np.uint8))
        with open_volume(path) as volume:
            assert not volume.read(((0, 9), (0, 9), (0, 9))).any()
    assert not caplog.records
    assert json.loads((path / "zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]["name"] == "a"
