"""What a command does not take is refused before it runs; paths stay paths."""

import pytest

from scripts.__main__ import COMMANDS
from scripts.commands.cli import checked_words


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["import-dataset", "My", "Data", "out"],
            r"import-dataset: takes no further word 'out'; put a name with spaces",
        ),
        (["import-dataset", "a", "b", "unlink"], r"no further word 'unlink'"),
        (["import-weights", "a.h5", "--ckpt_path"], r"--ckpt_path: its value is missing"),
    ],
)
def test_words_that_a_command_does_not_take(words, told):
    with pytest.raises(ValueError, match=told):
        checked_words(words, COMMANDS)


def test_words_that_pass():
    assert checked_words([], COMMANDS) == []
    assert checked_words(["--help"], COMMANDS) == ["--help"]
    words = ["synthesise", "x", "--voxel-size", "1,1,1", "--count=3", "--help"]
    assert checked_words(words, COMMANDS) == ["synthesise", "'x'", "--voxel-size", "1,1,1", "--count", "3", "--help"]
    assert checked_words(["synthesise", "x", "--", "--trace"], COMMANDS) == ["synthesise", "'x'", "--", "--trace"]
