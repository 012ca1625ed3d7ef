import base64
import gzip

import numpy as np
import pytest

from scripts.io import write_volume
from scripts.report.page import scene
from scripts.report.page.scene import MAX_POINTS, TURNED, Surface, figure, library, packed, smoothed, thinned_points
from tests.report.page.examples import SHAPE, skeleton, vessels

pytest.importorskip("plotly")


def surface_of(tmp_path, array, spacing=(1, 1, 1), most=80_000):
    return Surface(write_volume(tmp_path / "a.tif", array.astype(np.uint8)), spacing, array.shape, most)


def volume_inside(surface):
    """By the divergence theorem."""
    one, two, three = (surface.corners[surface.triangles[:, at]].astype(float) for at in range(3))
    return abs((one * np.cross(two, three)).sum() / 6)


def test_a_ball_has_its_place_and_its_volume(tmp_path):
    grid = np.indices((40, 40, 40)) - 20
    ball = (grid**2).sum(axis=0) <= 12**2
    surface = surface_of(tmp_path, ball, spacing=(2, 2, 2))
    assert surface.sides == (1, 1, 1)
    assert surface.corners.mean(axis=0) == pytest.approx([40, 40, 40], abs=0.5)
    assert volume_inside(surface) == pytest.approx(8 * ball.sum(), rel=0.05)


def test_a_thin_vessel_outlives_coarse_cells(tmp_path):
    line = np.zeros((64, 64, 64), bool)
    line[:, 31, 17] = True
    noise = np.random.default_rng(0).random(line.shape) < 0.02
    surface = surface_of(tmp_path, line | noise, most=6000)
    assert len(surface.triangles) <= 6000
    assert max(surface.sides) > 1
    alone = surface_of(tmp_path, line, most=150)
    assert len(alone.triangles) <= 150
    assert alone.corners[:, 0].min() < 4
    assert alone.corners[:, 0].max() > 58


def test_nothing_has_no_surface(tmp_path):
    assert not len(surface_of(tmp_path, np.zeros((8, 8, 8))).triangles)


def test_a_surface_is_closed_at_the_border(tmp_path):
    surface = surface_of(tmp_path, np.ones((4, 4, 4)))
    edges = np.sort(np.concatenate([surface.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_smoothing_leaves_a_plane_and_nothing():
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    assert not smoothed(square, np.array([[0, 1, 2], [1, 3, 2]]))[:, 2].any()
    assert not len(smoothed(np.zeros((0, 3)), np.zeros((0, 3), int)))


def test_the_figure_is_to_scale_and_not_mirrored(tmp_path):
    surface = surface_of(tmp_path, vessels(), spacing=(1, 1, 2))
    places = np.argwhere(skeleton() > 0)
    view = figure(surface, (places, skeleton()[tuple(places.T)]), (1, 1, 2), "µm")
    mesh, points = view["data"]
    assert (mesh["type"], points["type"]) == ("mesh3d", "scatter3d")
    assert points["marker"]["colorbar"]["title"]["text"] == "radius (µm)"
    z = np.frombuffer(base64.b64decode(points["z"]["bdata"]), points["z"]["dtype"])
    assert set(z) == {-14}
    layout = view["layout"]["scene"]
    assert layout["aspectmode"] == "data"
    assert layout["zaxis"]["tickvals"][1] == -float(layout["zaxis"]["ticktext"][1])
    assert np.prod(TURNED) == 1


def test_of_many_points_some_are_shown_the_same_each_time():
    places, radii = np.arange(3 * 9000).reshape(-1, 3), np.arange(9000)
    one, two = (thinned_points(places, radii) for _ in range(2))
    assert len(one[0]) == MAX_POINTS
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[0][:, 0], 3 * one[1])


def test_what_is_packed_can_be_unpacked():
    assert gzip.decompress(base64.b64decode(packed("µ" * 1000))).decode() == "µ" * 1000
    assert packed("a") == packed("a")


def test_the_library_comes_with_its_package():
    assert "plotly.js v" in library()[:200]


def test_cells_are_as_few_as_stated(tmp_path, monkeypatch):
    monkeypatch.setattr(scene, "MAX_CELLS", 1000)
    surface = surface_of(tmp_path, vessels())
    assert np.prod(-(-np.array(SHAPE) // surface.sides)) <= 1000
