"""Compare ways of training, such as losses or optimisers, on the same data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from scripts.core import refuse

from .held_out import hold_out
from .trial import Setting, Trial


@dataclass(frozen=True)
class Variant:
    """A way of training: what is laid over `train.json`; see `Trial`."""

    name: str
    levels: Mapping[str, str]
    configs: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)


def plan(setting: Setting) -> list[Trial]:
    """Plan one training for each variant and seed, all on the same data (`hold_out`).

    All variants of the first seed come first, so that a study that was stopped still compares all of them.

    Args:
        setting: its description has `factors`, of which the first names what the `variants` are levels of:
            `{NAME: {"configs": [...], "options": {...}}}`. Or it has `levels`, `{FACTOR: {LEVEL: {...}}}`: then every
            combination of levels is a variant.

    Raises:
        UserError: as `hold_out`, or if there is no variant, or levels of two factors set the same option.
    """
    variants = variants_of(setting.description)
    data = hold_out(setting)
    return [
        Trial(
            variant=each.name,
            seed=seed,
            trains=data.trains,
            scored=data.scored,
            params={**each.levels, "seed": seed},
            configs=each.configs,
            options=each.options,
            about={"held_out": data.told, "kind_of": dict(setting.kinds)},
        )
        for seed in setting.seeds
        for each in variants
    ]


def variants_of(description: Mapping[str, Any]) -> list[Variant]:
    """Return the variants of a description in its order; of several factors all combinations.

    Raises:
        UserError: if there is none, or levels of two factors set the same option.
    """
    levels = description.get("levels") or {description["factors"][0]: description.get("variants") or {}}
    found = [_combined(dict(zip(levels, names, strict=True)), levels) for names in product(*levels.values())]
    if not found:
        refuse("the study", "has no variants to compare", 'give some as "variants": {NAME: {"options": {...}}}')
    return found


def _combined(chosen: Mapping[str, str], levels: Mapping[str, Mapping[str, Any]]) -> Variant:
    """Return the variant that has one level of each factor."""
    configs: list[str] = []
    options: dict[str, Any] = {}
    for factor, level in chosen.items():
        laid = levels[factor][level]
        if twice := options.keys() & laid.get("options", {}).keys():
            problem = f"sets {min(twice)}, which another factor sets too"
            refuse(f"{factor} {level}", problem, "let one factor alone set it")
        configs += [each for each in laid.get("configs", ()) if each not in configs]
        options |= laid.get("options", {})
    return Variant(", ".join(chosen.values()), chosen, tuple(configs), options)
