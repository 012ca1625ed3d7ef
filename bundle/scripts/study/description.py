"""What a study compares, as its JSON says, which comes with the bundle or is one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.core import CONFIGS, is_plain_name, refuse, refuse_unknown
from scripts.core.configs import load_config

from .plans import PLANS

STUDIES = CONFIGS / "studies"
NEEDED = ("title", "design", "question", "factors", "metric", "metrics", "pictures", "epochs")
SELECTS_BY = "val_dice"
"""What validation selects the weights of a training by, and a search its best trial."""
_DEFAULTS = {"paper": {}, "options": {}, "example": False, "test_fraction": 0.25}


def study_names() -> list[str]:
    """Return the names of the studies that come with the bundle."""
    return sorted(path.stem for path in STUDIES.glob("*.json"))


def read_description(name: str) -> tuple[str, dict[str, Any]]:
    """Read the JSON of a study.

    Args:
        name: one of `study_names`, or a file.

    Returns:
        The name and what the file says, completed.

    Raises:
        UserError: for a name that does not exist, or a file that lacks something or asks for what there is not.
    """
    path = STUDIES / f"{name}.json" if is_plain_name(name) and not str(name).endswith(".json") else Path(name)
    if not path.is_file():
        known = f"give one of {', '.join(study_names())}, or a JSON file of your own"
        refuse_unknown(f"study {name}", "does not exist", str(name), study_names(), known)
    found = {**_DEFAULTS, **load_config(path)}
    if missing := [each for each in NEEDED if each not in found]:
        refuse(path, f"does not say {missing[0]}", f"write it as {STUDIES.name}/losses.json has it")
    if found["design"] not in PLANS:
        refuse(path, f"there is no design {found['design']!r}", f"give one of {', '.join(PLANS)}")
    if found["metric"] not in found["metrics"]:
        refuse(path, f"compares by {found['metric']!r}, which is none of its metrics", "add it to them")
    return path.stem, found
