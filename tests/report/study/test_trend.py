"""Metrics along the side of a block, and the number of kinds."""

from scripts.report.study.record import read_record
from scripts.report.study.trend import along, kind_drawing, size_drawing
from tests.report.study.records import drawn, legend, lines_of, sizes, study_of, ticks, trial, write


def sized(folder):
    trials = [trial(0, "zero-shot", {"a": 0.6, "b": 0.4}, steps=0, about={"method": "zero-shot"})]
    for n, (side, seed, value) in enumerate(((128, 0, 0.9), (32, 0, 0.7), (32, 1, 0.8)), start=1):
        about = {"method": "fine-tuned", "size": side}
        trials.append(trial(n, f"fine-tuned, {side}", value, seed, about=about))
    trials.append(trial(9, "from scratch, 64", 0.5, about={"method": "from scratch", "size": 64}))
    return study_of(folder, trials, "block_size")


def test_methods_are_lines_and_no_tuning_is_level(tmp_path):
    auroc, dice = map(drawn, size_drawing(sized(tmp_path)).panels)
    assert ticks(auroc, "x") == ["32", "64", "128"]
    assert ((0.0, 0.75), (2.0, 0.9)) in lines_of(auroc)  # the mean of both seeds, then of one
    assert ((1.0, 0.5),) in lines_of(auroc)
    assert ((0.0, 0.5), (1.0, 0.5)) in lines_of(auroc)
    assert ((0.0, 0.55), (2.0, 0.7)) in lines_of(dice)
    assert legend(auroc) == ["fine-tuned", "from scratch", "without any tuning  0.500"]


def test_estimates_along_a_number(tmp_path):
    study = sized(tmp_path)
    found = along(study, {1: study.trials[1:2], 0: study.trials[2:4], 2: []}, "auroc")
    assert [(place, each.values) for place, each in found.items()] == [(0, {0: 0.7, 1: 0.8}), (1, {0: 0.9})]


def test_ranks_of_blocks_have_their_sides_below(tmp_path):
    axes = drawn(size_drawing(read_record(write(tmp_path, sizes(tmp_path)))).panels[0])
    assert ticks(axes, "x") == [
        "smallest\n8 to 16 voxels", "middle\n16 to 32 voxels", "largest\n32 to 64 voxels",
    ]  # fmt: skip
    assert axes.get_xlabel() == "labelled block"


def test_seeds_are_joined_along_kinds_and_kinds_averaged(tmp_path):
    """Volumes a and b are of one kind, c of another: (0.6 and 0.8 -> 0.7, 0.5) -> 0.6."""
    kind_of = {"a": "retina", "b": "retina", "c": "liver"}
    trials = []
    for kinds, more in ((1, 0.0), (2, 0.2)):
        for seed in range(2):
            scores = {"a": 0.6 + more, "b": 0.8 + more, "c": 0.5 + more + 0.1 * seed}
            about = {"kinds": kinds, "kind_of": kind_of}
            trials.append(trial(len(trials), f"{kinds}", scores, seed, about=about))
    axes = drawn(kind_drawing(study_of(tmp_path, trials, "variety")).panels[0])
    assert {((0.0, 0.6), (1.0, 0.8)), ((0.0, 0.65), (1.0, 0.85)), ((0.0, 0.625), (1.0, 0.825))} <= lines_of(axes)
    assert legend(axes) == ["mean over seeds"]
    assert ticks(axes, "x") == ["1", "2"]


def test_nothing_scored_gives_no_picture(tmp_path):
    assert size_drawing(study_of(tmp_path, [trial(0, "zero-shot", 0.6)], "block_size")) is None
    assert kind_drawing(study_of(tmp_path, [], "variety")) is None
