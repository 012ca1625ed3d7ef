"""What plans the trials of a study, by its design."""

from __future__ import annotations

from collections.abc import Callable

from . import block_size, compare, search, transfer, variety
from .trial import Setting, Trial

PLANS: dict[str, Callable[[Setting], list[Trial]]] = {
    "compare": compare.plan,
    "search": search.plan,
    "block_size": block_size.plan,
    "variety": variety.plan,
    "transfer": transfer.plan,
}
"""Each is given the `Setting` and writes the datasets that it needs; planning twice writes the same."""
