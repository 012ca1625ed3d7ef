"""Search for good options at random, as the paper did, all on the same data."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.core import counted, refuse

from .held_out import hold_out
from .trial import OWN, Setting, Trial

logger = logging.getLogger(__name__)

TRIALS = 15
"""As many combinations as the paper tried."""
DIGITS = 3  # of numbers drawn from an interval, so that one can type what a table names
MAX_DRAWS = 1000  # for each combination; 36 of 36 are found within some 150 draws in all

Choice = tuple[str, Any, Any]
"""How tables name a value, with its parameter unless it has a name of its own; the level; what the option is set to."""


def plan(setting: Setting) -> list[Trial]:
    """Plan a training for each of several random combinations of options.

    All have the same seed and the same data (`hold_out`), and no two have the same options.

    Args:
        setting: its description has `ranges`, `{PARAMETER: {"option": PATH, ...}}`, each with `values`, a list of plain
            values or a mapping of names to any values, or with `low`, `high` and `log`, whether small numbers are as
            likely as large ones by their logarithm; and `trials`, how many combinations are drawn, by default 15. They
            depend on the first of the seeds alone.

    Raises:
        UserError: as `hold_out`, or if a range cannot be drawn from.
    """
    ranges: Mapping[str, Mapping[str, Any]] = setting.description.get("ranges") or {}
    count = setting.description.get("trials", TRIALS)
    if not ranges or not isinstance(count, int) or count < 1:
        refuse("the study", "has no ranges, or no trials", 'give "ranges": {PARAMETER: {...}} and one trial or more')
    for name, each in ranges.items():
        _check(name, each)
    seed = setting.seeds[0]
    found = _combinations(ranges, count, np.random.default_rng(seed))
    if len(found) < count:
        logger.warning("the ranges have only %s, fewer than %d", counted(len(found), "combination"), count)
    data = hold_out(setting)
    return [
        Trial(
            variant=", ".join(shown for shown, _, _ in chosen),
            seed=seed,
            trains=data.trains,
            scored=data.scored,
            params={**{name: level for name, (_, level, _) in zip(ranges, chosen, strict=True)}, "seed": seed},
            options={each["option"]: value for each, (_, _, value) in zip(ranges.values(), chosen, strict=True)},
            about={"held_out": data.told, "kind_of": dict(setting.kinds)},
        )
        for chosen in found
    ]


def _check(name: str, values: Mapping[str, Any]) -> None:
    """Refuse a range that cannot be drawn from."""
    subject = f"the range of {name}"
    if not isinstance(values, Mapping):
        refuse(subject, f"is {values!r}", 'write {"option": "learning_rate", "values": [0.001]}')
    if name in OWN or str(values.get("option")).partition("#")[0] in OWN:
        refuse(subject, "sets what a study sets itself", "leave it out")
    if "option" not in values:
        refuse(subject, "names no option that it sets", 'give one as "option": "learning_rate"')
    if "values" in values:
        listed = values["values"]
        if (
            not isinstance(listed, list | Mapping)
            or not listed
            or (isinstance(listed, list) and any(isinstance(each, list | dict) for each in listed))
        ):
            problem = "has no values, or some that a table cannot name"
            refuse(subject, problem, 'list plain ones, or name them as "values": {NAME: VALUE}')
        return
    low, high = (values.get(each) for each in ("low", "high"))
    if not all(isinstance(each, int | float) for each in (low, high)) or not -math.inf < low < high < math.inf:
        refuse(subject, 'has neither "values" nor a "low" below a "high"', "give one of the two")
    if values.get("log") and low <= 0:
        refuse(subject, f'has "log" and begins at {low}', 'give a "low" above 0')


def _combinations(
    ranges: Mapping[str, Mapping[str, Any]], count: int, generator: np.random.Generator
) -> list[Sequence[Choice]]:
    """Draw different combinations, as many as are wanted or as there are."""
    possible = math.prod(len(each["values"]) if "values" in each else math.inf for each in ranges.values())
    found: dict[Sequence[str], Sequence[Choice]] = {}
    for _ in range(MAX_DRAWS * count):
        if len(found) >= min(count, possible):
            break
        drawn = tuple(_drawn(name, each, generator) for name, each in ranges.items())
        found.setdefault(tuple(shown for shown, _, _ in drawn), drawn)
    return list(found.values())


def _drawn(name: str, values: Mapping[str, Any], generator: np.random.Generator) -> Choice:
    """Draw one value of a range."""
    if "values" in values:
        listed = values["values"]
        chosen = list(listed)[int(generator.integers(len(listed)))]
        if isinstance(listed, Mapping):
            return chosen, chosen, listed[chosen]
    else:
        low, high = ((math.log(each) if values.get("log") else each) for each in (values["low"], values["high"]))
        number = float(generator.uniform(low, high))
        chosen = float(f"{math.exp(number) if values.get('log') else number:.{DIGITS}g}")
    shown = chosen if isinstance(chosen, str) else json.dumps(chosen)
    return f"{name} {shown}", chosen, chosen
