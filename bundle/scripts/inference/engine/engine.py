"""Which library runs the network: PyTorch, or OpenVINO, which has int8 on a CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from threading import Lock
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.networks.utils import eval_mode
from torch import nn

from scripts.core import AUTO, INT8, Box, by, measured_once, most_telling, one_line, read_boolean, refuse, slices
from scripts.weights import Checkpoint

from ..bfloat16 import autocast, with_rounded_weights
from ..edge_padded import DIVISOR, EdgePaddedInferer, edge_padded
from ..estimate import chain
from ..multiscale import MultiscaleInferer
from ..sliding_window import GridInferer
from .compiled import CPU, CompiledNetwork
from .graph import to_graph
from .guard import compare, times_as_fast
from .libraries import core, has_nncf, has_openvino, openvino
from .quantised import CALIBRATED, file_beside, fingerprint, load, quantise, save
from .windows import spread_windows

logger = logging.getLogger(__name__)

Network = Callable[..., torch.Tensor]
Read = Callable[[Box], torch.Tensor]

TORCH, OPENVINO = "torch", "openvino"
ENGINES = (TORCH, OPENVINO, AUTO)
TRIED = 8  # windows that int8 is tried on
OF_TRYING, OF_CALIBRATION = 24, 250  # what either takes, in windows of PyTorch's, measured
SAVES = 0.5  # of the time, which int8 is taken to save before it is measured
WORTH_IT = 2  # times what it costs, that it has to save
EVEN = 0.5  # the threshold of a network without weights
FASTER = 1.15  # by which it has to be faster than what PyTorch computes in

_ONE_AT_A_TIME = Lock()
"""Held while a network is converted: PyTorch traces one at a time, and requests of a server come in threads."""


class EngineInferer(Inferer):
    """Put OpenVINO's network in the place of PyTorch's, where that is asked for or pays.

    In int8 it is compared with float32 on windows of each volume first (`guard.py`), and PyTorch goes on where they
    differ. What was calibrated is kept beside the weights, whose provenance tells then what computes.

    Args:
        inferer: runs the network over a volume.
        engine: `torch`, `openvino`, `auto`, or `openvino:GPU.0` for another of OpenVINO's devices.
        amp: the option: `auto`, true, false or `int8`.
        bfloat16: whether PyTorch computes in bfloat16.
        checkpoint: the weights, beside whose file what is calibrated is kept.
        threshold: above which a voxel is vessel; by default the weights' own.

    Raises:
        UserError: for an engine that does not exist, is not installed or has no such device, and for int8 by PyTorch.
    """

    def __init__(
        self,
        inferer: Inferer,
        engine: str = AUTO,
        amp: bool | str = AUTO,
        bfloat16: bool = False,
        checkpoint: Checkpoint | None = None,
        threshold: float | str | None = None,
    ) -> None:
        super().__init__()
        self.inferer, self.checkpoint, self.threshold = inferer, checkpoint, threshold
        self.precision = "bf16" if bfloat16 else "fp32"
        self.engine, _, device = str(engine).strip().partition(":")
        self.device, self.amp = device or CPU, str(amp).strip().lower()
        if self.engine not in ENGINES or (device and self.engine != OPENVINO):
            remedy = f"give {', '.join(ENGINES)}, or a device of OpenVINO's such as {OPENVINO}:GPU.0"
            refuse(f"--engine {engine}", "does not exist", remedy)
        if self.engine == TORCH and self.amp == INT8:
            refuse(f"--amp {INT8}", "is not among what PyTorch computes in", f"give --engine {OPENVINO} with it")
        self.is_asked_for = self.engine == OPENVINO or self.amp == INT8
        if self.is_asked_for:
            self._check_device()
        self._compiled: dict[str, CompiledNetwork] = {}  # the last, by the fingerprint of its weights

    def __call__(self, inputs: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        image = (inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs)[0]  # (C, X, Y, Z)
        chosen = self.network_for(network, inputs.shape[2:], lambda box: image[(slice(None), *slices(box))])
        return self.inferer(inputs, chosen, *args, **kwargs)

    def network_for(self, network: Network, shape: Sequence[int], read: Read) -> Network:
        """Return what is to run over a volume: the network, or a `CompiledNetwork` of it.

        Args:
            network: PyTorch's.
            shape: of the volume, (X, Y, Z) in voxels.
            read: returns the voxels of a box, `(C, x, y, z)`, as the network sees them.

        Raises:
            UserError: where OpenVINO is asked for and cannot run the network.
        """
        chosen = self._choose(network, shape, read)
        self.note(chosen)
        return chosen

    def note(self, chosen: Network) -> None:
        """Tell in the weights' provenance what computes from now on."""
        if self.checkpoint is not None and self.checkpoint.path is not None:
            is_compiled = isinstance(chosen, CompiledNetwork)
            told = f"{OPENVINO} in {chosen.computes_in}" if is_compiled else f"{TORCH} in {self.precision}"
            self.checkpoint.noted["computed_by"] = told

    def _choose(self, network: Network, shape: Sequence[int], read: Read) -> Network:
        if self.engine == TORCH or not isinstance(network, nn.Module) or isinstance(network, torch.jit.ScriptModule):
            return network
        if next(network.parameters()).device.type != "cpu":
            if self.is_asked_for:
                refuse(f"--engine {OPENVINO}", "is for networks on the CPU", "give --device cpu too, or --engine torch")
            return network
        if self.amp not in (AUTO, INT8):
            is_bfloat16 = read_boolean("amp", self.amp)
            return self._in_float(network, "bf16" if is_bfloat16 else "fp32") if self.engine == OPENVINO else network
        if self.is_asked_for:
            return self._in_int8(network, shape, read)
        try:
            return self._in_int8(network, shape, read) if has_openvino() else network
        except Exception as error:  # nobody asked for it, and PyTorch can
            logger.warning("engine: torch, for OpenVINO fails: %s", one_line(most_telling(error)))
            return network

    def _in_float(self, network: nn.Module, precision: str) -> Network:
        logger.info("engine: openvino in %s", precision)
        name = f"{precision} {fingerprint(network)}"
        with _ONE_AT_A_TIME:
            if name not in self._compiled:
                self._compiled = {name: CompiledNetwork(to_graph(network), precision, self.device)}
            return self._compiled[name]

    def _in_int8(self, network: nn.Module, shape: Sequence[int], read: Read) -> Network:
        """Return the network in int8 if that is close to float32, and pays unless it is asked for."""
        grid, divisor = self._part(GridInferer), getattr(self._part(EdgePaddedInferer), "divisor", DIVISOR)
        window = [min(side, size) for side, size in zip(grid.roi_size, shape, strict=True)]
        saved = SAVES * self._windows_in(shape, divisor)
        if not self.is_asked_for and saved < WORTH_IT * OF_TRYING:
            return network

        def windows_of(count: int) -> torch.Tensor:
            return edge_padded(spread_windows(shape, read, window, count), divisor)  # (N, C, X, Y, Z)

        with eval_mode(network), torch.inference_mode():
            pays = self.is_asked_for or (saved >= WORTH_IT * (OF_TRYING + OF_CALIBRATION) and has_nncf())
            int8 = self._int8(network, windows_of if pays else None)
            if int8 is None:
                return network
            if self._is_right(int8, network, windows_of(TRIED), grid.sw_batch_size):
                return int8
        return self._in_float(network, self.precision) if self.engine == OPENVINO else network

    def _windows_in(self, shape: Sequence[int], divisor: int) -> float:
        """Return how many whole windows the network is to see of a volume, at the least."""
        grid, multiscale = self._part(GridInferer), self._part(MultiscaleInferer)
        scale = 1.0 if multiscale is None or multiscale.scale == AUTO else float(multiscale.scale)
        passes = prod(getattr(each, "passes", 1) for each in chain(self.inferer))
        padded = [size + -size % divisor for size in (max(1, int(side * scale)) for side in shape)]
        return passes * grid.work(padded) / prod(grid.roi_size)

    def _is_right(self, int8: Network, network: nn.Module, windows: torch.Tensor, at_once: int) -> bool:
        """Tell whether int8 is close to float32, and faster than PyTorch unless it is asked for."""
        is_bfloat16 = self.precision == "bf16"
        torchs = autocast(with_rounded_weights(network) if is_bfloat16 else network, is_bfloat16)
        tried = windows[-at_once:]
        what = f"int8 of {fingerprint(network)[:16]} by openvino {openvino().__version__} on {self.device}"
        against = f"{what}, against {self.precision}, with {by(tried.shape)} voxels"
        gain = measured_once(against, tried.device, lambda: times_as_fast(int8, torchs, tried))
        if not self.is_asked_for and gain < FASTER:
            logger.info("engine: torch, for int8 is %.2g times as fast here as %s", gain, self.precision)
            return False
        weights = self.checkpoint
        threshold = EVEN if weights is None or weights.path is None else weights.threshold(self.threshold)
        found = compare(int8, autocast(network, False), windows, threshold, at_once)
        if found.is_close:
            told = "engine: openvino in int8, %.2g times as fast here as torch in %s; on %d windows %s"
            logger.info(told, gain, self.precision, len(windows), found.text)
        else:
            tell = logger.warning if self.is_asked_for else logger.info
            tell("engine: not in int8, which is not close to float32: on %d windows %s", len(windows), found.text)
        return found.is_close

    def _int8(self, network: nn.Module, windows_of: Callable[[int], torch.Tensor] | None) -> CompiledNetwork | None:
        """Return the network in int8, as it is kept or calibrated now.

        Args:
            network: PyTorch's.
            windows_of: returns that many windows to calibrate by; None if that does not pay: then there may be none.
        """
        weights = fingerprint(network)
        path = None if self.checkpoint is None or self.checkpoint.path is None else file_beside(self.checkpoint.path)
        with _ONE_AT_A_TIME:
            if weights in self._compiled:
                return self._compiled[weights]
            classes = (getattr(network, "arguments", None) or {}).get("out_channels")
            graph = None if path is None else load(path, weights, classes)
            if graph is None:
                if windows_of is None:
                    return None
                graph = self._calibrated(network, windows_of(CALIBRATED), weights, path)
            compiled = CompiledNetwork(graph, self.precision, self.device)
            self._compiled = {weights: compiled}
            return compiled

    def _calibrated(self, network: nn.Module, windows: torch.Tensor, weights: str, path: Path | None) -> Any:
        logger.info("calibrating int8 by %d windows of this volume, once for these weights", len(windows))
        graph = quantise(network, windows)
        if path is not None:
            try:
                save(path, graph, weights)
            except (OSError, RuntimeError) as error:
                logger.info("%s; it is calibrated again the next time", one_line(error))
        return graph

    def _part(self, kind: type[Any]) -> Any:
        return next((each for each in chain(self.inferer) if isinstance(each, kind)), None)

    def _check_device(self) -> None:
        there = core().available_devices
        if self.device not in [name for each in there for name in (each, each.partition(".")[0])]:
            remedy = f"give {' or '.join(f'{OPENVINO}:{each}' for each in there)}"
            refuse(f"--engine {OPENVINO}:{self.device}", "is no device that OpenVINO finds here", remedy)
