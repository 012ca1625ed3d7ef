"""The answers of studies of each design."""

import pytest

from scripts.report.study.finding import BY_DESIGN, changes_of, level_text, signed
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
    found = told(study_of(tmp_path, compared({"one": (0.92, 0.93), "two": (0.80, 0.81), "three": (0.7, 0.71)})))
    assert found[0].startswith(
        "one is the best of 3: one has AUROC 0.925 ± 0.007, two 0.805 ± 0.007. It leads by 0.120"
    )
    assert found[1] == "Behind one by more than seeds differ: three (by 0.220)."


def test_no_winner_is_named_by_chance_or_with_one_seed(tmp_path):
    found = told(study_of(tmp_path, compared({"one": (0.9, 0.8, 0.85), "two": (0.8, 0.9, 0.84)})))
    assert found[0].startswith("No winner can be named: one has")
    assert found[0].endswith("which 3 seeds may give by chance.")
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
    assert found[0].startswith("Fine-tuning helps from the smallest block tried, of side 16: Dice rises from 0.395")
    assert "is better than training from scratch on the same block of side 16 (by +0.205), 32 (by +0.160)" in found[1]
    assert found[2] == "On the largest block, of side 64 (8.7 % of what is labelled), Dice is 0.552 ± 0.010."


def test_a_block_that_does_not_help_is_not_said_to(tmp_path):
    tuned = [trial(n, "t", 0.7 + 0.1 * (-1) ** n, n, about={"method": "fine-tuned", "size": 32}) for n in range(3)]
    none = trial(9, "zero-shot", 0.7, steps=0, about={"method": "zero-shot"})
    found = told(study_of(tmp_path, [*tuned, none], "block_size"))
    assert found[0] == "On no size of block can fine-tuning be told to raise AUROC, which is 0.700 without it."


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
    """Own ones gain 0.2 and half a per cent of the seeds; others lose 0, 0.1 and 0.2, less that half."""
    found = told_of(tmp_path, "transfer")
    assert found[0].startswith("Tuning weights on one volume changes their Dice by +0.205 on the rest")
    assert "and −0.095 on those they never saw" in found[0]
    assert found[1].startswith("On the rest of the volume that they were tuned on, 3 of 3 become better (3 by more")
    assert "2 of 6 become better (0 by more than seeds differ) and 4 do not (4 are worse" in found[2]
    study = read_record(write(tmp_path, records.transfer(tmp_path)))
    changes = {(where, volume): change.mean for where, volume, change in changes_of(study, "dice")}
    assert changes["octa_retina", "vascusynth_a"] == pytest.approx(-0.195)


def test_numbers_as_words():
    assert [level_text(level) for level in (1e-5, 0.3, True, "ReLU", None)] == ["1e-05", "0.3", "True", "ReLU", "None"]
    assert (signed(0.1), signed(-0.1)) == ("+0.100", "−0.100")
