"""The options of configs with their defaults in words, for help and docs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from scripts.core import CONFIGS, OPTIONS
from scripts.core.configs.files import merge_configs
from scripts.core.configs.ids import split_id

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
