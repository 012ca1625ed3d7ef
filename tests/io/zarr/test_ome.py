import pytest

from scripts.io.zarr.node import Node
from scripts.io.zarr.ome import Level, image_attributes, read_image


def axes(names, kind="space", unit="micrometer"):
    return [{"name": name, "type": kind, "unit": unit} for name in names]


@pytest.mark.parametrize(("version", "zarr_format"), [("0.4", 2), ("0.5", 3)])
def test_what_is_written_is_read(tmp_path, version, zarr_format):
    levels = [Level("0", (1.0, 2.0, 3.0), (0.0, 0.5, 0.0)), Level("1", (1.0, 4.0, 6.0), (0.0, 1.5, 1.5))]
    attributes = image_attributes(version, "a", axes("zyx"), levels)
    image = read_image(tmp_path, Node(tmp_path, False, zarr_format, attributes))
    assert (image.version, image.letters, image.units) == (version, "ZYX", ("micrometer",) * 3)
    assert image.levels == tuple(levels)
    assert image.has_place


@pytest.mark.parametrize(
    ("names", "letters"),
    [("zyx", "ZYX"), ("ZYX", "ZYX"), ("xyz", "XYZ"), (["depth", "row", "column"], "ZYX"), (["r", "c"], "YX")],
)
def test_axes_of_space_go_by_name_or_by_their_order(tmp_path, names, letters):
    levels = [Level("0", (1.0,) * len(names), ())]
    attributes = image_attributes("0.5", "a", axes(names), levels)
    image = read_image(tmp_path, Node(tmp_path, False, 3, attributes))
    assert image.letters == letters
    assert not image.has_place


def test_axes_of_another_kind(tmp_path):
    given = [*axes("t", "time", "second"), *axes("l", "angle", "degree"), *axes("zyx")]
    attributes = image_attributes("0.5", "a", given, [Level("0", (1.0,) * 5, ())])
    image = read_image(tmp_path, Node(tmp_path, False, 3, attributes))
    assert image.letters == "TUZYX"
    assert image.units == ("second", "degree", *["micrometer"] * 3)
