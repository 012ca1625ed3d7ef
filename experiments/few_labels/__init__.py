"""What a few labels are worth: one block, a few slices or a part of a volume train, and the rest is scored."""

from .results import run_results

__all__ = ["run_results"]
