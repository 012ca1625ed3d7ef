"""How a segmentation is cleaned: the sidecar's word, and that of whoever asks."""

import pytest

from scripts.weights import Checkpoint, Cleaning, read_cleaning, read_inversion, read_sidecar, read_size, save_weights
from tests.helpers.weights_examples import NORMALISATION, network

STATED = {"smooth": 0.7, "min_size": "20 voxels", "fill_holes": 0, "hysteresis": None, "invert": "auto"}


@pytest.mark.parametrize("sidecar", [None, {}])
def test_weights_that_say_nothing_are_not_cleaned(sidecar):
    assert read_cleaning(sidecar, {"smooth": None, "invert": ""}) == Cleaning()
    assert Cleaning().stated() == {"smooth": 0, "min_size": 0, "fill_holes": 0, "hysteresis": None, "invert": "false"}


def test_what_is_asked_for_wins():
    assert read_cleaning(STATED) == Cleaning(0.7, "20 voxels", 0, None, "auto")
    asked = {"smooth": "0", "min_size": 500, "hysteresis": 0.2, "invert": True, "overlap": 0.5}
    assert read_cleaning(STATED, asked) == Cleaning(0, 500, 0, 0.2, "true")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (*(None, None),),
        ("", None),
        ("None", None),
        (0, 0.0),
        (12.5, 12.5),
        ("12.5", 12.5),
        ("20 voxels", "20 voxels"),
        ("20voxel", "20 voxels"),
        (" 2.50 VX ", "2.5 voxels"),
    ],
)
def test_sizes(given, read):
    assert read_size("min_size", given) == read


@pytest.mark.parametrize("given", [-1, "-1 voxels", "many", "nan", float("inf"), True, [1], "20 µm", {}])
def test_what_is_no_size(given):
    with pytest.raises(ValueError, match=r"--min_size .*: is neither a volume of at least 0 nor a number of voxels"):
        read_size("min_size", given)


def test_what_is_no_inversion():
    assert [read_inversion("invert", each) for each in (None, True, "AUTO", "false")] == [None, "true", "auto", "false"]
    with pytest.raises(ValueError, match="--invert dark: is neither auto nor true or false"):
        read_inversion("invert", "dark")


@pytest.mark.parametrize("asked", [{"smooth": -1}, {"smooth": "much"}, {"hysteresis": 1.5}])
def test_numbers_out_of_range(asked):
    with pytest.raises(ValueError, match=f"--{next(iter(asked))} "):
        read_cleaning(None, asked)


def test_it_travels_with_the_weights(tmp_path):
    net = network()
    sidecar = {"network": net.arguments, "normalisation": NORMALISATION, "threshold": 0.4, "cleaning": STATED}
    save_weights(tmp_path / "model.pt", net, sidecar)
    assert Checkpoint(tmp_path / "model.pt").cleaning({"smooth": 1}) == Cleaning(1, "20 voxels", 0, None, "auto")
    assert Checkpoint(None).cleaning() == Cleaning()


@pytest.mark.parametrize("cleaning", [[], "none", {"smooth": "much"}, {"invert": 3}])
def test_a_sidecar_that_says_something_else_is_damaged(cleaning, tmp_path):
    net = network()
    sidecar = {"network": net.arguments, "normalisation": NORMALISATION, "threshold": 0.4, "cleaning": cleaning}
    save_weights(tmp_path / "model.pt", net, sidecar)
    with pytest.raises(ValueError, match="its cleaning is of another form"):
        read_sidecar(tmp_path / "model.pt")
