"""A network that OpenVINO has compiled for this machine, called as PyTorch's is."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import torch

from scripts.core import INT8

from .libraries import core, openvino

CPU = "CPU"
SIZES = 3  # of windows that it stays compiled for: a volume's own, and those at its smaller sizes
HINTS = {"fp32": "f32", "bf16": "bf16"}


class CompiledNetwork:
    """Runs a graph; it may be sent to another process, which compiles it for itself.

    It is compiled for each size of window when the first comes: half a second. The windows of a batch are seen one by
    one, as many at a time as there are threads, which shares less memory than a batch does. Threads that call it wait
    for one another.

    Args:
        graph: an `openvino.Model`, of any size of window.
        precision: of what is not int8: `fp32` or `bf16`.
        device: OpenVINO's name, such as `CPU` or `GPU.0`.

    Raises:
        UserError: if OpenVINO is not installed.
    """

    def __init__(self, graph: Any, precision: str, device: str = CPU) -> None:
        self.graph, self.precision, self.device = graph, precision, device
        self._requests: dict[tuple[int, ...], list[Any]] = {}  # by the size of window
        self._lock = Lock()

    @cached_property
    def computes_in(self) -> str:
        """What most of it computes in: `int8`, or else its precision."""
        is_int8 = any(each.get_type_name() == "FakeQuantize" for each in self.graph.get_ops())
        return INT8 if is_int8 else self.precision

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`, both float32."""
        inputs = windows.detach().cpu().float().contiguous().numpy()  # (B, C, X, Y, Z)
        with self._lock:
            requests = self._requests_for(inputs.shape[1:], len(inputs))
            found = []
            for first in range(0, len(inputs), len(requests)):
                running = list(zip(requests, inputs[first : first + len(requests)], strict=False))
                for request, window in running:
                    request.start_async({0: window[None]})  # (1, C, X, Y, Z)
                for request, _ in running:
                    request.wait()
                    # a copy, for the next window goes into the same memory
                    found.append(torch.from_numpy(request.get_output_tensor(0).data.copy()))  # (1, K, X, Y, Z)
        return torch.cat(found).to(windows.device)  # (B, K, X, Y, Z)

    def _requests_for(self, shape: Sequence[int], at_once: int) -> list[Any]:
        streams = min(at_once, torch.get_num_threads())
        known = self._requests.pop(tuple(shape), [])
        if len(known) < streams:  # a last batch of fewer windows makes do with what is there
            if len(self._requests) >= SIZES:  # each holds the memory of its layers
                self._requests.clear()
            fitted = self.graph.clone()
            fitted.reshape([1, *shape])
            compiled = core().compile_model(fitted, self.device, self._settings(streams))
            known = [compiled.create_infer_request() for _ in range(streams)]
        self._requests[tuple(shape)] = known
        return known

    def _settings(self, streams: int) -> dict[str, Any]:
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": HINTS[self.precision]}
        if self.device == CPU:
            settings |= {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "NUM_STREAMS": streams}
        return settings

    def __reduce__(self) -> tuple[Callable[..., CompiledNetwork], tuple[Any, ...]]:
        """Pickle the graph."""
        return _from_bytes, (*to_bytes(self.graph), self.precision, self.device)


def to_bytes(graph: Any) -> tuple[bytes, bytes]:
    """Return a graph as text in XML, and its numbers."""
    with TemporaryDirectory(prefix="tubenet-") as folder:  # OpenVINO writes into files only
        text = Path(folder, "graph.xml")
        openvino().save_model(graph, text, compress_to_fp16=False)
        return text.read_bytes(), text.with_suffix(".bin").read_bytes()


def from_bytes(text: bytes, numbers: bytes) -> Any:
    """Return the graph of `to_bytes`.

    Raises:
        RuntimeError: if it is damaged.
    """
    return core().read_model(io.BytesIO(text), io.BytesIO(numbers))


def _from_bytes(text: bytes, numbers: bytes, precision: str, device: str) -> CompiledNetwork:
    return CompiledNetwork(from_bytes(text, numbers), precision, device)
