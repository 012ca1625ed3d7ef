"""What a command line should not hold is refused before anything runs; paths stay paths."""

import re

import pytest

from scripts.commands import COMMANDS, cli
from scripts.commands.cli import MOVED, check_command, checked_words
from scripts.core.configs import RENAMED

SCRIPTS = "python -m scripts"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["import-weights", "My", "Data", "out.h5"],
            r"import-weights: takes no further word 'out\.h5'; put a name with spaces",
        ),
        (["import-weights", "a", "b", "unlink"], r"no further word 'unlink'"),
        (["import-weights", "a.h5", "--ckpt_path"], r"--ckpt_path: its value is missing"),
        (["import-dataset", "a"], r"import-dataset: --output_dir is missing; give it"),
        (["import-dataset", "--output_dir", "a"], r"--data_dir is missing"),
    ],
)
def test_words_that_a_command_does_not_take(words, message):
    with pytest.raises(ValueError, match=message):
        checked_words(words, COMMANDS)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("synthesize", f"{SCRIPTS} synthesize: there is no such command; did you mean synthesise?"),
        ("resutls", f"{SCRIPTS} resutls: there is no such command; did you mean results?"),
        ("qqq", f"{SCRIPTS} qqq: there is no such command; {SCRIPTS} --help lists the commands"),
        (
            "results",
            f"{SCRIPTS} results: is no longer a command; "
            "write PYTHONPATH=bundle python -m experiments results, in the folder above bundle",
        ),
        ("import-study", f"{SCRIPTS} import-study: is no longer a command; write {SCRIPTS} import-dataset"),
        ("--count", f"{SCRIPTS} --count: stands where a command should; write {SCRIPTS} COMMAND --count"),
    ],
)
def test_words_that_are_no_command(word, line):
    with pytest.raises(ValueError, match=f"^{re.escape(line)}$"):
        check_command([word, "--help"], COMMANDS, SCRIPTS)


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["--", "--help"], ["synthesise"]])
def test_commands_and_asking_for_help_pass(words):
    check_command(words, COMMANDS, SCRIPTS)


def test_an_option_of_an_earlier_version():
    with pytest.raises(ValueError, match=r"--readme: has another name now; write --page$"):
        checked_words(["results", "--readme", "x"], {"results": lambda page=None: page})


def test_names_of_before_stand_in_one_place():
    assert cli.RENAMED.items() >= RENAMED.items()
    with pytest.raises(ValueError, match=r"--study_dir: has another name now; write --dataset_dir$"):
        checked_words(["outlines", "--study_dir", "x"], COMMANDS)


def test_options_of_segment_are_given_by_name():
    with pytest.raises(ValueError, match="watch: takes no further word 'x'"):
        checked_words(["watch", "in", "out", "5", "[]", "x"], COMMANDS)
    words = ["watch", "in", "out", "--ckpt_path", "2024", "--min_size", "5"]
    assert checked_words(words, COMMANDS) == ["watch", "'in'", "'out'", "--ckpt_path", "'2024'", "--min_size", "5"]


def test_no_command_that_exists_is_said_to_have_moved():
    assert not MOVED.keys() & COMMANDS.keys()


def test_names_that_look_like_numbers_stay_names():
    given = ["suggest", "7.tif", "out", "--add"]
    assert checked_words([*given, "7_32_8_0"], COMMANDS)[-1] == "'7_32_8_0'"
    assert checked_words([*given, "['7_32_8_0']"], COMMANDS)[-1] == "['7_32_8_0']"
    assert checked_words([*given, "7_32_8_0,7_0_0_0"], COMMANDS)[-1] == "['7_32_8_0', '7_0_0_0']"
    box = "0:64,0:64,0:32"
    assert checked_words([*given[:3], "--labelled", box], COMMANDS)[-1] == repr(box)
    with pytest.raises(ValueError, match=r"--add: its value is missing; write --add NAME"):
        checked_words(given, COMMANDS)


def test_words_that_pass():
    assert checked_words([], COMMANDS) == []
    assert checked_words(["--help"], COMMANDS) == ["--help"]
    words = ["synthesise", "x", "--voxel-size", "1,1,1", "--count=3", "--help"]
    assert checked_words(words, COMMANDS) == ["synthesise", "'x'", "--voxel-size", "1,1,1", "--count", "3", "--help"]
    assert checked_words(["synthesise", "x", "--", "--trace"], COMMANDS) == ["synthesise", "'x'", "--", "--trace"]
