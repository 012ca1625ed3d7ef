"""Whether a threshold for each volume, chosen without labels, is worth more than one for all."""

from experiments.threshold.table import run_threshold

__all__ = ["run_threshold"]
