"""What fine-tuning does besides training: start from trained weights, and stay near them."""

from .averaging import average_with_start
from .start import Start, Thaw, start_from

__all__ = ["Start", "Thaw", "average_with_start", "start_from"]
