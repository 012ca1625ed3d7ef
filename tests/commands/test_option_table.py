"""The options of a config, with their defaults, as help and docs show them."""

import json

import pytest

from scripts.commands import option_table
from scripts.commands.option_table import in_words, options_of, overlay_names, used_options
from scripts.core import CONFIGS, OPTIONS


def test_options_are_what_stands_before_the_first_component(tmp_path, monkeypatch):
    config = {"epochs": 3, "strange": 1, "loss": {"_target_": "L"}, "seed": 4}
    (tmp_path / "x.json").write_text(json.dumps(config))
    (tmp_path / "y.json").write_text(json.dumps({"epochs": 5, "seed": 1}))
    monkeypatch.setattr(option_table, "CONFIGS", tmp_path)
    assert options_of("x") == {"epochs": 3}
    assert options_of("x", "y") == {"epochs": 5, "seed": 1}


def test_used_options_are_those_that_what_runs_refers_to(tmp_path, monkeypatch):
    base = {
        **{"epochs": 3, "seed": 4, "batch_size": 5, "overlap": 0.5, "rotation": 1},
        "loader": {"_target_": "L", "size": "@batch_size"},
        "trainer": {"loader": "$len(@loader)", "epochs": "@epochs", "parts": ["@seed"]},
        "initialize": [],
        "run": ["$@trainer#loader", "@trainer#parts#0"],
    }
    over = {"trainer#loader": "$@overlap", "run": ["$@trainer#loader"]}
    for name, config in (("base", base), ("over", over)):
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
    monkeypatch.setattr(option_table, "CONFIGS", tmp_path)
    assert used_options("base") == {"seed": 4, "batch_size": 5}
    assert used_options("base", "over") == {"overlap": 0.5}


def test_evaluating_uses_nothing_of_training():
    used = used_options("train", "evaluate")
    assert {"dataset_dir", "output_dir", "ckpt_path", "region", "threshold"} <= set(used)
    assert not {"epochs", "learning_rate", "rotation", "val_fraction", "resume"} & set(used)


@pytest.mark.parametrize("names", [("inference",), ("train",), ("train", "finetune"), ("train", "evaluate")])
def test_every_option_used_is_in_the_table(names):
    assert set(used_options(*names)) <= set(OPTIONS)


def test_defaults_in_words():
    assert in_words(None) == "none"
    assert in_words([1, 2]) == "`[1, 2]`"
    assert in_words("$@ckpt_dir + '/events'") == "`events/` in `ckpt_dir`"


def test_overlays_by_name():
    assert "loss_focal" in overlay_names()
    assert all((CONFIGS / "overlays" / f"{name}.json").is_file() for name in overlay_names())
