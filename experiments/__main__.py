"""`python -m experiments`: the table of results, and the ablation of the synthetic volumes."""

from experiments.ablation import run_ablation
from experiments.results_table import run_results
from scripts.commands import run_commands

COMMANDS = {"results": run_results, "ablation": run_ablation}

if __name__ == "__main__":
    run_commands(COMMANDS, "python -m experiments")
