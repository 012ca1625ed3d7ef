"""A command line of verbs, by fire."""

from __future__ import annotations

import difflib
import functools
import inspect
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fire

from scripts.core import install


def run_verbs(verbs: Mapping[str, Callable], name: str) -> None:
    """Run the verb on this process's command line and print what it returns; a failure ends in one line.

    Args:
        verbs: functions, whose docstrings are the help.
        name: of the program, for the help.
    """
    install()
    logging.basicConfig(format="%(message)s")
    logging.getLogger("scripts").setLevel(logging.INFO)
    words = checked_words(sys.argv[1:], verbs)
    fire.Fire({verb: _as_command(function) for verb, function in verbs.items()}, command=words, name=name)


def _as_command(function: Callable) -> Callable:
    """Keep fire from calling methods of what is returned, with the words that are left."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        if (result := function(*args, **kwargs)) is not None:
            print(result)

    return command


def checked_words(words: Sequence[str], verbs: Mapping[str, Callable]) -> list[str]:
    """Refuse what a verb does not take before anything is done; fire would run it first and complain afterwards.

    Args:
        words: the command line without the program.
        verbs: as in :func:`run_verbs`.

    Returns:
        The words for fire, paths in quotes, for it would read 2024 as a number.

    Raises:
        ValueError: for a ``--flag`` that the verb, the first of the words, does not have, a path that is missing after
            its flag, or more words than it takes.
    """
    if not words or words[0] not in verbs:
        return list(words)
    verb, rest = words[0], list(words[1:])
    parameters = inspect.signature(verbs[verb]).parameters
    known, paths = {*parameters, "help"}, {name for name, each in parameters.items() if _is_path(each)}
    checked, given, loose = [verb], set(), []
    while rest and rest[0] != "--":  # what follows are flags of fire's own
        word = rest.pop(0)
        if not _is_flag(word):
            loose.append(len(checked))
            checked.append(word)
            continue
        flag, equals, value = word.partition("=")
        name = flag.lstrip("-").replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise ValueError(f"--{name}: {verb} has no such flag" + (f"; did you mean --{near[0]}?" if near else ""))
        given.add(name)
        checked.append(flag)
        if equals or (rest and not _is_flag(rest[0])):
            value = value if equals else rest.pop(0)
            checked.append(repr(value) if name in paths else value)
        elif name in paths:
            raise ValueError(f"--{name}: its value is missing; write --{name} PATH")
    places = [name for name in parameters if name not in given]
    if len(loose) > len(places):
        raise ValueError(
            f"{verb}: takes no further word {checked[loose[len(places)]]!r}; put a name with spaces in quotes, "
            f"and see --help"
        )
    for name, index in zip(places, loose, strict=False):
        if name in paths:
            checked[index] = repr(checked[index])
    return checked + rest


def _is_path(parameter: inspect.Parameter) -> bool:
    kind = str(parameter.annotation)  # a text, and of a list of paths another one
    return "Path" in kind and "Sequence" not in kind


def _is_flag(word: str) -> bool:
    return re.match(r"--?[A-Za-z_]", word) is not None  # fire takes one dash for two
