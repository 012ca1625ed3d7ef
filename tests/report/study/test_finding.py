"""The answers of studies of each design."""

from itertools import product

import pytest

from scripts.report.study.finding import BY_DESIGN, blocks_of, changes_of, level_text, on_the_same, signed
from scripts.report.study.record import DESIGNS, read_record
from scripts.report.study.summary import summary
from tests.report.study import records
from tests.report.study.records import compared, study_of, trial, write


def told(study):
    return BY_DESIGN[study.design](study, summary(study))


def told_of(folder, name):
    return told(read_record(write(folder, getattr(records, name)(folder))))


def test_each_design_has_an_answer(tmp_path):
    assert set(BY_DESIGN) == set(DESIGNS)
    for design in DESIGNS:
        (only,) = told(study_of(tmp_path, [], design))
        assert only.startswith(("Nothing can be compared yet", "No trial has a score"))


def test_a_winner_is_named_if_it_leads_in_each_seed(tmp_path):
    found = told(study_of(tmp_path, compared({"one": (0.92, 0.93), "two": (0.80, 0.811), "three": (0.7, 0.711)})))
    assert found[0].startswith(
        "one is the best of 3: one has AUROC 0.925 ± 0.007, two 0.806 ± 0.008. It leads by 0.119"
    )
    assert found[1] == "Behind one by more than seeds differ: three (by 0.220)."


def test_no_winner_is_named_by_chance_or_with_one_seed(tmp_path):
    found = told(study_of(tmp_path, compared({"one": (0.9, 0.8, 0.85), "two": (0.8, 0.9, 0.84)})))
    assert found[0].startswith("No winner can be named: one has")
    assert found[0].endswith("3 seeds may give that by chance.")
    found = told(study_of(tmp_path, compared({"one": (0.9, 0.9), "two": (0.8, 0.8)})))
    assert found[0].endswith("all 2 seeds gave the same, which says nothing about chance.")
    assert "more than seeds differ" not in " ".join(found)
    found = told(study_of(tmp_path, compared({"one": (0.9,), "two": (0.8,)})))
    assert found[0].startswith("No winner can be named with one seed: one has AUROC 0.900, two 0.800.")


def test_variants_that_were_scored_on_other_volumes_are_not_compared(tmp_path):
    found = told(study_of(tmp_path, [trial(0, "one", {"a": 0.9}), trial(1, "two", {"b": 0.8})]))
    assert found[0].startswith("The first two cannot be compared yet")
    assert told(study_of(tmp_path, [trial(0, "one", 0.9)])) == [
        "Nothing can be compared yet: one alone is scored, with AUROC 0.900."
    ]


def test_other_metrics_that_prefer_another_are_told(tmp_path):
    trials = compared({"one": (0.9,), "two": (0.8,)})
    trials[1]["scores"]["a"]["dice"] = 0.99
    assert "highest mean, be it by chance: two by Dice." in told(study_of(tmp_path, trials))[-1]


def test_a_search_is_decided_by_validation(tmp_path):
    params = [{"learning_rate": rate, "seed": 0} for rate in (1e-3, 1e-4)]
    trials = [
        trial(0, "a", 0.9, validation=0.5, params=params[0]),
        trial(1, "b", None, validation=0.6, params=params[1]),
    ]
    study = study_of(tmp_path, trials, "search", factors=["learning_rate"], importances={"learning_rate": 0.75})
    found = told(study)
    assert found[0] == "Of 2 combinations, learning rate 0.0001 does best: Dice 0.600 on validation."
    assert "0.100 behind" in found[1]
    assert found[2] == "What made most difference was the learning rate (75 % of what levels explain)."


def test_the_smallest_block_that_helps_is_named(tmp_path):
    found = told_of(tmp_path, "sizes")
    assert found[0].startswith("Fine-tuning helps from the smallest block (side 8 to 16 voxels): Dice rises from 0.395")
    assert "than training from scratch on the same block: the smallest block (side 8 to 16 voxels) (by +0.2" in found[1]
    assert found[2].startswith("On the largest block (side 32 to 64 voxels) (8.7 % of what is labelled), Dice is 0.552")


def test_blocks_of_other_sides_in_each_volume_are_compared_on_the_same_volumes(tmp_path):
    """Easy a (0.9) and hard b (0.3) gain 0.01 each; the blocks of a are half as large, and one is missing."""
    trials = [trial(n, "zero-shot", {v: at}, steps=0, about={"method": "zero-shot", "size": 0})
              for n, (v, at) in enumerate({"a": 0.9, "b": 0.3}.items())]  # fmt: skip
    for rank, sides in {"smallest": {"a": 16, "b": 32}, "largest": {"a": 32}}.items():
        for seed, (name, side) in product(range(3), sides.items()):
            value = {"a": 0.9, "b": 0.3}[name] + 0.01 + 0.0001 * seed - 0.001 * (rank == "largest")
            about = {"method": "fine-tuned", "size": side, "rank": rank}
            trials.append(trial(len(trials), f"fine-tuned, {rank} block", {name: value}, seed, about=about))
    study = study_of(tmp_path, trials, "block_size")
    assert list(blocks_of(study, "fine-tuned")) == ["smallest", "largest"]
    assert "from the smallest block (side 16 to 32 voxels): AUROC rises from 0.600, as" in told(study)[0]
    assert "shipped, to 0.610" in told(study)[0]
    one, other = on_the_same(blocks_of(study, "fine-tuned")["largest"], trials_of(study, "zero-shot"), "auroc")
    assert [list(each.scores) for each in (*one, *other)] == [["a"]] * 4


def trials_of(study, method):
    return [each for each in study.done if each.about["method"] == method]


def test_with_more_variants_a_lead_must_be_clearer(tmp_path):
    """Leads of 0.01, 0.012 and 0.014 are 10.4 standard errors: enough for 4 pairs (8.9), and not for 15 (17.3)."""
    found = {"one": (0.91, 0.912, 0.914), "two": (0.9, 0.9, 0.9)}
    few = found | {f"v{n}": (0.5, 0.51, 0.52) for n in range(3)}
    many = found | {f"v{n}": (0.5, 0.51, 0.52) for n in range(14)}
    assert told(study_of(tmp_path, compared(few)))[0].startswith("one is the best of 5")
    assert told(study_of(tmp_path, compared(many)))[0].startswith("No winner can be named")


def test_a_block_that_does_not_help_is_not_said_to(tmp_path):
    tuned = [trial(n, "t", 0.7 + 0.1 * (-1) ** n, n, about={"method": "fine-tuned", "size": 32}) for n in range(3)]
    none = trial(9, "zero-shot", 0.7, steps=0, about={"method": "zero-shot"})
    found = told(study_of(tmp_path, [*tuned, none], "block_size"))
    assert found[0] == "On no block can fine-tuning be told to raise AUROC, which is 0.700 without it."


def test_more_kinds_help_only_by_more_than_seeds_differ(tmp_path):
    found = told_of(tmp_path, "variety")
    assert found[0].startswith("More kinds help with kinds never seen: AUROC is, trained on 1 kind")
    assert found[1] == "All trained on about the same number of labelled voxels."
    trials = [trial(n, f"{n}", 0.7 + 0.1 * n, about={"kinds": n + 1, "voxels": 10**n}) for n in range(2)]
    found = told(study_of(tmp_path, trials, "variety"))
    assert found[0].startswith("Whether more kinds help cannot be told")
    assert "one seed cannot tell" in found[0]
    assert "was not the same" in found[1]


def test_tuning_changes_its_own_volume_and_others(tmp_path):
    """Own ones gain 0.201; others gain 0.001 or lose 0.099 and 0.199, of which among 9 that above 0.114 is clear."""
    found = told_of(tmp_path, "transfer")
    assert found[0].startswith("Tuning weights on one volume changes their Dice by +0.201 on the rest")
    assert "and −0.099 on those they never saw" in found[0]
    assert found[1].startswith("On the rest of the volume that they were tuned on, 3 of 3 become better (3 by more")
    assert "2 of 6 become better (0 by more than seeds differ) and 4 do not (2 are worse" in found[2]
    study = read_record(write(tmp_path, records.transfer(tmp_path)))
    changes = {(where, volume): change.mean for where, volume, change in changes_of(study, "dice")}
    assert changes["octa_retina", "vascusynth_a"] == pytest.approx(-0.199)


def test_numbers_as_words():
    assert [level_text(level) for level in (1e-5, 0.3, True, "ReLU", None)] == ["1e-05", "0.3", "True", "ReLU", "None"]
    assert (signed(0.1), signed(-0.1)) == ("+0.100", "−0.100")
