import numpy as np
import pytest

from experiments.suggest.choose import WAYS, at_even_distances, by_chance
from experiments.suggest.field import LEAST, Blocks, Field
from scripts.core import WEIGHTS, UserError, overlap, slices
from scripts.data import find_dataset, find_labelled
from scripts.io import write_volume
from scripts.study import NOT_LABELLED

ROUNDS = 5


@pytest.fixture
def field(tmp_path):
    label = np.zeros((240, 144, 16), np.uint8)
    label[:, 40:50, 4:9] = label[:, 110:120, 4:9] = 1
    noise = np.random.default_rng(0).integers(0, 90, label.shape)
    for kind, voxels in (("images", noise + 100 * label), ("labels", label)):
        write_volume(tmp_path / "dataset" / kind / "a.tif", voxels.astype(np.uint8))
    (item,) = find_dataset(tmp_path / "dataset")
    return Field.of(item, tmp_path / "out")


def test_what_may_be_labelled_lies_apart_from_what_is_scored(field):
    assert len(field.boxes) >= LEAST
    (item,) = find_labelled(field.scored, unlabelled_value=NOT_LABELLED)
    assert item["scan"].labelled == ((144, 240), (0, 144), (0, 16))
    wide = ((128, 240), (0, 144), (0, 16))
    assert not any(overlap(box, wide) for box in field.boxes)


def test_only_the_blocks_are_labelled(field, tmp_path):
    folder = field.write_labelled(tmp_path / "some", field.boxes[:2])
    (item,) = find_labelled(folder, unlabelled_value=NOT_LABELLED)
    counts = sum(item["scan"].count(value, item["scan"].labelled) for value in item["scan"].values)
    assert counts == sum(int(np.prod([stop - start for start, stop in box])) for box in field.boxes[:2])
    label = np.arange(8).reshape(2, 2, 2)
    kept = Blocks([((0, 1), (0, 2), (0, 2))]).of(label)
    assert kept[0].ravel().tolist() == [0, 1, 2, 3]
    assert (kept[1] == -1).all()


def test_a_volume_that_is_too_small_is_refused(tmp_path):
    for kind in ("images", "labels"):
        write_volume(tmp_path / "dataset" / kind / "a.tif", np.eye(60, dtype=np.uint8)[:, :, None].repeat(20, 2))
    with pytest.raises(UserError, match="has fewer than 20 blocks"):
        Field.of(find_dataset(tmp_path / "dataset")[0], tmp_path / "out")


@pytest.mark.parametrize("way", [by_chance, at_even_distances])
def test_each_round_another_block_and_the_same_for_a_seed(field, way):
    def chosen(seed):
        labelled = []
        for _ in range(5):
            labelled.append(way(field, labelled, WEIGHTS, seed, ROUNDS))
        return labelled

    assert len(set(chosen(0))) == 5
    assert chosen(0) == chosen(0)
    assert chosen(0) != chosen(1)


def test_even_distances_are_larger_than_those_by_chance(field):
    def nearest(way):
        found = []
        for seed in range(8):
            labelled = []
            for _ in range(ROUNDS):
                labelled.append(way(field, labelled, WEIGHTS, seed, ROUNDS))
            centres = np.array([[sum(bounds) / 2 for bounds in box] for box in labelled])
            distances = np.linalg.norm(centres[:, None] - centres[None], axis=2)
            found.append(distances[~np.eye(ROUNDS, dtype=bool)].min())
        return np.mean(found)

    assert nearest(at_even_distances) > 1.3 * nearest(by_chance)


def test_seeds_choose_among_other_blocks_and_are_scored_at_other_ends(tmp_path, field):
    (item,) = find_dataset(tmp_path / "dataset")
    fields = [Field.of(item, tmp_path / "out", seed) for seed in range(8)]
    assert len({tuple(each.boxes) for each in fields}) > 4
    ends = [find_labelled(each.scored, unlabelled_value=NOT_LABELLED)[0]["scan"].labelled for each in fields]
    x, y, z = ((0, side) for side in item["shape"])
    assert ends == 2 * [((144, 240), y, z), ((0, 96), y, z), (x, (86, 144), z), (x, (0, 58), z)]
    assert not any(overlap(box, end) for each, end in zip(fields, ends, strict=True) for box in each.boxes)


def test_what_is_suggested_is_not_labelled_yet(field, tiny_weights):
    box = WAYS["suggested"](field, field.boxes[:1], tiny_weights, 0, ROUNDS)
    assert box in field.boxes[1:]
    assert field.volume.voxels[slices(box)].shape == tuple(stop - start for start, stop in box)
