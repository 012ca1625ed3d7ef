"""How what the best weights find is cleaned, chosen anew after a training."""

from .choose import choose_cleaning
from .score import score_choices

__all__ = ["choose_cleaning", "score_choices"]
