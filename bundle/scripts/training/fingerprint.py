"""The settings that decide what a training computes; a resumed one needs the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

import torch
from ignite.engine import Engine

from scripts.core import DECIDE_TRAINING

FINE_TUNING = ("frozen", "frozen_epochs")  # change nothing in a training from scratch
LATER = {"level": 0, "tuned_share": 1}  # with the value that all trainings had before there was such a setting
OF_TRAINER = {"accumulation_steps": 1, "amp": False}
RATE, RATE_OF_OPTIMIZER = "learning_rate", "optimizer#lr"


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

    def take(self, trainer: Engine | None = None) -> dict[str, Any]:
        """Return the fingerprint as JSON values, under names such as `loss#weight`.

        Args:
            trainer: MONAI's trainer, whose own settings count where they are not MONAI's defaults.
        """
        unused = FINE_TUNING if self.components.get("started_from") is None else ()
        options = {
            name: self.resolved[name] for name in DECIDE_TRAINING if name in self.resolved and name not in unused
        }
        own = {name: getattr(trainer, name, usual) for name, usual in OF_TRAINER.items()}
        set_there = {f"trainer#{name}": value for name, value in own.items() if value != OF_TRAINER[name]}
        settings = {**_describe(options), **self.components, **set_there}
        # only what is not the default, as in the files of versions that did not look at it
        settings = {name: value for name, value in settings.items() if name not in LATER or value != LATER[name]}
        return json.loads(json.dumps(_flat(settings)))


def differences(begun: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """List in words how the fingerprint of a training differs from that of the config."""
    names = [name for name in sorted(begun.keys() | here.keys()) if begun.get(name) != here.get(name)]
    if RATE in names and here.get(RATE) == here.get(RATE_OF_OPTIMIZER):  # the same setting, which is told once
        names = [name for name in names if name != RATE_OF_OPTIMIZER]
    told = {name: [json.dumps(each.get(name, LATER.get(name))) for each in (begun, here)] for name in names}
    return [f"{name} {there} and not {mine}" for name, (there, mine) in told.items()]


def is_fingerprint(value: Any) -> bool:
    """Return whether a value is JSON values by name."""
    try:
        return isinstance(value, dict) and json.loads(json.dumps(value)) == value
    except (TypeError, ValueError, RecursionError):
        return False


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
