"""`python -m experiments ablation`: one real variant of seconds, going on after a stop, and what is refused."""

import json

import pytest

from experiments import ablation as module
from experiments.ablation import as_table, left_out_in_turn, run_ablation
from tests.helpers.dataset_examples import write_tubes


def test_parts_are_left_out_in_turn():
    variants = left_out_in_turn()
    assert variants["everything, seed 1"] == {"seed": 1}
    assert variants["without noise"] == {"without": "['noise']"}
    assert "without mask" not in variants
    assert "without mask" in left_out_in_turn(masks=True)
    assert len(variants) == 2 + 18


def test_a_table_by_hand():
    scores = {"a": {"x": {"dice": 0.5, "auroc": 0.75}}, "b": {"x": {"dice": 0.25, "auroc": None}}}
    assert as_table(scores) == "|  | x |\n|---|---|\n| a | 0.500 / 0.750 |\n| b | 0.250 / – |"


@pytest.mark.slow
@pytest.mark.usefixtures("forked_bundle")
def test_a_variant_is_trained_once(tmp_path, monkeypatch):
    dataset = write_tubes(tmp_path / "dataset", "a", (40, 36, 33))
    tiny = {"network_def#channels": "[4,4,8,8,8,8]", "patch_size": "[32,32,32]"}
    short = {"validation_volumes": 1, "num_workers": 0, "average": 0.5, "epochs": 1, "val_interval": 1}
    variants = tmp_path / "variants.json"
    variants.write_text(json.dumps({"plain": {**tiny, **short}}))
    said = run_ablation(dataset, tmp_path / "out", variants, steps=2)
    cases = json.loads((tmp_path / "out" / "plain" / "metrics.json").read_text())["cases"]
    assert said == as_table({"plain": cases})
    assert "| plain | 0." in said

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(module, "run_bundle", never)
    assert run_ablation(dataset, tmp_path / "out", variants, steps=2) == said


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "cannot be read as JSON"), ("[1]", "does not hold {NAME"), ('{"a": 1}', "does not hold {NAME")],
)
def test_files_that_hold_no_variants(tmp_path, text, words):
    path = tmp_path / "variants.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        run_ablation(tmp_path, tmp_path / "out", path)
    assert not (tmp_path / "out").exists()


def test_a_training_without_steps(tmp_path):
    with pytest.raises(ValueError, match="--steps 0"):
        run_ablation(tmp_path, tmp_path / "out", steps=0)
