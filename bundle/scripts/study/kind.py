"""Kinds of image: several volumes of one laboratory are one kind, and count once."""

from __future__ import annotations

import re
from collections.abc import Mapping


def kind_of(volume: str, kinds: Mapping[str, str]) -> str:
    """Return the kind of image that a volume is of.

    Args:
        volume: its name.
        kinds: kinds by how names begin, of which the longest counts; a name that begins otherwise is its own kind, up
            to the first underscore or digit.
    """
    begins = [each for each in kinds if volume.startswith(each)]
    return kinds[max(begins, key=len)] if begins else re.match(r"[^_\d]*", volume)[0] or volume
