"""Keep the memory that a window frees for the next, which saves much time on Linux."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer

from scripts.core import keep_freed_memory, return_freed_memory


class ReusedMemoryInferer(Inferer):
    """Let memory that the inferer inside frees serve it again.

    The setting is that of the whole process, and it stays (`scripts.core.keep_freed_memory`).

    Args:
        inferer: runs the network, many times over.
        between_calls: keep memory between calls too, as training wants, where a call is one step of thousands. Else it
            goes back to the system before and after a call, for around a volume is other work.
    """

    def __init__(self, inferer: Inferer, between_calls: bool = False) -> None:
        super().__init__()
        self.inferer = inferer
        self.between_calls = between_calls
        keep_freed_memory()

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        if not self.between_calls:
            return_freed_memory()  # of what came before, such as the copies that the volume was scaled and collated in
        try:
            return self.inferer(inputs, network, *args, **kwargs)
        finally:
            if not self.between_calls:
                return_freed_memory()
