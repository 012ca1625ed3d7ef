"""What is known of a command without importing it is what an import tells."""

import inspect
import json
import subprocess
import sys

import pytest

from scripts.commands.registry import COMMANDS, Commands, describe
from tests.helpers.bundle_command import BUNDLE


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_source_tells_what_an_import_tells(name):
    read, known = COMMANDS.described(name), describe(COMMANDS[name])
    assert read.doc == inspect.cleandoc(known.doc)
    assert list(read.parameters) == list(known.parameters)
    for option, parameter in known.parameters.items():
        if read.complete or parameter.default is parameter.empty:
            assert read.parameters[option].default == parameter.default
        if isinstance(parameter.annotation, str):
            assert read.parameters[option].annotation == parameter.annotation


def test_defaults_are_complete_where_they_are_asked_for():
    assert not COMMANDS.described("label").complete  # whose host is a constant of another file
    assert COMMANDS.described("label", complete=True).parameters["host"].default == "127.0.0.1"


def test_it_is_a_mapping():
    assert list(COMMANDS)[:5] == ["segment", "train", "finetune", "pretrain", "evaluate"]
    assert len(COMMANDS) == len(list(COMMANDS))
    assert "outlines" in COMMANDS
    assert "outline" not in COMMANDS
    assert Commands({"join": "os.path:join"})["join"]("a", "b") in ("a/b", "a\\b")


HEAVY = ("torch", "monai", "scipy", "skimage", "tifffile", "matplotlib")


@pytest.mark.parametrize(
    "words", [[], ["--version"], ["segment", "--help"], ["outlines", "--help"], ["segment", "a.tif", "--treshold", "1"]]
)
def test_help_and_refusals_import_nothing_that_takes_seconds(words):
    """Started anew, because this process has imported all of it."""
    script = (
        "import sys, json, atexit\n"
        "sys.argv = ['scripts', *json.loads(sys.argv[1])]\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        "from scripts.__main__ import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, json.dumps(words)]
    done = subprocess.run(command, cwd=BUNDLE, capture_output=True, text=True, check=False)
    modules = json.loads(done.stderr.splitlines()[-1])
    assert "scripts.commands.cli" in modules
    assert not set(HEAVY) & set(modules)
