"""`python -m experiments`: the table of results, and what each part of the synthetic volumes is good for."""

from experiments.ablation import trials
from experiments.results_table import run_results
from scripts.commands.cli import run_commands

COMMANDS = {"results": run_results, "ablation": trials}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m experiments")
