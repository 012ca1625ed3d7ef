"""The kinds of values that options take."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import MAX_NAME

AUTO = "auto"
INT8 = "int8"
DEPTH = "depth"
"""The value of the option `channel` by which the channels of a file are slices."""


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        name: the kind in words, as they follow "is not".
        accepts: function that returns whether a value is of this kind.
        example: value that a message suggests if the option has no default.
    """

    name: str
    accepts: Callable[[Any], bool]
    example: object = None


def is_number(value: Any) -> bool:
    """Return whether a value is a number, true and false not among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def whole_number(minimum: int) -> Kind:
    """Return the kind of whole numbers from `minimum` up."""
    return Kind(f"a whole number of at least {minimum}", lambda value: _is_whole(value) and value >= minimum, minimum)


def between(low: float, high: float) -> Kind:
    """Return the kind of numbers from `low` to `high`, both included."""
    return Kind(f"a number from {low} to {high}", lambda value: is_number(value) and low <= value <= high, 0.5)


def _is_path(value: Any) -> bool:
    named = isinstance(value, str) and value != "" and "\0" not in value
    try:
        return named and all(len(os.fsencode(part)) <= MAX_NAME for part in Path(value).parts)
    except UnicodeEncodeError:  # half of a UTF-16 pair, as JSON may hold it
        return False


def _are_paths(value: Any) -> bool:
    return _is_path(value) or (isinstance(value, list | tuple) and len(value) > 0 and all(map(_is_path, value)))


ANYTHING = Kind("anything", lambda value: True)
NUMBER = Kind("a number", is_number, 1)
BOOLEAN = Kind("true or false", lambda value: str(value).lower() in ("true", "false"), "true")
LOUDNESS = Kind("quiet, normal or verbose", lambda value: value in ("quiet", "normal", "verbose"), "verbose")
THEME = Kind("dark or light", lambda value: value in ("dark", "light"), "light")
LIST = Kind("a list", lambda value: isinstance(value, list | tuple), "[1, 2]")
NAMES = Kind(
    "a list of names",
    lambda value: isinstance(value, list | tuple) and all(isinstance(name, str) for name in value),
    "['encoder.0']",
)
CHANNEL = Kind(
    f"a whole number of at least 0, or {DEPTH}", lambda value: value == DEPTH or (_is_whole(value) and value >= 0), 0
)
PATH = Kind("a path", _is_path, "./NAME")
PATHS = Kind("a path or a list of paths", _are_paths, "['A','B']")
SIDES = Kind(
    "a list of three whole numbers",
    lambda value: isinstance(value, list | tuple) and len(value) == 3 and all(_is_whole(n) and n > 0 for n in value),
    "[64, 64, 64]",
)
