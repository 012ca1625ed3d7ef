"""Run a command as a user types it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from scripts.core import BUNDLE, refuse

from .workflows import WORKFLOWS

TRAIN, EVALUATE, FINETUNE = "configs/train.json", "configs/evaluate.json", "configs/finetune.json"
INFERENCE = "configs/inference.json"


def run_bundle(configs: Sequence[str], **options: object) -> None:
    """Print the command that runs configs, and run it.

    It is one of `tubenet`, or for configs that none of these runs, `monai.bundle run`.

    Args:
        configs: files, relative to the bundle.
        options: their values by name; paths have to be absolute.

    Raises:
        UserError: if the command fails; what it printed says why.
    """
    name = _workflow_of(configs)
    module, words = ("scripts", [name]) if name else ("monai.bundle", ["run", "--config_file", _listed(configs)])
    if name:
        words += [str(options.pop(place)) for place in WORKFLOWS[name].places]
    for option, value in options.items():
        words += [f"--{option}", str(value)]
    # in double quotes, because a list of configs has single quotes inside
    shown = " ".join(f'"{word}"' if "'" in word or " " in word else word for word in words)
    print(f"   $ {'tubenet' if name else 'python -m monai.bundle'} {shown}", flush=True)
    command = [sys.executable, "-m", module, *words]
    status = subprocess.run(command, cwd=BUNDLE, stdout=subprocess.DEVNULL).returncode
    if status:
        refuse("the command above", f"failed with status {status}", "read what it printed", OSError)


def _workflow_of(configs: Sequence[str]) -> str | None:
    """Return the command that runs just these configs, if there is one."""
    names = {tuple(f"configs/{config}.json" for config in each.configs): name for name, each in WORKFLOWS.items()}
    return names.get(tuple(configs))


def _listed(configs: Sequence[str]) -> str:
    return configs[0] if len(configs) == 1 else "[" + ",".join(f"'{config}'" for config in configs) + "]"
