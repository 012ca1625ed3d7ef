"""The command line of `python -m scripts`: what it lists, what it refuses, and its exit status."""

import inspect
import logging
import sys

import pytest

from scripts.__main__ import main
from scripts.commands import COMMANDS
from scripts.core import UserError
from tests.helpers.dataset_examples import BUNDLE


@pytest.fixture
def command(monkeypatch, capsys):
    """The command in this process: its exit status and all that it printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["scripts", *words])
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        monkeypatch.setenv("PAGER", "cat")
        status = 0
        try:
            main()
        except SystemExit as left:
            status = left.code
        out = capsys.readouterr()
        return status, out.out + out.err

    package = logging.getLogger("scripts")
    level = package.level
    yield run
    package.setLevel(level)


def test_commands_are_listed(command):
    status, said = command()
    assert not status
    said = " ".join(said.split())
    assert {"demo", "synthesise"} <= set(COMMANDS)
    for name, function in COMMANDS.items():
        assert name in said
        assert function.__doc__.splitlines()[0] in said


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize("asked", [("--help",), ("--", "--help")])
def test_help_of_a_command_names_its_options(command, name, asked):
    status, said = command(name, *asked)
    assert not status
    for option in inspect.signature(COMMANDS[name]).parameters:
        assert option in said.lower()
    if name == "synthesise":
        assert "how many volumes" in said


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["scripts", "resutls"], "python -m scripts resutls: there is no such command; did you mean results?"),
        (["scripts", "import-study", "a", "b"], "is no longer a command; write python -m scripts import-dataset"),
        (
            ["bench", "trials", "--help"],
            "write PYTHONPATH=bundle python -m experiments ablation, in the folder above bundle",
        ),
        (["experiments", "reslts"], "python -m experiments reslts: there is no such command; did you mean results?"),
    ],
)
def test_a_command_that_does_not_exist_is_one_line_and_status_1(words, line, python_m):
    done = python_m(*words, cwd=BUNDLE.parent, environment={"PYTHONPATH": str(BUNDLE)})
    assert done.status == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"{line}\n")
    assert done.stderr.count("\n") == 1


def test_a_command_without_its_folder(command):
    with pytest.raises(UserError, match=r"^synthesise: --output_dir is missing; give it, synthesise --help lists"):
        command("synthesise")


def test_options_reach_the_command(command, tmp_path):
    dataset = tmp_path / "dataset"
    status, _ = command("synthesise", str(dataset), "--count", "1", "--shape=16,12,8", "--style", "tree", "--seed", "4")
    assert not status
    assert [path.name for path in dataset.rglob("*.tif")] == ["tree_4.tif", "tree_4.tif"]


@pytest.mark.parametrize("flag", [("--cuont", "1"), ("--cuont=1",), ("--voxel-sizes", "1,1,1")])
def test_a_mistyped_flag_is_refused_before_anything_is_done(command, tmp_path, flag):
    near = "--voxel_size" if "voxel" in flag[0] else "--count"
    with pytest.raises(ValueError, match=f"did you mean {near}"):
        command("synthesise", str(tmp_path / "dataset"), *flag, "--shape", "16,12,8")
    assert not list(tmp_path.iterdir())


def test_a_path_may_look_like_a_number(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in (("2024",), ("--output_dir", "12.5"), ("--output_dir=[a]",)):
        status, _ = command("synthesise", *word, "--count", "1", "--shape=16,12,8", "--style", "tree")
        assert not status
    assert sorted(path.name for path in tmp_path.iterdir()) == ["12.5", "2024", "[a]"]


def test_a_failure_is_one_line_and_status_1(python_m):
    done = python_m("scripts", "synthesise", "unused", "--count", "0", plain=True)
    assert done.status == 1
    assert done.stderr == "error: --count 0: is not a whole number of at least 1; give one such as 12\n"
    assert not (BUNDLE / "unused").exists()
