"""Run `python -m monai.bundle run` as a user types it, for the demo and the experiments."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from scripts.core import BUNDLE, refuse

TRAIN, EVALUATE, FINETUNE = "configs/train.json", "configs/evaluate.json", "configs/finetune.json"
INFERENCE = "configs/inference.json"


def run_bundle(configs: Sequence[str], **options: object) -> None:
    """Print a `python -m monai.bundle run` command and run it in the folder of the bundle.

    Args:
        configs: files, relative to the bundle.
        options: their values by name; paths have to be absolute.

    Raises:
        UserError: if the command fails; what it printed says why.
    """
    files = configs[0] if len(configs) == 1 else "[" + ",".join(f"'{config}'" for config in configs) + "]"
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    # in double quotes, because a list of configs has single quotes inside
    shown = " ".join(f'"{word}"' if "'" in word or " " in word else word for word in command[1:])
    print(f"   $ python {shown}", flush=True)
    status = subprocess.run(command, cwd=BUNDLE, stdout=subprocess.DEVNULL).returncode
    if status:
        refuse("the command above", f"failed with status {status}", "read what it printed", OSError)
