"""What keeps weights from fitting a network or a config, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

MAX_LISTED = 12  # tensors that do not match, in one message


def has_other_classes(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], classifier: str) -> bool:
    """Whether weights tell another number of classes apart than the network that wants them."""
    name = f"{classifier}.weight"  # (classes, ...)
    return name in state and name in wanted and len(state[name]) != len(wanted[name])


def differences(
    sidecar: Mapping[str, Any], title: str, config: Mapping[str, Any], may_differ: Sequence[str] = ()
) -> list[str]:
    """List the values of a part of the sidecar that the config has otherwise.

    Args:
        sidecar: of the weights.
        title: the part, `network` or `normalisation`.
        config: the values of the config.
        may_differ: names that do not count.
    """
    trained = sidecar.get(title, {})
    return [
        f"{name} is {json.dumps(trained[name])} in the weights and {json.dumps(config[name])} in the config"
        for name in sorted(trained.keys() & config.keys())
        if name not in may_differ and trained[name] != json.loads(json.dumps(config[name]))
    ]


def misfits(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> list[str]:
    """List the tensors that one of two state dicts lacks or has in another shape."""

    def shape(tensors: Mapping[str, torch.Tensor], name: str) -> str:
        return str(tuple(tensors[name].shape)) if name in tensors else "absent"

    names = [name for name in {**wanted, **state} if shape(state, name) != shape(wanted, name)]
    told = [f"{name} is {shape(state, name)} there and {shape(wanted, name)} here" for name in names[:MAX_LISTED]]
    return told + ([f"and {len(names) - MAX_LISTED} tensors more"] if len(names) > MAX_LISTED else [])
