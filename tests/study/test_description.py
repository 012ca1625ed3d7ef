import json

import pytest

from scripts.core import UserError
from scripts.study import PLANS, read_description, study_names
from scripts.study.description import STUDIES


def test_those_of_the_paper_are_there():
    assert study_names() == [
        "attention",
        "block-size",
        "hyperparameters",
        "losses",
        "optimisers",
        "transfer",
        "variety",
    ]
    assert {read_description(name)[1]["design"] for name in study_names()} == set(PLANS)


@pytest.mark.parametrize("name", study_names())
def test_each_says_what_the_paper_found_and_where(name):
    stem, found = read_description(name)
    assert stem == name
    assert set(found["paper"]) == {"where", "found", "metric", "figures"}
    assert found["question"].endswith("?")


def test_one_of_ones_own_is_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**json.loads((STUDIES / "losses.json").read_text()), "epochs": 3}))
    name, found = read_description(str(path))
    assert (name, found["epochs"], found["test_fraction"]) == ("mine", 3, 0.25)


def test_a_mistyped_name_is_told_the_nearest():
    with pytest.raises(UserError, match="study lossses: does not exist; did you mean losses"):
        read_description("lossses")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"design": "guess"}, "there is no design 'guess'"),
        ({"metric": "recall"}, "compares by 'recall'"),
        ({"question": None}, "does not say question"),
        ({"variant": {}}, "says 'variant', which no study has; did you mean variants"),
        ({"epochs": 0}, "epochs is 0; make it a whole number above 0"),
        ({"epochs": "two"}, "epochs is 'two'; make it"),
        ({"test_fraction": "a"}, "test_fraction is 'a'; make it a number"),
        ({"factors": "loss"}, "factors is 'loss'; make it a list"),
        ({"factors": []}, r"factors is \[\]; name what varies"),
        ({"variants": ["focal"]}, r"variants is \['focal'\]; make it a dictionary"),
        ({"variants": {"a": 3}}, "a is 3; write"),
        ({"variants": {"a": {"option": {}}}}, "a says 'option'; did you mean options"),
        ({"variants": {"a": {"configs": ["overlays/focal"]}}}, "a names a config 'overlays/focal'"),
        ({"variants": {"a": {"options": {"seed": 1}}}}, "a: sets seed, which a study sets itself"),
        ({"options": {"dataset_dir": "x"}}, "sets dataset_dir, which a study sets itself"),
        ({"options": {"batch_size": 0}}, "--batch_size 0"),
        ({"metrics": ["auroc", "aurok"]}, "there is no metric 'aurok'; did you mean auroc"),
    ],
)
def test_what_a_file_lacks_is_told(change, told, tmp_path):
    content = {**json.loads((STUDIES / "losses.json").read_text()), **change}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    with pytest.raises(UserError, match=told):
        read_description(str(path))
