"""Configs are read and merged as MONAI does, and what MONAI would end in a traceback for is one line."""

import json
from itertools import chain, repeat

import pytest
from monai.bundle import ConfigParser

from scripts.core import CONFIGS
from scripts.core.configs.files import config_names, is_too_deep, load_config, merge_configs, put

OVERLAYS = sorted((CONFIGS / "overlays").glob("*.json"))
OF_INFERENCE = ("large_volume", "best", "quick")
STACKS = [
    ["inference"],
    ["train"],
    ["train", "finetune"],
    ["train", "pretrain"],
    ["train", "evaluate"],
    ["train", "evaluate", "multi_gpu_evaluate"],
    ["train", "multi_gpu_train"],
    ["inference", "inference_trt"],
    *(["inference" if path.stem in OF_INFERENCE else "train", f"overlays/{path.stem}"] for path in OVERLAYS),
]


@pytest.mark.parametrize("names", STACKS, ids="+".join)
def test_the_bundles_configs_are_merged_as_monai_merges_them(names):
    files = [str(CONFIGS / f"{name}.json") for name in names]
    assert merge_configs(files) == ConfigParser.load_config_files(files)


def test_a_plus_adds(tmp_path):
    base, overlay = tmp_path / "base.json", tmp_path / "overlay.json"
    base.write_text('{"a": {"b": [1, 2], "c": {"d": 1}}}')
    overlay.write_text('{"+a#b": [3], "+a#c": {"e": 2}, "a#b#0": 9, "+new": [1]}')
    files = [str(base), str(overlay)]
    merged = merge_configs(files)
    assert merged == {"a": {"b": [9, 2, 3], "c": {"d": 1, "e": 2}}, "new": [1]}
    with pytest.warns(UserWarning, match="new"):
        assert merged == ConfigParser.load_config_files(files)


def nested(depth):
    return "".join(chain(repeat('{"a":', depth), "1", repeat("}", depth)))


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("no.json", None, "no such config; check its name"),
        ("x.json", "{", "is not JSON"),
        ("x.json", "[1]", "holds a list and no ids"),
        ("x.txt", "{}", r"is neither \.json nor \.yaml"),
        ("x.yaml", "a: [", "cannot be read"),
        ("x.json", nested(65), "is nested deeper than 64 levels"),
        ("x.json", nested(100_000), "is nested too deep to be read"),
        ("x.json", '{"nothing#a": 1}', "nothing#a: the config has no 'nothing'"),
        ("x.json", '{"a": [1], "+a": {"b": 1}}', r"\+a: a dict cannot be added to a list; leave the \+ out"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, name, text, line):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=line) as error:
        merge_configs([str(path)])
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_yaml_is_read(tmp_path):
    (tmp_path / "x.yaml").write_text("epochs: 3\n")
    assert load_config(tmp_path / "x.yaml") == {"epochs": 3}


def test_how_deep():
    assert not is_too_deep(json.loads(nested(64)))
    assert is_too_deep(json.loads(nested(65)))
    assert not is_too_deep("text")


def test_the_names_of_configs():
    assert config_names("a.json") == ["a.json"]
    assert config_names("['a.json', 'b.json']") == ["a.json", "b.json"]
    assert config_names(["a.json"]) == ["a.json"]


def test_metadata_may_be_set():
    config = {"a": 1}
    put("--_meta_#version", "_meta_#version", "1", config)  # MONAI reads it later
    assert config == {"a": 1}
