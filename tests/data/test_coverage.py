"""A label of which only a block was drawn is noticed, and hardly a vessel; vessels that end by themselves are not."""

import numpy as np
import pytest
from monai.transforms import Compose

from scripts.data import PatchDataset, find_dataset, find_labelled, scan_labels
from scripts.data.coverage import block_of_vessels, warn_of_few
from scripts.synthesis import DRAWN_STYLES, synthesise
from tests.helpers.dataset_examples import write_pair, write_tubes

SHAPE = (96, 80, 40)
BLOCK = ((20, 60), (10, 50), (0, 40))


def block_of(folder, label, region=None, **how):
    """The box that looks as if only it had been labelled."""
    dataset = write_pair(folder, "v", np.zeros(label.shape), label)
    (volume,) = scan_labels(find_dataset(dataset, region), **how)
    return block_of_vessels(volume["scan"])


def grid(shape=SHAPE, every=12, width=4):
    """Vessels along all axes, as thick as a square, that go through the whole volume."""
    near = [index % every < width for index in np.indices(shape)]
    return (near[0] & near[1] | near[1] & near[2] | near[0] & near[2]).astype(int)


def drawn_in(box, label, elsewhere=0):
    """The same label, of which only a box was drawn."""
    inside = tuple(slice(*bounds) for bounds in box)
    drawn = np.full(label.shape, elsewhere)
    drawn[inside] = label[inside]
    return drawn


def ball(centre, radius, shape=SHAPE):
    return (sum((i - c) ** 2 for i, c in zip(np.indices(shape), centre, strict=True)) <= radius**2).astype(int)


def test_a_block_of_vessels_that_go_on_is_noticed(tmp_path):
    assert block_of(tmp_path / "block", drawn_in(BLOCK, grid())) == ((20, 60), (10, 50), (0, 40))
    assert block_of(tmp_path / "half", drawn_in(((0, 48), (0, 80), (0, 40)), grid())) == ((0, 48), (0, 80), (0, 40))
    classes = drawn_in(BLOCK, grid() * np.where(np.indices(SHAPE)[0] < 40, 2, 7))
    assert block_of(tmp_path / "classes", classes) == ((20, 60), (10, 50), (0, 40))


def test_all_vessel_in_a_small_box_is_noticed(tmp_path):
    assert block_of(tmp_path, drawn_in(BLOCK, np.ones(SHAPE, int))) == BLOCK


def test_a_scribble_in_the_middle_is_noticed(tmp_path):
    assert block_of(tmp_path, ball((40, 30, 20), 8)) == ((32, 49), (22, 39), (12, 29))


@pytest.mark.parametrize(
    "label",
    [
        grid(),
        drawn_in(((0, 70), (0, 80), (0, 40)), grid()),  # more than half
        ball((48, 40, 20), 19),  # a vessel, however thick, that ends by itself
        drawn_in(((0, 96), (30, 34), (18, 22)), np.ones(SHAPE, int)),  # one that goes through
        np.zeros(SHAPE, int),
    ],
    ids=["all over", "most", "round", "through", "nothing"],
)
def test_what_may_well_be_all_there_is(label, tmp_path):
    assert block_of(tmp_path, label) is None


def test_whoever_tells_what_is_labelled_is_not_told(tmp_path):
    label = drawn_in(BLOCK, grid())
    assert block_of(tmp_path / "region", label, region="20:60,10:50,:") is None
    assert block_of(tmp_path / "marked", drawn_in(BLOCK, grid(), elsewhere=-1)) is None
    assert block_of(tmp_path / "value", drawn_in(BLOCK, grid() + 1, elsewhere=0), unlabelled_value=0) is None
    assert block_of(tmp_path / "other", drawn_in(BLOCK, grid(), elsewhere=9), unlabelled_value=9) is None


def test_synthetic_volumes_are_not(tmp_path):
    """None of seeds 0 to 100 of the command `synthesise` is; here one of each style."""
    for seed, style in enumerate(DRAWN_STYLES):
        _, label = synthesise(seed, (48, 48, 24), style)
        assert block_of(tmp_path / style, label) is None


def test_one_line_says_it_of_all_such_volumes(tmp_path, caplog):
    for name in "ab":
        write_pair(tmp_path, name, np.zeros(SHAPE), drawn_in(BLOCK, grid()))
    write_tubes(tmp_path, "c", (40, 36, 15))
    find_labelled(tmp_path)
    assert caplog.messages == [
        "a (and 1 more like it): all its vessels lie in 20:60,10:50,0:40, which is 21 % of it, and all the rest counts "
        "as background; if only a block was labelled, give --region 20:60,10:50,0:40, or a negative value to each "
        "voxel that was not (or any other, with --unlabelled_value)"
    ]
    assert caplog.records[0].levelname == "WARNING"
    caplog.clear()
    find_labelled(tmp_path, region=":40,:36,:15")
    assert not caplog.text


def trains(folder, *vessel):
    """Volumes that train, with so many voxels of vessel each."""
    for name, count in zip("abc", vessel, strict=False):
        write_pair(folder, name, np.zeros((20, 20, 20)), (np.arange(8000).reshape(20, 20, 20) < count).astype(int))
    return [{**volume, "region": volume["scan"].labelled} for volume in find_labelled(folder)]


@pytest.mark.parametrize("vessel", [(999,), (400, 400)])
def test_few_vessel_voxels_are_told(vessel, tmp_path, caplog):
    warn_of_few(trains(tmp_path, *vessel))
    (told,) = [line for line in caplog.messages if "are vessel" in line]
    assert told.startswith(f"only {sum(vessel)} voxels that train are vessel; ")
    assert "label some thousand" in told


def test_a_training_says_so(tmp_path, caplog):
    PatchDataset(trains(tmp_path, 30), Compose([]), length=1)
    assert "only 30 voxels that train are vessel" in caplog.text


def test_enough_are_not_and_only_what_trains_counts(tmp_path, caplog):
    volumes = trains(tmp_path, 600, 600)
    warn_of_few(volumes)
    assert "are vessel" not in caplog.text
    # 400 a plane: the first plane of the one and all of the other
    volumes[0]["region"] = ((0, 1), (0, 20), (0, 20))
    warn_of_few(volumes)
    assert "are vessel" not in caplog.text
    warn_of_few(volumes[:1])
    assert "only 400 voxels" in caplog.text
