"""How what the best weights find is cleaned, chosen anew after a training."""

from .choose import choose_cleaning

__all__ = ["choose_cleaning"]
