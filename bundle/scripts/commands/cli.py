"""The command line of `tubenet` and `python -m scripts`, and of bench and experiments.

What a command does not take is refused before anything is imported, and fire, which would first run the command and
complain afterwards, only calls it.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fire

from scripts.core import CLOCK, LINE, read_flag, refuse, refuse_unknown, set_up_process, version
from scripts.core.configs import RENAMED as RENAMED_IDS

from .help import list_of_commands, page_of
from .registry import Commands, Described, describe
from .workflows import WORKFLOWS

MOVED = {
    "import-study": "python -m scripts import-dataset",
    "results": "PYTHONPATH=bundle python -m experiments results, in the folder above bundle",
    "trials": "PYTHONPATH=bundle python -m experiments ablation, in the folder above bundle",
}
"""Commands of earlier versions, and what to write instead."""

RENAMED = {**RENAMED_IDS, "readme": "page"}
"""Options of earlier versions, and their names now."""

HELP = ("--help", "-h")


def run_commands(commands: Mapping[str, Callable[..., Any]], program: str) -> None:
    """Run the command on this process's command line, and print what it returns.

    A failure ends the process with one line. Without a command, the commands are listed.

    Args:
        commands: functions by name; their docstrings are the help.
        program: what stands before the command, such as `python -m scripts`.
    """
    logging.basicConfig(format=LINE, datefmt=CLOCK)
    set_up_process()
    words = sys.argv[1:]
    if words in (["--version"], ["version"]):
        print(f"tubenet {version()}")
        return
    check_command(words, commands, program)
    if not words or words[0] in (*HELP, "help", "--"):
        print(list_of_commands({name: _described(commands, name).summary for name in commands}, program))
        return
    name, rest = words[0], words[1:]
    if any(word in HELP for word in rest):
        print(page_of(name, _described(commands, name, complete=True), program))
    elif name in WORKFLOWS and isinstance(commands, Commands):
        WORKFLOWS[name](*rest, program=program)
    else:
        checked = checked_words(words, commands)[1:]
        fire.Fire(_printing(commands[name]), command=checked, name=f"{program} {name}")


def _described(commands: Mapping[str, Callable[..., Any]], name: str, complete: bool = False) -> Described:
    return commands.described(name, complete) if isinstance(commands, Commands) else describe(commands[name])


def check_command(words: Sequence[str], commands: Mapping[str, Callable[..., Any]], program: str) -> None:
    """Check that a command line names a command, or none.

    Args:
        words: the command line without the program.
        commands: functions by name.
        program: what stands before the command.

    Raises:
        UserError: for a command that does not exist, or exists no longer, and for an option before the command.
    """
    if not words or words[0] in (*commands, *HELP, "help", "--"):
        return
    word = words[0]
    if word in MOVED:
        refuse(f"{program} {word}", "is no longer a command", f"write {MOVED[word]}")
    if read_flag(word):
        refuse(f"{program} {word}", "stands where a command should", f"write {program} COMMAND {word}")
    remedy = f"{program} --help lists the commands"
    refuse_unknown(f"{program} {word}", "there is no such command", word, [*commands, *MOVED], remedy)


def checked_words(words: Sequence[str], commands: Mapping[str, Callable[..., Any]]) -> list[str]:
    """Check the words after a command, and return them as fire should read them.

    Args:
        words: the command line without the program.
        commands: functions by name.

    Returns:
        The words, with paths in quotes, because fire would read a folder named 2024 as a number.

    Raises:
        UserError: for an option that the command does not have, a path that is missing after its option, an option that
            the command needs and is not there, or more words than the command takes.
    """
    if not words or words[0] not in commands:
        return list(words)
    command, rest = words[0], list(words[1:])
    parameters = _described(commands, command).parameters
    known, paths = {*parameters, "help"}, {name for name, each in parameters.items() if _is_path(each)}
    names = {name for name, each in parameters.items() if _is_names(each)}
    checked, given, loose = [command], set(), []
    while rest and rest[0] != "--":  # after it come flags of fire's own
        word = rest.pop(0)
        flag = read_flag(word)
        if flag is None:
            loose.append(len(checked))
            checked.append(word)
            continue
        name, value = flag
        if name not in known:
            if RENAMED.get(name) in known:
                refuse(f"--{name}", "has another name now", f"write --{RENAMED[name]}")
            remedy = f"{command} --help lists its options"
            refuse_unknown(f"--{name}", f"{command} has no such option", name, known, remedy)
        given.add(name)
        checked.append(word.partition("=")[0])
        if value is None and rest and read_flag(rest[0]) is None:
            value = rest.pop(0)
        if value is not None:
            if name in names and value[:1] not in ("[", "("):
                several = "," in value and ":" not in value  # a box has commas of its own
                checked.append(repr(value.split(",") if several else value))
            else:
                checked.append(repr(value) if name in paths else value)
        elif name in paths or name in names:
            refuse(f"--{name}", "its value is missing", f"write --{name} {'PATH' if name in paths else 'NAME'}")
    by_name = inspect.Parameter.KEYWORD_ONLY
    places = [name for name, each in parameters.items() if name not in given and each.kind is not by_name]
    if len(loose) > len(places):
        problem = f"takes no further word {checked[loose[len(places)]]!r}"
        refuse(command, problem, "put a name with spaces in quotes, and see --help")
    asks_for_help = "help" in given or bool(rest)
    missing = [name for name in places[len(loose) :] if parameters[name].default is inspect.Parameter.empty]
    if missing and not asks_for_help:
        refuse(command, f"--{missing[0]} is missing", f"give it, {command} --help lists the options")
    for name, index in zip(places, loose, strict=False):
        if name in paths:
            checked[index] = repr(checked[index])
    return checked + rest


def _printing(function: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that prints what `function` returns.

    Fire would call methods of what is returned, with the words that are left.
    """

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        """Call the function and print what it returns."""
        if (result := function(*args, **kwargs)) is not None:
            print(result)

    return command


def _is_path(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter takes one path, by its annotation as text."""
    kind = str(parameter.annotation)
    return "Path" in kind and "Sequence" not in kind


def _is_names(parameter: inspect.Parameter) -> bool:
    """Tell whether a parameter takes names, of which 7_32_8_0 would else be a number."""
    return str(parameter.annotation).startswith("str | Sequence[str]")
