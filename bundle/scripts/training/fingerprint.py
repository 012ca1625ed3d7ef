"""The settings that decide what a training computes; a resumed one needs the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import torch

from scripts.core import DECIDE_TRAINING

FINE_TUNING = ("frozen", "frozen_epochs")  # change nothing in a training from scratch


class Fingerprint:
    """The settings that decide what a training computes; resuming it needs the same ones.

    Args:
        resolved: the config's resolved values by id, from which the options in `scripts.core.DECIDE_TRAINING` are
            taken. They are looked up when the fingerprint is taken, because by then the whole config is resolved.
        components: further values by name, or objects, described by their class and public attributes. They are read
            now, before a transform has drawn random numbers.
    """

    def __init__(self, resolved: Mapping[str, Any], components: Mapping[str, Any]) -> None:
        self.resolved = resolved
        self.components = _describe(components)

    def take(self) -> dict[str, Any]:
        """Return the fingerprint as JSON values, under names such as `loss#weight`."""
        unused = FINE_TUNING if self.components.get("started_from") is None else ()
        options = {
            name: self.resolved[name] for name in DECIDE_TRAINING if name in self.resolved and name not in unused
        }
        return json.loads(json.dumps(_flat({**_describe(options), **self.components})))


def _describe(component: Any) -> Any:
    """Describe the settings of a component (a loss, a list of transforms) as JSON values.

    Numbers, texts, lists and dictionaries are kept, tensors become lists of numbers, and objects become their class and
    public attributes without random states.
    """
    if component is None or isinstance(component, bool | int | float | str):
        return component
    if isinstance(component, Mapping):
        return {str(name): _describe(value) for name, value in component.items()}
    if isinstance(component, list | tuple):
        return [_describe(value) for value in component]
    if isinstance(component, torch.Tensor):
        return component.tolist()
    if isinstance(component, Enum):
        return component.value
    if isinstance(component, torch.optim.Optimizer):
        return {"class": type(component).__name__, **_describe(component.defaults)}
    if not type(component).__module__.startswith(("monai.", "scripts.", "torch.nn.")):
        return type(component).__name__
    passing = ("R", "training")  # change during a run
    own = {name: value for name, value in vars(component).items() if not name.startswith("_") and name not in passing}
    if isinstance(component, torch.nn.Module):
        own |= dict(component.named_children()) | dict(component.named_buffers(recurse=False))
    return {"class": type(component).__name__, **_describe(own)}


def _flat(nested: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items():
        inner = _flat(value, f"{before}{name}#") if isinstance(value, Mapping) and value else {f"{before}{name}": value}
        flat |= inner
    return flat
