"""The commands of `tubenet` and `python -m scripts`, and the command line that runs them."""

from .bundle import EVALUATE, FINETUNE, INFERENCE, TRAIN, run_bundle
from .cli import run_commands
from .registry import COMMANDS

__all__ = ["COMMANDS", "EVALUATE", "FINETUNE", "INFERENCE", "TRAIN", "run_bundle", "run_commands"]
