"""Check the ids that overlays and options set; MONAI accepts mistyped and outdated ones."""

from __future__ import annotations

import inspect
import json
import pydoc
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from .errors import refuse
from .options import refuse_unknown
from .paths import CONFIGS

RENAMED = {
    **{"study": "volumes", "parts": "split_volumes", "course": "fingerprint", "pace": "schedule"},
    **{"listed": "from_monailabel", "go_on": "resuming", "called_above": "decision_threshold"},
    **{"probability_too": "saving_probability", "weights": "checkpoint", "weights_in_use": "checkpoint"},
    **{"study_dir": "dataset_dir", "displayable_configs": "request_options"},
}
"""Top-level ids of earlier versions, and what they are called now."""

PERCENTILES = ("lower", "upper")

_STARRED = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_WINDOW = r"(validate#)?inferer#(roi_size|overlap|sw_batch_size|mode|sigma_scale|progress|buffer_steps|cval)"


def check_overlays(files: Sequence[str], config: Mapping[str, Any], monai_knows: Iterable[str], used: set[str]) -> None:
    """Check the ids that overlays set.

    A new id is one that some config refers to by `@` or `%`; a comment's begins with `_`.

    Args:
        files: the configs of a command, the first of which stands on its own.
        config: what MONAI merges them to.
        monai_knows: names that MONAI itself takes.
        used: ids that the command line names, as by `--run_id`.

    Raises:
        UserError: for an id that nothing refers to, that has another name now, or that is no argument of its component.
    """
    from monai.bundle import ConfigParser  # takes a second, which other users of this package should not pay for

    text = json.dumps(config, default=str)
    for file in files[1:]:
        known = set(ConfigParser.load_config_files(files[0])) | _shipped() | set(monai_knows) | used
        for name in ConfigParser.load_config_file(file):
            check_id(str(file), name, config)
            top = _split(name)[0]
            if top.startswith("_") or top in known or re.search(rf"(@|%|::){re.escape(top)}(?!\w)", text):
                continue
            problem = f"{top!r} is no id of the configs, and nothing refers to it"
            refuse_unknown(str(file), problem, top, known, "correct it; the name of a comment begins with _")


def check_id(subject: str, name: str, config: Mapping[str, Any]) -> None:
    """Check one id that an overlay or option sets.

    Args:
        subject: the overlay or the option, for the message.
        name: the id, such as `windows#overlap`.
        config: the configs, merged.

    Raises:
        UserError: if it has another name now, or is no argument of the component that it belongs to.
    """
    parts = _split(name)
    if parts[0] in RENAMED and parts[0] not in _shipped():
        refuse(subject, f"{parts[0]!r} has another name now", f"write {RENAMED[parts[0]]}")
    if moved := re.fullmatch(_WINDOW, "#".join(parts)):
        refuse(subject, f"{moved[0]} has another name now", f"write {moved[1] or ''}windows#{moved[2]}")
    parent: Any = config
    for part in parts[:-1]:
        parent = _inside(parent, part)
    if len(parts) < 2 or not isinstance(parent, Mapping) or parts[-1].startswith("_"):
        return
    whole, before = "#".join(parts), "#".join(parts[:-1])
    if before == "normalisation" and parts[-1] not in PERCENTILES:
        refuse(subject, f"{whole}: there is no such percentile", "write normalisation#lower or normalisation#upper")
    known = _arguments(parent.get("_target_"))
    if known is not None and parts[-1] not in known:
        problem = f"{whole}: {parent['_target_']} has no argument {parts[-1]!r}"
        near = [f"{before}#{argument}" for argument in known]
        refuse_unknown(subject, problem, whole, near, f"it has {', '.join(known)}, or leave this out")


def _inside(parent: Any, part: str) -> Any:
    if isinstance(parent, list):
        return parent[int(part)] if part.isdecimal() and int(part) < len(parent) else None
    return parent.get(part) if isinstance(parent, Mapping) else None


def _split(name: str) -> list[str]:
    return re.split("#|::", name.lstrip("+"))


@cache
def _shipped() -> frozenset[str]:
    """Return the top-level names of all configs of the bundle."""
    files = [path for path in CONFIGS.rglob("*.json") if path.name != "metadata.json"]
    return frozenset(_split(name)[0] for path in files for name in json.loads(path.read_text()))


def _arguments(target: Any) -> list[str] | None:
    """Return the arguments of a component; None if they are not known, or if it takes any."""
    if not isinstance(target, str) or target.startswith("$"):
        return None
    try:
        if "." not in target:
            from monai.bundle import ComponentLocator

            module = ComponentLocator().get_component_module_name(target)
            target = f"{module if isinstance(module, str) else (module or ['?'])[0]}.{target}"
        component: Any = pydoc.locate(target)
        known: list[str] = []
        # what a class of this bundle passes on by **kwargs goes to the class above
        for each in component.__mro__ if isinstance(component, type) and target.startswith("scripts.") else [component]:
            parameters = inspect.signature(each).parameters.values()
            known += [argument.name for argument in parameters if argument.kind not in _STARRED]
            if all(argument.kind is not inspect.Parameter.VAR_KEYWORD for argument in parameters):
                return known
    except Exception:  # MONAI tells what is wrong with the component itself
        return None
    return None
