"""What is a flag of a command line, and how a mistyped name is answered."""

import pytest

from scripts.core import read_flag, refuse_unknown


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("--epochs", ("epochs", None)),
        ("-epochs", ("epochs", None)),
        ("--epochs=3", ("epochs", "3")),
        ("--a=b=c", ("a", "b=c")),
        ("--voxel-size", ("voxel_size", None)),
        ("epochs", None),
        ("-3", None),
        ("", None),
    ],
)
def test_what_is_a_flag(word, flag):
    assert read_flag(word) == flag


def test_a_near_name_is_suggested_and_else_the_remedy_given():
    with pytest.raises(ValueError, match=r"^--epoch: no such option; did you mean --epochs\?$"):
        refuse_unknown("--epoch", "no such option", "epoch", ["epochs", "seed"], "see --help")
    with pytest.raises(ValueError, match=r"^--qqq: no such option; see --help$"):
        refuse_unknown("--qqq", "no such option", "qqq", ["epochs", "seed"], "see --help")
