"""Read configs and lay them over one another as MONAI does.

What MONAI cannot use is refused in one line; MONAI itself takes seconds to import, and ends in a traceback.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue

from ..errors import refuse, refuse_failures
from ..files import check_regular
from ..json_file import read_json
from .ids import META, check_id, check_name, check_new_ids, parent_of, shipped_ids, split_id

MAX_DEPTH = 64
"""How deep a config may be nested; MONAI's resolver of references fails at a few hundred."""

REMEDY = "give a config, a JSON file of ids and their values"


def load_config(path: str | Path) -> dict[str, Any]:
    """Return what a config, or a file of options, holds.

    Args:
        path: the file, JSON or YAML.

    Raises:
        UserError: if it is missing or cannot be read, or is not a dictionary, or nested too deep.
    """
    file = Path(path)
    check_regular(file, "check its name", "no such config")
    suffix = file.suffix.lower()
    if suffix == ".json":
        content = read_json(file, REMEDY)
    elif suffix in (".yaml", ".yml"):
        from monai.bundle import ConfigParser  # takes seconds, which those who write JSON should not pay for

        with refuse_failures(path, "cannot be read", REMEDY):
            content = ConfigParser.load_config_file(path)
    else:
        refuse(path, "is neither .json nor .yaml", REMEDY)
    if not isinstance(content, dict):
        refuse(path, f"holds a {type(content).__name__} and no ids", REMEDY)
    if is_too_deep(content):
        refuse(path, f"is nested deeper than {MAX_DEPTH} levels", "make it flatter")
    return content


def is_too_deep(content: Any) -> bool:
    """Return whether dictionaries and lists are nested deeper than `MAX_DEPTH`."""
    level = [content]
    for _ in range(MAX_DEPTH + 1):
        level = [
            each
            for inner in level
            if isinstance(inner, dict | list | tuple)
            for each in (inner.values() if isinstance(inner, dict) else inner)
        ]
    return bool(level)


def config_names(files: Any) -> list[str]:
    """Return the files of the option `config_file`, which is one or a list, perhaps as text."""
    value = DefaultParseValue(files) if isinstance(files, str) and files.startswith(("[", "(")) else files
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


def merge_configs(files: Sequence[str]) -> dict[str, Any]:
    """Return configs laid over one another, as MONAI merges them.

    Args:
        files: the first stands on its own, the others go over it in turn.

    Raises:
        UserError: if one cannot be read, or sets an id whose parent does not exist.
    """
    config: dict[str, Any] = {}
    for file in files:
        for name, value in load_config(file).items():
            put(file, name, value, config)
    return config


def put(subject: str, name: str, value: Any, config: dict[str, Any]) -> None:
    """Set an id of a config, as MONAI does; one that begins with `+` is added to what is there.

    Args:
        subject: the overlay or the option, for the message.
        name: the id, such as `windows#overlap`.
        value: what to set it to.
        config: changed in place.

    Raises:
        UserError: if the id has another name now, its parent does not exist, or the value cannot be added.
    """
    check_name(subject, name)
    *_, last = split_id(name)
    parent = parent_of(subject, name, config)
    if parent is None:  # of the metadata, which MONAI reads later
        return
    key: Any = int(last) if isinstance(parent, list) else last
    there = parent[key] if isinstance(parent, list) else parent.get(key)
    if not name.startswith("+") or there is None:
        parent[key] = value
    elif isinstance(there, dict) and isinstance(value, dict):
        parent[key] = {**there, **value}
    elif isinstance(there, list) and isinstance(value, list):
        parent[key] = [*there, *value]
    else:
        problem = f"{name}: a {type(value).__name__} cannot be added to a {type(there).__name__}"
        refuse(subject, problem, "leave the + out to replace it")


def check_overlays(files: Sequence[str], config: Mapping[str, Any], monai_knows: Iterable[str], used: set[str]) -> None:
    """Check the ids that overlays set.

    A new id is one that some config refers to by `@` or `%`; a comment's begins with `_`.

    Args:
        files: the configs of a command, the first of which stands on its own.
        config: what they are merged to.
        monai_knows: names that MONAI itself takes.
        used: ids that the command line names, as by `--run_id`.

    Raises:
        UserError: for an id that nothing refers to, that has another name now, or that is no argument of its component.
    """
    text = json.dumps(config, default=str)
    known = {*load_config(files[0]), *shipped_ids(), *monai_knows, *used, META}
    for file in files[1:]:
        names = list(load_config(file))
        for name in names:
            check_id(file, name, config)
        check_new_ids(file, names, known, text)
