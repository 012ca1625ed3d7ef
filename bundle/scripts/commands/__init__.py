"""The commands of `python -m scripts`, one a file, and the command line that runs them."""

from .bundle import EVALUATE, FINETUNE, INFERENCE, TRAIN, run_bundle
from .cli import run_commands
from .synthesise import write_dataset

__all__ = ["EVALUATE", "FINETUNE", "INFERENCE", "TRAIN", "run_bundle", "run_commands", "write_dataset"]
