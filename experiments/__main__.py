"""`python -m experiments`: the tables of results and of cleaning, the ablation, and what a strip is held out for."""

from experiments.ablation import run_ablation
from experiments.cleaning import run_cleaning
from experiments.held_out import run_held_out
from experiments.results_table import run_results
from scripts.commands import run_commands

COMMANDS = {"results": run_results, "ablation": run_ablation, "cleaning": run_cleaning, "held-out": run_held_out}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m experiments")
