"""The help pages: what they list comes from the configs, the table of options and the docstrings."""

import pytest

from scripts.commands.help import list_of_commands, page_of, read_docstring
from scripts.commands.registry import COMMANDS
from scripts.commands.workflows import WORKFLOWS
from scripts.core import OPTIONS


def words(page):
    return " ".join(page.split())


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_the_page_of_a_workflow_lists_each_option_with_its_meaning(name):
    page = words(page_of(name, COMMANDS.described(name), "tubenet"))
    assert page.startswith(f"usage: {WORKFLOWS[name].usage('tubenet')} [--OPTION VALUE ...]")
    for option in WORKFLOWS[name].options:
        meaning = OPTIONS[option].meaning.replace("`", "").replace("*", "")
        assert f"--{option} {meaning}" in page
    for more in ("--overlays", "--windows#overlap", "-v, -q", "loss_focal", "--args_file", "--tracking"):
        assert more in page


def test_defaults_are_those_of_the_config_that_goes_over():
    train = words(page_of("train", COMMANDS.described("train"), "tubenet"))
    finetune = words(page_of("finetune", COMMANDS.described("finetune"), "tubenet"))
    assert "--epochs number of epochs to train; a whole number of at least 1; default 100" in train
    assert "--epochs number of epochs to train; a whole number of at least 1; default 10 " in finetune


def test_the_page_of_another_command():
    page = page_of("outlines", COMMANDS.described("outlines"), "tubenet")
    assert page.startswith("usage: tubenet outlines DATASET_DIR SEGMENTATIONS_DIR [--OPTION VALUE ...]\n\nDraw a pict")
    assert "--segmentations_dir" in page
    assert "default 12" in page_of("synthesise", COMMANDS.described("synthesise"), "tubenet")


def test_the_page_of_a_command_that_takes_the_options_of_another():
    page = words(page_of("watch", COMMANDS.described("watch"), "tubenet"))
    assert page.startswith("usage: tubenet watch INPUT_DIR OUTPUT_DIR [--OPTION VALUE ...]")
    assert "--interval seconds between two looks" in page
    for option in ("smooth", "min_size", "tta", "label_value", "ckpt_path"):
        assert f"--{option} {OPTIONS[option].meaning.replace('`', '')}" in page
    assert "default models/model.pt" in page


def test_the_list_shows_the_four_first():
    listed = list_of_commands({name: COMMANDS.described(name).summary for name in COMMANDS}, "tubenet")
    assert listed.index("segment IN [OUT]") < listed.index("train DATASET DIR") < listed.index("average-weights")
    assert words(listed).endswith("tubenet COMMAND --help lists the options of one.")


@pytest.mark.parametrize("columns", ["20", "80", "400"])
def test_lines_are_as_wide_as_one_reads(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    widths = [len(line) for line in page_of("train", COMMANDS.described("train"), "tubenet").splitlines()]
    assert max(widths) <= max(60, min(100, int(columns)))


def test_a_docstring_is_split():
    text = (
        "Do it.\n\nIn two\nlines.\n\nArgs:\n    one: the first,\n        with more.\n    two: (X, Y): a shape.\n\n"
        "Returns:\n    nothing: at all.\n\nRaises:\n    UserError: three: of them."
    )
    assert read_docstring(text) == (
        "Do it.\n\nIn two lines.",
        {"one": "the first, with more.", "two": "(X, Y): a shape."},
    )
    assert read_docstring("Do it.\n\nReturns:\n    one: nothing.") == ("Do it.", {})
