"""Check the ids that overlays and options set; MONAI accepts mistyped and outdated ones."""

from __future__ import annotations

import inspect
import json
import pydoc
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ..errors import refuse
from ..flags import nearest, refuse_unknown
from ..paths import CONFIGS

RENAMED = {
    **{"study": "volumes", "parts": "split_volumes", "course": "fingerprint", "pace": "schedule"},
    **{"listed": "from_monailabel", "go_on": "resuming", "called_above": "decision_threshold"},
    **{"probability_too": "saving_probability", "weights": "checkpoint", "weights_in_use": "checkpoint"},
    **{"study_dir": "dataset_dir", "displayable_configs": "request_options"},
}
"""Top-level ids of earlier versions, and what they are called now."""

PERCENTILES = ("lower", "upper")
META = "_meta_"
"""The id under which MONAI puts metadata.json."""

_STARRED = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
_WINDOW = r"(validate#)?inferer#(roi_size|overlap|sw_batch_size|mode|sigma_scale|progress|buffer_steps|cval)"


def split_id(name: str) -> list[str]:
    """Return the parts of an id such as `windows#overlap` or `windows::overlap`."""
    return re.split("#|::", name.lstrip("+"))


def check_id(subject: str, name: str, config: Mapping[str, Any]) -> None:
    """Check one id that an overlay or option sets.

    Args:
        subject: the overlay or the option, for the message.
        name: the id, such as `windows#overlap`.
        config: the configs, merged.

    Raises:
        UserError: if it has another name now, if what it should be part of does not exist, or if it is no argument of
            the component that it belongs to.
    """
    check_name(subject, name)
    parts = split_id(name)
    parent: Any = parent_of(subject, name, config)
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


def check_name(subject: str, name: str) -> None:
    """Refuse an id of an earlier version, and say what it is called now.

    Raises:
        UserError: if it has another name now.
    """
    parts = split_id(name)
    if parts[0] in RENAMED and parts[0] not in shipped_ids():
        refuse(subject, f"{parts[0]!r} has another name now", f"write {RENAMED[parts[0]]}")
    if moved := re.fullmatch(_WINDOW, "#".join(parts)):
        refuse(subject, f"{moved[0]} has another name now", f"write {moved[1] or ''}windows#{moved[2]}")


def parent_of(subject: str, name: str, config: Mapping[str, Any]) -> Any:
    """Return the dictionary or list in which an id lies; MONAI would raise a KeyError.

    Args:
        subject: the overlay or the option, for the message.
        name: the id, such as `windows#overlap`.
        config: the configs, merged.

    Raises:
        UserError: if a part of the id before the last does not exist, or holds no further ids.
    """
    parts = split_id(name)
    if parts[0] == META:
        return None
    parent: Any = config
    whole, dashes = "#".join(parts), "--" if subject.startswith("--") else ""
    said = "" if dashes else f"{whole}: "  # an option is its own subject
    for depth, part in enumerate(parts):
        before = "#".join(parts[:depth])
        if isinstance(parent, Mapping):
            if depth == len(parts) - 1:
                return parent
            if part not in parent:
                near = nearest(part, parent, cutoff=0.6)
                whole_near = "#".join((*parts[:depth], near, *parts[depth + 1 :])) if near else ""
                problem = f"{said}{before or 'the config'} has no {part!r}"
                refuse(
                    subject, problem, f"did you mean {dashes}{whole_near}?" if near else "correct it, or leave it out"
                )
            parent = parent[part]
        elif isinstance(parent, list):
            if not re.fullmatch(r"-?\d+", part) or not -len(parent) <= int(part) < len(parent):
                problem = f"{said}{before} is a list of {len(parent)} and has no {part!r}"
                refuse(subject, problem, "count from 0, or give the whole list")
            if depth == len(parts) - 1:
                return parent
            parent = parent[int(part)]
        else:
            problem = f"{said}{before} is a single value and has no {part!r}"
            refuse(subject, problem, f"set {dashes}{before}, or leave this out")
    return parent


@cache
def shipped_ids() -> frozenset[str]:
    """Return the top-level names of all configs of the bundle."""
    files = {*CONFIGS.glob("*.json"), *CONFIGS.glob("overlays/*.json")} - {CONFIGS / "metadata.json"}
    return frozenset(split_id(name)[0] for path in files for name in json.loads(path.read_text(encoding="utf-8")))


def check_new_ids(subject: str, names: Iterable[str], known: set[str], text: str) -> None:
    """Check that top-level ids of an overlay are known, or that something refers to them.

    Args:
        subject: the overlay.
        names: the ids that it sets; a comment's begins with `_`.
        known: those that may be set.
        text: all configs, in which references by `@` or `%` are looked for.

    Raises:
        UserError: for an id that nothing refers to.
    """
    for name in names:
        top = split_id(name)[0]
        if top.startswith("_") or top in known or re.search(rf"(@|%|::){re.escape(top)}(?!\w)", text):
            continue
        problem = f"{top!r} is no id of the configs, and nothing refers to it"
        refuse_unknown(subject, problem, top, known, "correct it; the name of a comment begins with _")


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
