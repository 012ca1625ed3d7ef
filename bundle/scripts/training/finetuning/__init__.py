"""What fine-tuning does besides training: start from trained weights, and stay near them."""

from .averaging import AverageWithStart
from .start import Start, Thaw, start_from

__all__ = ["AverageWithStart", "Start", "Thaw", "start_from"]
