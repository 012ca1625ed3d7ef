"""Metadata that are damaged, contradict each other, or would run a program."""

import json
import pickle

import numpy as np
import pytest

from scripts.io import read_header, read_volume
from tests.helpers.volume_examples import positions, told
from tests.io.zarr.examples import change, ome_zarr, plain_zarr

METADATA = {2: ".zarray", 3: "zarr.json"}


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_metadata_cut_short(tmp_path, zarr_format):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format)
    file = path / METADATA[zarr_format]
    content = file.read_text()
    for cut in (content[: len(content) // 2], "", "[]", "[" * 100_000):
        file.write_text(cut)
        with pytest.raises(ValueError, match=str(file)) as error:
            read_header(path)
        told(error, file)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    "values",
    [
        {"shape": [3, 4]},
        {"shape": [3, 4, -5]},
        {"shape": [3, 4, 10**40]},
        {"shape": [3, 4, "5"]},
        {"shape": 5},
        {"shape": None},
        {"shape": [3, 0, 5]},
        {"zarr_format": 7},
    ],
)
def test_a_shape_that_no_array_has(tmp_path, zarr_format, values):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format)
    change(path / METADATA[zarr_format], **values)
    with pytest.raises(ValueError, match=r"a\.zarr") as error:
        read_volume(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("zarr_format", "values"),
    [
        (2, {"dtype": "|O"}),
        (2, {"dtype": "<c8"}),
        (2, {"dtype": "<U4"}),
        (2, {"dtype": "no type"}),
        (2, {"compressor": {"id": "no codec"}}),
        (2, {"chunks": [0, 4, 5]}),
        (2, {"chunks": [3, 4]}),
        (3, {"data_type": "complex64"}),
        (3, {"data_type": "string"}),
        (3, {"codecs": [{"name": "bytes"}, {"name": "no codec"}]}),
        (3, {"codecs": []}),
        (3, {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 4, 5]}}}),
        (3, {"node_type": "picture"}),
        (3, {"attributes": []}),
    ],
)
def test_types_and_codecs_that_cannot_be_read(tmp_path, zarr_format, values):
    path = plain_zarr(tmp_path / "a.zarr", zarr_format)
    change(path / METADATA[zarr_format], **values)
    with pytest.raises(ValueError, match=METADATA[zarr_format]) as error:
        read_header(path)
    told(error, path / METADATA[zarr_format])


def level(inside, place=None, **scale):
    transforms = [{"type": "scale", **scale}]
    transforms += [{"type": "translation", "translation": place}] if place else []
    return {"path": inside, "coordinateTransformations": transforms}


class _Program:
    def __reduce__(self):
        return (open, ("ran", "w"))


def test_nothing_is_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = plain_zarr(tmp_path / "a.zarr", 2, compressors=None)
    (path / "0.0.0").write_bytes(pickle.dumps(_Program()))
    for values in ({"compressor": {"id": "pickle"}}, {"filters": [{"id": "pickle", "protocol": 4}]}):
        change(path / ".zarray", **values)
        with pytest.raises(ValueError, match="unpickled") as error:
            read_volume(path)
        told(error, path / ".zarray")
    assert not (tmp_path / "ran").exists()


def test_paths_that_are_no_zarr(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        read_header(tmp_path / "a.zarr")
    told(error, tmp_path / "a.zarr")
    (tmp_path / "b.zarr").write_bytes(b"PK\3\4")
    with pytest.raises(OSError, match="is a file") as error:
        read_header(tmp_path / "b.zarr")
    told(error, tmp_path / "b.zarr")
    (tmp_path / "c.zarr").mkdir()
    with pytest.raises(FileNotFoundError, match="holds no Zarr") as error:
        read_header(tmp_path / "c.zarr")
    told(error, tmp_path / "c.zarr", "zarr.json, .zarray, .zgroup")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"axes": [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]}, "axes"),
        ({"axes": [{"name": name, "type": "space"} for name in "zxx"]}, "unique"),
        ({"axes": "zyx"}, "axes"),
        ({"datasets": []}, "datasets"),
        ({"datasets": [{"path": "0"}]}, "coordinateTransformations"),
        ({"datasets": [level("0", scale=[0, 1, 1])]}, "voxel size"),
        ({"datasets": [level("0", scale=[1, 1, -1])]}, "voxel size"),
        ({"datasets": [level("../a", scale=[1, 1, 1])]}, "'../a'"),
        ({"datasets": [level("9", scale=[1, 1, 1])]}, "no such"),
        ({"datasets": [level("0", scale=[1, 1])]}, "dimensionality"),
        ({"datasets": [level("0", path="s")]}, "scale"),
        ({"datasets": [level("0", scale=[1, 1, 1], place=[0, 0, 1e300])]}, "place of its own"),
    ],
)
def test_an_image_that_contradicts_the_specification(tmp_path, version, changed, word):
    path = ome_zarr(tmp_path / "a.ome.zarr", version, **changed)
    with pytest.raises(ValueError, match=r"a\.ome\.zarr") as error:
        read_header(path)
    assert "\n" not in str(error.value)
    assert "; " in str(error.value)
    assert word in str(error.value), error.value


@pytest.mark.parametrize("stated", ["0.6", "0.3", None])
def test_other_versions(tmp_path, stated):
    path = ome_zarr(tmp_path / "a.ome.zarr")
    content = json.loads((path / "zarr.json").read_text())
    content["attributes"]["ome"]["version"] = stated
    (path / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"0\.4 in format 2 and 0\.5 in format 3") as error:
        read_header(path)
    told(error, path)


def test_the_version_of_0_4_may_be_left_out(tmp_path):
    path = ome_zarr(tmp_path / "a.ome.zarr", "0.4")
    content = json.loads((path / ".zattrs").read_text())
    del content["multiscales"][0]["version"]
    (path / ".zattrs").write_text(json.dumps(content))
    info, voxels = read_volume(path)
    np.testing.assert_array_equal(voxels, positions())
    assert info.unit == "µm"
