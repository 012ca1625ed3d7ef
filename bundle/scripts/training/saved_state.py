"""Compare the states in a file with those of the objects that they will be loaded into."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch

from scripts.core import MAX_WHOLE
from scripts.weights import is_plain

from .epoch_table import EpochTable
from .handlers import Patience

VALIDATOR = {"epoch": 0, "metrics": {}, "best_metric": 0.0, "best_metric_epoch": 0}
"""What is kept of the validation engine's state, with values of the right types."""
MAX = sys.float_info.max
CHANGE_IN_TRAINING = ("lr", "betas", "momentum")
"""Settings of an optimiser that a schedule may change."""


class MismatchError(ValueError):
    """A saved value is not what it should be; the message says which and why."""


def check_state(name: str, component: Any, saved: Any) -> None:
    """Check that `component.load_state_dict(saved)` would leave sensible values; change nothing.

    Args:
        name: the component's name.
        component: a network, optimiser, schedule or handler.
        saved: what a file holds of it.

    Raises:
        MismatchError: if a key, type or shape is another than that of its own state, or a number is NaN or infinite.
    """
    if isinstance(component, torch.optim.Optimizer):
        _check_optimizer(name, component, saved)
    elif isinstance(component, EpochTable):
        check_alike(name, {"rows": []}, saved)
        for number, row in enumerate(saved["rows"]):
            check_scores(f"{name}.rows.{number}", row)
    elif isinstance(component, Patience):
        # the patience may have been none, or may be none now
        check_alike(name, {"counter": 0, "best": None} if saved != {} else {}, saved)
    else:
        check_alike(name, component.state_dict(), saved)


def check_validator(saved: Any) -> None:
    """Check what is kept of the validation engine.

    Raises:
        MismatchError: as for `check_state`.
    """
    before = {"before"} & set(saved) if isinstance(saved, Mapping) else set()  # of a fine-tuning alone
    _check_keys("validator", VALIDATOR | dict.fromkeys(before), saved)
    for key in ("metrics", *before):
        check_scores(f"validator.{key}", saved[key])
    for key in ("epoch", "best_metric_epoch"):
        check_count(f"validator.{key}", saved[key], -1)  # -1: none was the best yet
    best = saved["best_metric"]  # NaN after a validation in which it was undefined
    if not isinstance(best, float) or best == math.inf:
        raise MismatchError("validator.best_metric is not a score")


def check_scores(name: str, saved: Any) -> None:
    """Check finite numbers by name.

    Raises:
        MismatchError: if it is anything else.
    """
    if not isinstance(saved, dict) or not all(isinstance(key, str) for key in saved):
        raise MismatchError(f"{name} are not numbers by name")
    for key, value in saved.items():
        check_alike(f"{name}.{key}", 0.0, value)


def check_count(name: str, saved: Any, least: int = 0) -> None:
    """Check a whole number.

    Raises:
        MismatchError: if it is none, or below `least`.
    """
    if type(saved) is not int or not least <= saved <= MAX_WHOLE:
        raise MismatchError(f"{name} is not a whole number from {least}")


def check_alike(name: str, own: Any, saved: Any) -> None:
    """Check that a saved value has one's own keys, types, lengths and shapes, and is finite.

    Numbers may be of either kind in a list, such as a schedule's learning rates, and any number may be where there is
    none yet.

    Raises:
        MismatchError: if not.
    """
    if isinstance(own, torch.Tensor):
        _check_tensor(name, own, saved)
    elif isinstance(own, Mapping):
        _check_keys(name, own, saved)
        for key in own:
            check_alike(f"{name}.{key}", own[key], saved[key])
    elif isinstance(own, list | tuple):
        if not isinstance(saved, list | tuple) or (own and len(saved) != len(own)):
            raise MismatchError(f"{name} is not a list of {len(own)}")
        for number, (mine, other) in enumerate(zip(own, saved, strict=False)):
            check_alike(f"{name}.{number}", float(mine) if type(mine) is int else mine, other)
    elif type(own) is int:
        check_count(name, saved)
    elif isinstance(own, float) or own is None:
        if saved is None and own is None:
            return
        if type(saved) not in (int, float) or (own not in (math.inf, -math.inf) and not abs(saved) <= MAX):
            raise MismatchError(f"{name} is not a finite number")
    elif type(saved) is not type(own):
        raise MismatchError(f"{name} is not a {type(own).__name__}")


def _check_keys(name: str, own: Mapping[Any, Any], saved: Any) -> None:
    if not isinstance(saved, Mapping) or set(saved) != set(own):
        raise MismatchError(f"{name} does not hold what it should")


def _check_tensor(name: str, own: torch.Tensor, saved: Any) -> None:
    right = isinstance(saved, torch.Tensor) and saved.device.type == "cpu" and saved.layout == own.layout
    if not right or saved.shape != own.shape or saved.dtype != own.dtype:
        raise MismatchError(f"{name} is not a tensor {tuple(own.shape)} of {str(own.dtype).removeprefix('torch.')}")
    if saved.is_floating_point() and not torch.isfinite(saved).all():
        raise MismatchError(f"{name} holds NaN or infinite numbers")


def _check_optimizer(name: str, optimizer: torch.optim.Optimizer, saved: Any) -> None:
    """Load a copy, and let it take a step with gradients of zero: so any optimiser is checked."""
    _check_keys(name, {"state": {}, "param_groups": []}, saved)
    own = optimizer.state_dict()["param_groups"]
    if not isinstance(saved["param_groups"], list) or len(saved["param_groups"]) != len(own):
        raise MismatchError(f"{name}.param_groups is not a list of {len(own)}")
    for number, (mine, other) in enumerate(zip(own, saved["param_groups"], strict=True)):
        _check_group(f"{name}.param_groups.{number}", mine, other)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not isinstance(saved["state"], dict):
        raise MismatchError(f"{name}.state is not the moments of each weight")
    for number, moments in saved["state"].items():
        if type(number) is not int or not 0 <= number < len(weights) or not isinstance(moments, dict):
            raise MismatchError(f"{name}.state is not the moments of each weight")
        for key, value in moments.items():
            place = f"{name}.state.{number}.{key}"
            if isinstance(value, torch.Tensor):
                _check_moment(place, weights[number], value)
            elif value is not None:
                check_alike(place, 0.0, value)
                _check_moment(place, weights[number], torch.tensor(float(value)))  # as PyTorch will hold it
    copy = deepcopy(optimizer)
    try:
        copy.load_state_dict(deepcopy(saved))  # the step would change its tensors
        for weight in (copied := [weight for group in copy.param_groups for weight in group["params"]]):
            weight.grad = torch.zeros_like(weight)
        copy.step()
    except MemoryError:
        raise
    except Exception as error:  # each optimiser has its own
        raise MismatchError(f"{name} cannot go on from its state ({type(error).__name__})") from None
    if not all(torch.isfinite(weight).all() for weight in copied):
        raise MismatchError(f"{name} would make the weights NaN or infinite")


def _check_moment(name: str, weight: torch.Tensor, saved: torch.Tensor) -> None:
    """A moment is one number, or has the weight's shape, or that with sides of 1 (Adafactor)."""
    sides = zip(saved.shape, weight.shape, strict=False)
    if not is_plain(saved) or (saved.ndim and (saved.ndim != weight.ndim or any(a not in (1, b) for a, b in sides))):
        raise MismatchError(f"{name} is not a tensor that fits {tuple(weight.shape)}")
    if not torch.isfinite(saved).all():
        raise MismatchError(f"{name} holds NaN or infinite numbers")


def _check_group(name: str, own: Mapping[str, Any], saved: Any) -> None:
    _check_keys(name, own, saved)
    for key, mine in own.items():
        check_alike(f"{name}.{key}", float(mine) if type(mine) is int else mine, saved[key])
        if key not in CHANGE_IN_TRAINING and saved[key] != mine:
            raise MismatchError(f"{name}.{key} is another than this training's")
    rates = [saved["lr"], *(rate for key in CHANGE_IN_TRAINING[1:] for rate in _as_list(saved.get(key, ())))]
    if any(rate < 0 for rate in rates) or any(rate >= 1 for rate in rates[1:]):
        raise MismatchError(f"{name} holds rates out of range")


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
