"""Read flags of a command line, and suggest the nearest name for a mistyped one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import NoReturn

from .errors import refuse


def read_flag(word: str) -> tuple[str, str | None] | None:
    """Split a flag of the command line into name and value.

    As in fire, `-` and `_` are the same in a name, and one dash before it is the same as two.

    Returns:
        `("name", "value")` for `--name=value`, `("name", None)` for `--name`, None for a word that is not a flag.
    """
    if not re.match(r"--?[A-Za-z_+]", word):
        return None
    name, equals, value = word.lstrip("-").partition("=")
    return name.replace("-", "_"), value if equals else None


def refuse_unknown(subject: str, problem: str, name: str, known: Iterable[str], otherwise: str) -> NoReturn:
    """Refuse an unknown name and suggest the nearest known one.

    Args:
        subject: what the message is about, for example `--epoch`.
        problem: what is wrong with it.
        name: the unknown name.
        known: all known names.
        otherwise: the remedy if no known name is near.
    """
    near = nearest(name, known)
    prefix = "--" if subject.startswith("--") else ""
    refuse(subject, problem, f"did you mean {prefix}{near}?" if near else otherwise)


def nearest(name: str, known: Iterable[str], cutoff: float = 0.5) -> str | None:
    """Return the known name that is most like a mistyped one, or None if none is near.

    Args:
        name: the mistyped name.
        known: all known names.
        cutoff: how like it has to be, 1 for equal; see `difflib.get_close_matches`.
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return near[0] if near else None
