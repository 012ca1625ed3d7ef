"""The options of configs with their defaults in words, for help and docs."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from scripts.core import CONFIGS, OPTIONS
from scripts.core.configs.files import merge_configs
from scripts.core.configs.ids import split_id
from scripts.core.kinds import ANYTHING, PATH, PATHS

Function = TypeVar("Function", bound=Callable[..., Any])

RUN = ("initialize", "run", "finalize")
"""What MONAI runs of a config."""

WORDS = {
    "$@bundle_root + '/models/model.pt'": "`models/model.pt`",
    "$@bundle_root + '/output'": "`output/`",
    "$@bundle_root + '/eval'": "`eval/`",
    "$@bundle_root + '/checkpoints'": "`checkpoints/`",
    "$@ckpt_dir + '/events'": "`events/` in `ckpt_dir`",
    "@best_device": "a GPU if there is one",
    "$'cuda' if torch.cuda.is_available() else 'cpu'": "a GPU if there is one",
}
"""Defaults that are expressions, in words; folders are those of the bundle."""


def read_config(name: str) -> dict[str, Any]:
    """Return a config of the bundle by its name, such as `train` or `overlays/loss_focal`."""
    return json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))


def options_of(*names: str) -> dict[str, Any]:
    """Return the options of configs with their defaults.

    They are what stands at the top, before the first component.

    Args:
        names: the first stands on its own, the others go over it in turn.
    """
    options: dict[str, Any] = {}
    for name in names:
        for key, value in read_config(name).items():
            if "_target_" in str(value):
                break
            if key in OPTIONS:
                options[key] = value
    return options


def used_options(*names: str) -> dict[str, Any]:
    """Return those options of configs that what they run refers to, with their defaults.

    The configs that score weights go over those that train, and leave many options behind.

    Args:
        names: as for `options_of`.
    """
    config = merge_configs([str(CONFIGS / f"{name}.json") for name in names])
    seen: set[str] = set()
    waiting = [*RUN]
    while waiting:
        if (each := waiting.pop()) not in seen:
            seen.add(each)
            waiting += re.findall(r"@([\w#:]+)", json.dumps(_inside(config, each)))
    used = {split_id(each)[0] for each in seen}
    return {name: value for name, value in options_of(*names).items() if name in used}


def option_parameters(*configs: str, apart: Iterable[str] = ()) -> list[inspect.Parameter]:
    """Return the options of configs as keyword parameters of a function, with defaults.

    Args:
        configs: as for `used_options`.
        apart: names that are left out.
    """
    kind, left_out = inspect.Parameter.KEYWORD_ONLY, set(apart)
    return [
        inspect.Parameter(
            name, kind, default=default, annotation="str | Path" if OPTIONS[name].kind in (PATH, PATHS) else "Any"
        )
        for name, default in used_options(*configs).items()
        if name not in left_out
    ]


def with_options_of(*configs: str, apart: Sequence[str] = ()) -> Callable[[Function], Function]:
    """Tell fire, help and docs that a function which takes `**options` takes those of configs.

    >>> @with_options_of("inference", apart=["dataset_dir"])
    ... def watch(folder, **options): ...

    Args:
        configs: as for `used_options`.
        apart: options that it does not take.
    """

    def decorate(function: Function) -> Function:
        """Put the options into the signature, in the place of `**options`."""
        signature = inspect.signature(function)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        more = option_parameters(*configs, apart=[*apart, *(each.name for each in own)])
        vars(function)["__signature__"] = inspect.Signature(
            [*own, *more], return_annotation=signature.return_annotation
        )
        return function

    return decorate


def meaning_of(name: str, default: Any, place: str = "") -> str:
    """Return what an option means, with its kind and default, in words.

    Args:
        name: of the option.
        default: its default; None is not told.
        place: what it is called where it is given in order, in parentheses.
    """
    option = OPTIONS[name]
    kind = "" if option.kind is ANYTHING else f"; {option.kind.name}"
    return f"{option.meaning}{place}{kind}" + ("" if default is None else f"; default {in_words(default)}")


def _inside(config: Any, name: str) -> Any:
    """Return what an id refers to; None for one that MONAI resolves otherwise."""
    for part in split_id(name):
        if isinstance(config, list) and part.isdecimal() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, dict) and part in config:
            config = config[part]
        else:
            return None
    return config


def in_words(value: Any) -> str:
    """Return a default as docs show it, code in backticks."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return WORDS.get(text, f"`{text}`")


def overlay_names(over: Sequence[str] = ()) -> list[str]:
    """Return the names of the overlays of the bundle, as one types them."""
    return [path.stem for path in sorted((CONFIGS / "overlays").glob("*.json")) if path.stem not in over]
