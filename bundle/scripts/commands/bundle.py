"""The bundle's own commands, run as a user types them, for commands that tell or measure what those do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from scripts.core import BUNDLE, refuse

TRAIN, EVALUATE, FINETUNE = "configs/train.json", "configs/evaluate.json", "configs/finetune.json"
INFERENCE = "configs/inference.json"


def run_bundle(configs: Sequence[str], **options: object) -> None:
    """Run `python -m monai.bundle run` from inside the bundle, after printing the command.

    Args:
        configs: files, relative to the bundle.
        options: their values; paths have to be absolute.

    Raises:
        UserError: where it fails; what it printed says why.
    """
    files = configs[0] if len(configs) == 1 else "[" + ",".join(f"'{config}'" for config in configs) + "]"
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", files]
    for option, value in options.items():
        command += [f"--{option}", str(value)]
    # double quotes, for the list of configs has single ones inside
    shown = " ".join(f'"{word}"' if "'" in word or " " in word else word for word in command[1:])
    print(f"   $ python {shown}", flush=True)
    failed = subprocess.run(command, cwd=BUNDLE, stdout=subprocess.DEVNULL).returncode
    if failed:
        refuse("the command above", f"failed with status {failed}", "what it printed says why", OSError)
