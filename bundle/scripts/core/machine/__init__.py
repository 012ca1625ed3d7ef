"""What the machine has: a device to compute on, instructions for bfloat16, and free memory."""

from .device import bfloat16
from .memory import free_memory, keep_freed_memory, return_freed_memory

__all__ = ["bfloat16", "free_memory", "keep_freed_memory", "return_freed_memory"]
