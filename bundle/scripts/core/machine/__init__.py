"""What the machine has: a device to compute on, instructions for bfloat16, and free memory."""

from .device import best_device, bfloat16, device_name, has_float64
from .measured import measured_once, processor
from .memory import free_memory, garbage_left, keep_freed_memory, peak_memory, return_freed_memory

__all__ = [
    "best_device",
    "bfloat16",
    "device_name",
    "free_memory",
    "garbage_left",
    "has_float64",
    "keep_freed_memory",
    "measured_once",
    "peak_memory",
    "processor",
    "return_freed_memory",
]
