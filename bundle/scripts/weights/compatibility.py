"""Describe in words why weights do not fit a network or a config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

MAX_LISTED = 12  # mismatched tensors in one message


def has_other_classes(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], classifier: str) -> bool:
    """Return whether weights have another number of classes than the network to load them into."""
    name = f"{classifier}.weight"  # (classes, ...)
    return name in state and name in wanted and len(state[name]) != len(wanted[name])


def differences(
    sidecar: Mapping[str, Any], title: str, config: Mapping[str, Any], may_differ: Sequence[str] = ()
) -> list[str]:
    """List the values in one part of the sidecar that differ from those in the config.

    Args:
        sidecar: the weights' sidecar.
        title: which part of it to compare, `network` or `normalisation`.
        config: the config's values for that part.
        may_differ: names of values to leave out.
    """
    trained = sidecar.get(title, {})
    return [
        f"{name} is {json.dumps(trained[name])} in the weights and {json.dumps(config[name])} in the config"
        for name in sorted(trained.keys() & config.keys())
        if name not in may_differ and trained[name] != json.loads(json.dumps(config[name]))
    ]


def not_finite(state: Mapping[str, torch.Tensor]) -> list[str]:
    """List the tensors that hold NaN or infinite numbers, as a cast may leave them."""
    return [name for name, value in state.items() if not torch.isfinite(value).all()]


def misfits(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> list[str]:
    """List the tensors that only one of two state dicts has, or that differ in shape."""

    def shape(tensors: Mapping[str, torch.Tensor], name: str) -> str:
        return str(tuple(tensors[name].shape)) if name in tensors else "missing"

    names = [name for name in {**wanted, **state} if shape(state, name) != shape(wanted, name)]
    told = [
        f"{name} is {shape(state, name)} in the weights and {shape(wanted, name)} in the network"
        for name in names[:MAX_LISTED]
    ]
    return told + ([f"and {len(names) - MAX_LISTED} more tensors"] if len(names) > MAX_LISTED else [])
