"""A command line of commands, by fire."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fire

from scripts.core import install_excepthook, read_flag, refuse, refuse_unknown


def run_commands(commands: Mapping[str, Callable], name: str) -> None:
    """Run the command on this process's command line and print what it returns; a failure ends in one line.

    Args:
        commands: functions, whose docstrings are the help.
        name: of the program, for the help.
    """
    install_excepthook()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("scripts").setLevel(logging.INFO)
    words = checked_words(sys.argv[1:], commands)
    fire.Fire({command: _as_command(function) for command, function in commands.items()}, command=words, name=name)


def _as_command(function: Callable) -> Callable:
    """Keep fire from calling methods of what is returned, with the words that are left."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        if (result := function(*args, **kwargs)) is not None:
            print(result)

    return command


def checked_words(words: Sequence[str], commands: Mapping[str, Callable]) -> list[str]:
    """Refuse what a command does not take before anything is done; fire would run it first and complain afterwards.

    Args:
        words: the command line without the program.
        commands: as in `run_commands`.

    Returns:
        The words for fire, paths in quotes, for it would read 2024 as a number.

    Raises:
        UserError: for a `--flag` that the command, the first of the words, does not have, a path that is missing after
            its flag, or more words than it takes.
    """
    if not words or words[0] not in commands:
        return list(words)
    command, rest = words[0], list(words[1:])
    parameters = inspect.signature(commands[command]).parameters
    known, paths = {*parameters, "help"}, {name for name, each in parameters.items() if _is_path(each)}
    checked, given, loose = [command], set(), []
    while rest and rest[0] != "--":  # what follows are flags of fire's own
        word = rest.pop(0)
        flag = read_flag(word)
        if flag is None:
            loose.append(len(checked))
            checked.append(word)
            continue
        name, value = flag
        if name not in known:
            refuse_unknown(f"--{name}", f"{command} has no such option", name, known, f"see {command} --help")
        given.add(name)
        checked.append(word.partition("=")[0])
        if value is None and rest and read_flag(rest[0]) is None:
            value = rest.pop(0)
        if value is not None:
            checked.append(repr(value) if name in paths else value)
        elif name in paths:
            refuse(f"--{name}", "its value is missing", f"write --{name} PATH")
    places = [name for name in parameters if name not in given]
    if len(loose) > len(places):
        problem = f"takes no further word {checked[loose[len(places)]]!r}"
        refuse(command, problem, "put a name with spaces in quotes, and see --help")
    for name, index in zip(places, loose, strict=False):
        if name in paths:
            checked[index] = repr(checked[index])
    return checked + rest


def _is_path(parameter: inspect.Parameter) -> bool:
    kind = str(parameter.annotation)  # a text, and of a list of paths another one
    return "Path" in kind and "Sequence" not in kind
