"""`python -m experiments`: how shipped weights and published tables came to be, a command each."""

from experiments.ablation import run_ablation
from experiments.cleaning import run_cleaning
from experiments.few_labels import run_results
from experiments.forgetting import run_forgetting
from experiments.held_out import run_held_out
from experiments.int8 import run_int8
from experiments.suggest import run_suggest
from experiments.threshold import run_threshold
from experiments.zero_shot import run_zero_shot
from scripts.commands import run_commands

COMMANDS = {
    "results": run_results,
    "ablation": run_ablation,
    "cleaning": run_cleaning,
    "held-out": run_held_out,
    "forgetting": run_forgetting,
    "zero-shot": run_zero_shot,
    "threshold": run_threshold,
    "int8": run_int8,
    "suggest": run_suggest,
}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m experiments")
