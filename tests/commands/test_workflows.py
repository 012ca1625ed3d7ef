"""The commands that run a config: which words they make of what is typed, and what they refuse."""

import os
from pathlib import Path

import pytest

from scripts.commands.workflows import WORKFLOWS
from scripts.core import BUNDLE, CONFIGS


def read(command, *words):
    return WORKFLOWS[command].read(words)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder one is in, with a stack and a dataset."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stack.tif").touch()
    (tmp_path / "2024").mkdir()
    (tmp_path / "mine.json").write_text('{"overlap": 0.25}')
    return tmp_path


def test_what_monai_is_given(here):
    workflow = WORKFLOWS["finetune"]
    words = workflow.monai_words(workflow.read(["2024", "w", "--region", "0:8,0:8,:", "--epochs=3"]))
    configs = f"['{CONFIGS / 'train.json'}', '{CONFIGS / 'finetune.json'}']"
    assert words[:4] == ["--config_file", configs, "--bundle_root", str(BUNDLE)]
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert given == {
        "--dataset_dir": str(here / "2024"),
        "--ckpt_dir": str(here / "w"),
        "--region": "0:8,0:8,:",
        "--epochs": "3",
    }


def test_pretraining_needs_a_folder_for_its_weights_alone(here):
    workflow = WORKFLOWS["pretrain"]
    words = workflow.monai_words(workflow.read(["w", "--dataset_dir", "['2024','stack.tif']", "--masks_dir", "2024"]))
    assert words[1] == f"['{CONFIGS / 'train.json'}', '{CONFIGS / 'pretrain.json'}']"
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert given == {
        "--ckpt_dir": str(here / "w"),
        "--dataset_dir": str([str(here / "2024"), str(here / "stack.tif")]),
        "--masks_dir": str(here / "2024"),
    }
    assert {"real_share", "without", "dataset_weights", "region"} <= workflow.options.keys()
    with pytest.raises(ValueError, match="tubenet pretrain: DIR is missing; write tubenet pretrain DIR"):
        read("pretrain", "--masks_dir", "2024")


def test_places_may_be_named(here):
    for words in (["stack.tif", "out"], ["--dataset_dir", "stack.tif", "out"], ["--output-dir=out", "stack.tif"]):
        options = read("segment", *words).options
        assert options == {"dataset_dir": str(here / "stack.tif"), "output_dir": str(here / "out")}


def test_paths_are_those_of_the_folder_one_is_in(here):
    options = read("segment", "stack.tif", "--ckpt_path", "w/model.pt", "--output_dir", "~/out").options
    assert options["ckpt_path"] == str(here / "w" / "model.pt")
    assert options["output_dir"] == os.path.expanduser("~/out")
    several = read("train", "['2024','stack.tif']", "w").options["dataset_dir"]
    assert several == str([str(here / "2024"), str(here / "stack.tif")])


@pytest.mark.parametrize("name", ["$print(1)", "@seed", "%x.json::a", "[a]", "1,2"])
def test_the_name_of_a_file_is_never_an_expression(here, name):
    (here / name).mkdir(parents=True)
    assert read("segment", name).options["dataset_dir"] == str(here / name)


def test_an_expression_stays_one(here):
    assert read("train", "2024", "$@bundle_root + '/x'").options["ckpt_dir"] == "$@bundle_root + '/x'"


@pytest.mark.parametrize(("word", "value"), [("-v", "verbose"), ("-q", "quiet")])
@pytest.mark.parametrize("first", [True, False])
def test_short_forms(here, word, value, first):
    options = read("segment", *([word, "stack.tif"] if first else ["stack.tif", word])).options
    assert options["verbosity"] == value
    assert options["dataset_dir"] == str(here / "stack.tif")


def test_what_is_true_or_false_needs_no_value(here):
    assert read("segment", "stack.tif", "--save_probability", "-v").options["save_probability"] == "true"
    assert read("segment", "stack.tif", "--save_probability", "false").options["save_probability"] == "false"
    assert read("train", "2024", "w", "--unlabelled_value", "-1").options["unlabelled_value"] == "-1"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["--overlays", "loss_focal"], ["loss_focal"]),
        (["--overlays", "loss_focal,attention.json"], ["loss_focal", "attention"]),
        (["--overlays", "['loss_focal','attention']"], ["loss_focal", "attention"]),
        (["--overlays", "loss_focal", "--overlays=attention"], ["loss_focal", "attention"]),
    ],
)
def test_overlays_by_name(here, given, names):
    files = [str(CONFIGS / "overlays" / f"{name}.json") for name in names]
    assert read("train", "2024", "w", *given).overlays == files


def test_overlays_by_file(here):
    assert read("train", "2024", "w", "--overlays", "mine.json").overlays == [str(here / "mine.json")]
    assert read("train", "--ckpt_dir", "w", "--overlays", "pretrain").overlays == [str(CONFIGS / "pretrain.json")]


def test_what_a_file_of_options_states_is_not_missing(here):
    (here / "options.json").write_text('{"dataset_dir": "stack.tif", "output_dir": "out", "overlap": 0.25}')
    options = read("segment", "--args_file", "options.json").options
    assert (options["dataset_dir"], options["output_dir"]) == (str(here / "stack.tif"), str(here / "out"))
    assert read("segment", "2024", "--args_file", "options.json").options["dataset_dir"] == str(here / "2024")
    (here / "options.json").write_text('{"overlap": 0.25}')
    with pytest.raises(ValueError, match="IN is missing"):
        read("segment", "--args_file", "options.json")


@pytest.mark.parametrize(("words", "value"), [([], "true"), (["false"], "false"), (["True"], "True")])
def test_a_switch_takes_no_word_that_is_not_its_own(here, words, value):
    options = read("segment", "--save_probability", *words, "stack.tif", "out").options
    assert options["save_probability"] == value
    assert (options["dataset_dir"], options["output_dir"]) == (str(here / "stack.tif"), str(here / "out"))


def test_a_path_that_monai_would_misread_is_refused(here):
    (here / "we#ird.tif").touch()
    with pytest.raises(ValueError, match=r"we#ird\.tif: has a '#' in its path"):
        read("segment", "we#ird.tif", "out")


def test_an_overlay_brings_options_of_its_own(here):
    options = read("train", "2024", "w", "--log_dir", "x", "--overlays", "tensorboard").options
    assert options["log_dir"] == str(here / "x")
    with pytest.raises(ValueError, match=r"^--log_dir: train has no such option"):
        read("train", "2024", "w", "--log_dir", "x")


@pytest.mark.parametrize(
    ("command", "words", "line"),
    [
        ("segment", [], "tubenet segment: IN is missing; write tubenet segment IN [OUT]"),
        ("train", ["2024"], "tubenet train: DIR is missing; write tubenet train DATASET DIR"),
        ("segment", ["a", "b", "c"], "tubenet segment: takes no further word 'c'; write tubenet segment IN [OUT], and"),
        ("segment", ["2024", "--treshold", "1"], "--treshold: segment has no such option; did you mean --threshold?"),
        ("segment", ["2024", "--overlay", "a"], "--overlay: segment has no such option; did you mean --overlays?"),
        ("segment", ["2024", "--xyzzy", "a"], "--xyzzy: segment has no such option; tubenet segment --help lists its"),
        ("segment", ["2024", "--threshold"], "--threshold: its value is missing; write --threshold VALUE"),
        ("evaluate", ["2024", "o", "--epochs", "1"], "--epochs: evaluate does not use it; leave it out, or see --help"),
        ("train", ["2024", "w", "--overlays", "loss_fcal"], "no such config; did you mean --overlays loss_focal?"),
        (
            "train",
            ["2024", "w", "--overlays", "x/y.json"],
            "--overlays x/y.json: no such config; give a file, or one of",
        ),
        ("train", ["2024", "w", "--config_file", "x"], "--config_file: tubenet train chooses it; write --overlays"),
        ("segment", ["none.tif"], "none.tif: no such file or folder; check its name, and that it is in"),
    ],
)
def test_what_is_refused(here, command, words, line):
    with pytest.raises(ValueError, match=r"\S") as error:
        read(command, *words)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--threshold", "5"], "--threshold 5: is not a number from 0 to 1; give one such as 0.5"),
        (["--windws#overlap", "0.3"], "--windws#overlap: the config has no 'windws'; did you mean --windows#overlap?"),
        (
            ["--tracking", "mlfow"],
            "--tracking mlfow: is neither mlflow nor a file of settings; did you mean --tracking",
        ),
        (["--overlays", "loss_focal"], "loss_focal.json: loss#loss: the config has no 'loss'; "),
        (["--args_file", "deep.json"], "deep.json: is nested deeper than 64 levels; make it flatter"),
        (["--overlays", "deep.json"], "deep.json: is nested deeper than 64 levels; make it flatter"),
    ],
)
def test_what_monai_would_end_in_a_traceback_for(here, words, line):
    Path("deep.json").write_text('{"a": ' + "[" * 80 + "]" * 80 + "}")
    with pytest.raises(ValueError, match=r"\S") as error:
        WORKFLOWS["segment"]("stack.tif", *words)
    assert line in str(error.value)
    assert sorted(path.name for path in here.iterdir()) == ["2024", "deep.json", "mine.json", "stack.tif"]


def test_a_result_that_is_there_already(here):
    (here / "stack_seg.tif").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match=r"stack_seg\.tif: exists"):
        WORKFLOWS["segment"]("stack.tif")
    assert (here / "stack_seg.tif").read_bytes() == b"mine"
