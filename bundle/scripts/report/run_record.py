"""What was run: the command, its options, the weights, versions, the machine, the date."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from scripts.core import processor, read_flag, version, write_text
from scripts.core.configs import config_names

RUN = "run.json"
CHOSEN = ("config_file", "bundle_root")  # by `tubenet evaluate` itself
OF_EVALUATE = ("train.json", "evaluate.json")  # its configs; further ones are overlays
PACKAGES = ("torch", "monai", "numpy")


def write_run_record(folder: str | Path, about: Mapping[str, str], seconds: float) -> Path:
    """Write what was run into a folder, as `run.json`.

    Args:
        folder: to write into.
        about: the origin of the weights (the provenance of a `scripts.weights.Checkpoint`), and what else is known.
        seconds: that it took.

    Returns:
        The file.

    Raises:
        UserError: if it cannot be written.
    """
    path = Path(folder) / RUN
    write_text(path, json.dumps(run_record(about, seconds), indent=2) + "\n")
    return path


def run_record(about: Mapping[str, str], seconds: float, argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Return what was run.

    Args:
        about: as for `write_run_record`.
        seconds: that it took.
        argv: the command line; by default that of this process.

    Returns:
        `{"command": text, "configs": [name], "options": {name: text}, "versions": {name: text}, "machine":
        {"processor": text, "threads": number}, "date": ISO 8601, "seconds": number}`, and `about` among them. A process
        that was not started by configs, such as a server or a test, has neither command, configs nor options.
    """
    import torch

    argv = sys.argv if argv is None else argv
    words = list(argv[1:]) if "run" in argv[1:2] else []  # also of `tubenet evaluate`, which stands for this
    options = _options(words[1:])
    configs = config_names(options["config_file"]) if "config_file" in options else []
    command = _command(argv[0], words, options, configs)
    for name in CHOSEN:
        options.pop(name, None)
    return {
        "command": command,
        "configs": [Path(name).name for name in configs],
        "options": options,
        **about,
        "versions": {"tubenet": version(), **{name: version_of(name) for name in PACKAGES}},
        "machine": {"processor": processor(), "threads": torch.get_num_threads()},
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
    }


def _command(program: str, words: Sequence[str], options: Mapping[str, str], configs: Sequence[str]) -> str:
    """Return what one types to run the same again; nothing where no configs were run."""
    if not words:
        return ""
    if not program.endswith(" evaluate"):
        return f"python -m monai.bundle {shlex.join(words)}"
    given = [(name, value) for name, value in options.items() if name not in CHOSEN]
    given += [("overlays", name) for name in configs[len(OF_EVALUATE) :]]
    return f"{program} {shlex.join(part for name, value in given for part in (f'--{name}', value))}"


def _options(words: Sequence[str]) -> dict[str, str]:
    """Return the options in words, as text; one without a value is true."""
    options: dict[str, str] = {}
    name = ""
    for word in words:
        if (flag := read_flag(word)) is not None:
            name, value = flag
            options[name] = "true" if value is None else value
            name = name if value is None else ""
        elif name:
            options[name], name = word, ""
    return options
