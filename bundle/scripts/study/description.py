"""What a study compares, as its JSON says, which comes with the bundle or is one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.core import CONFIGS, OPTIONS, is_plain_name, refuse, refuse_unknown
from scripts.core.configs import load_config
from scripts.core.options import check_option
from scripts.metrics import METRICS

from .plans import PLANS
from .trial import OWN

STUDIES = CONFIGS / "studies"
NEEDED = ("title", "design", "question", "factors", "metric", "metrics", "pictures", "epochs")
MAY_BE = ("paper", "options", "example", "test_fraction", "held_out", "variants", "levels", "ranges", "trials", "sides")
MAY_BE += ("max_voxels", "configs")
WORDS = ("title", "question", "paper", "pictures", "held_out", "example")
"""What may be changed without making it another study."""
SELECTS_BY = "val_dice"
"""What validation selects the weights of a training by, and a search its best trial."""
_DEFAULTS = {"paper": {}, "options": {}, "example": False, "test_fraction": 0.25}
_KINDS = {
    "factors": list,
    "metrics": list,
    "pictures": list,
    "sides": list,
    "paper": dict,
    "options": dict,
    "variants": dict,
    "levels": dict,
    "ranges": dict,
    "example": bool,
    "test_fraction": float,
    "epochs": int,
    "trials": int,
    "max_voxels": int,
}
_SAID = {list: "a list", dict: "a dictionary", bool: "true or false", float: "a number", int: "a whole number above 0"}


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
    for each in found:
        if each not in (*NEEDED, *MAY_BE):
            refuse_unknown(str(path), f"says {each!r}, which no study has", each, (*NEEDED, *MAY_BE), "leave it out")
    if missing := [each for each in NEEDED if each not in found]:
        refuse(path, f"does not say {missing[0]}", f"write it as {STUDIES.name}/losses.json has it")
    for each, kind in _KINDS.items():
        if each in found and not _is(found[each], kind):
            refuse(path, f"{each} is {found[each]!r}", f"make it {_SAID[kind]}")
    if found["design"] not in PLANS:
        refuse(path, f"there is no design {found['design']!r}", f"give one of {', '.join(PLANS)}")
    for each in found["metrics"]:
        if each not in METRICS:
            refuse_unknown(
                str(path), f"there is no metric {each!r}", str(each), METRICS, f"give some of {', '.join(METRICS)}"
            )
    if found["metric"] not in found["metrics"]:
        refuse(path, f"compares by {found['metric']!r}, which is none of its metrics", "add it to them")
    if not found["factors"] or not all(isinstance(each, str) for each in found["factors"]):
        refuse(path, f"factors is {found['factors']!r}", 'name what varies, ["loss"]')
    check_options(path, found["options"])
    levels = found.get("levels", {found["factors"][0]: found.get("variants", {})})
    for factor, ways in levels.items():
        if not isinstance(ways, dict):
            refuse(path, f"{factor} is {ways!r}", 'write {NAME: {"options": {...}}}')
        for name, way in ways.items():
            _check_way(path, name, way)
    return path.stem, found


def check_options(subject: object, options: Any) -> None:
    """Check options of trainings.

    Raises:
        UserError: if they are no dictionary, one is the study's own, or has a value that it cannot have.
    """
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        refuse(subject, f"options is {options!r}", "write {'learning_rate': 0.001}")
    for name, value in options.items():
        if name in OWN:
            refuse(subject, f"sets {name}, which a study sets itself", "leave it out")
        if name in OPTIONS and value is not None:
            check_option(name, value, None)


def _check_way(path: Path, name: str, way: Any) -> None:
    """Check one variant, or one level of a factor."""
    if not isinstance(way, dict):
        refuse(path, f"{name} is {way!r}", 'write {"configs": [...], "options": {...}}')
    for each in way:
        if each not in ("configs", "options"):
            refuse_unknown(str(path), f"{name} says {each!r}", each, ("configs", "options"), "give configs and options")
    check_options(f"{path}: {name}", way.get("options", {}))
    for each in way.get("configs", ()):
        if not (CONFIGS / f"{each}.json").is_file():
            refuse(path, f"{name} names a config {each!r}, which does not exist", "write it as overlays/loss_focal")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return isinstance(value, kind)
