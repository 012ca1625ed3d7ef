"""Which library runs the network: PyTorch, or OpenVINO, which has int8 on a CPU."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from monai.data import MetaTensor
from monai.inferers import Inferer
from monai.networks.utils import eval_mode
from torch import nn

from scripts.core import AUTO, INT8, Box, read_boolean, refuse, slices
from scripts.weights import Checkpoint

from ..bfloat16 import autocast, with_rounded_weights
from ..edge_padded import DIVISOR, EdgePaddedInferer, edge_padded
from ..estimate import chain
from ..sliding_window import GridInferer
from .compiled import CPU, CompiledNetwork
from .graph import to_graph
from .guard import compare, seconds_a_window
from .libraries import has_nncf, has_openvino, openvino
from .quantised import CALIBRATED, file_beside, fingerprint, load, quantise, save
from .windows import spread_windows

logger = logging.getLogger(__name__)

Network = Callable[..., torch.Tensor]
Read = Callable[[Box], torch.Tensor]

TORCH, OPENVINO = "torch", "openvino"
ENGINES = (TORCH, OPENVINO, AUTO)
GUARDED = 8  # windows that int8 is tried on
OF_GUARD, OF_CALIBRATION = 24, 250  # times a window of PyTorch's: what trying and calibrating take, measured
SAVES = 0.5  # of the time; what int8 is taken to save before it is measured
WORTH_IT = 2  # times what it costs, that it has to save
FASTER = 1.15  # by which it has to be faster than what PyTorch computes in


class EngineInferer(Inferer):
    """Put OpenVINO's network in the place of PyTorch's, where that is asked for or pays.

    In int8 it is compared with float32 on windows of each volume first (`guard.py`), and PyTorch goes on where they
    differ. What was calibrated is kept beside the weights.

    Args:
        inferer: runs the network over a volume.
        engine: `torch`, `openvino`, `auto`, or `openvino:GPU.0` for another of OpenVINO's devices.
        amp: the option: `auto`, true, false or `int8`.
        bfloat16: whether PyTorch computes in bfloat16.
        checkpoint: the weights, for their file and threshold.

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
    ) -> None:
        super().__init__()
        self.inferer, self.checkpoint = inferer, checkpoint
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
        self._compiled: dict[str, CompiledNetwork] = {}  # the last, by the fingerprint of the weights

    def __call__(self, inputs: torch.Tensor, network: Network, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Take `(B, C, X, Y, Z)` to logits `(B, K, X, Y, Z)`."""
        image = (inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs)[0]  # (C, X, Y, Z)
        chosen = self.network_for(network, inputs.shape[2:], lambda box: image[(slice(None), *slices(box))])
        return self.inferer(inputs, chosen, *args, **kwargs)

    def network_for(self, network: Network, shape: Sequence[int], read: Read, before: bool | None = None) -> Network:
        """Return what is to run over a volume: the network, or a `CompiledNetwork` of it.

        Args:
            network: PyTorch's.
            shape: of the volume, (X, Y, Z) in voxels.
            read: returns the voxels of a box, `(C, x, y, z)`, as the network sees them.
            before: whether an unfinished run, which goes on, was by OpenVINO; it goes on in the same way.

        Raises:
            UserError: where OpenVINO is asked for and cannot run the network.
        """
        if self.engine == TORCH or not isinstance(network, nn.Module) or isinstance(network, torch.jit.ScriptModule):
            return network
        if next(network.parameters()).device.type != "cpu":
            if self.is_asked_for:
                refuse(f"--engine {OPENVINO}", "is for networks on the CPU", "give --device cpu too")
            return network
        if self.amp in (AUTO, INT8):
            may_try = self.is_asked_for or before or has_openvino()
            return self._int8_or(network, shape, read, before) if may_try and before is not False else network
        if self.engine != OPENVINO:
            return network
        precision = "bf16" if read_boolean("amp", self.amp) else "fp32"
        logger.info("engine: openvino in %s", precision)
        weights = fingerprint(network)
        return self._compiled.get(weights) or self._keep(
            weights, CompiledNetwork(to_graph(network), precision, self.device)
        )

    def _int8_or(self, network: nn.Module, shape: Sequence[int], read: Read, before: bool | None) -> Network:
        """Return the network in int8 if that is close to float32, and pays unless it is asked for."""
        grid, divisor = self._part(GridInferer), getattr(self._part(EdgePaddedInferer), "divisor", DIVISOR)
        window = [min(side, size) for side, size in zip(grid.roi_size, shape, strict=True)]
        passes = prod(getattr(each, "passes", 1) for each in chain(self.inferer))
        saved = SAVES * passes * grid.work([size + -size % divisor for size in shape]) / prod(grid.roi_size)
        if not (self.is_asked_for or before) and saved < WORTH_IT * OF_GUARD:
            return network

        def seen(count: int) -> torch.Tensor:
            return edge_padded(spread_windows(shape, read, window, count), divisor)  # (N, C, X, Y, Z)

        with eval_mode(network), torch.inference_mode():
            pays = self.is_asked_for or before or (saved >= WORTH_IT * (OF_GUARD + OF_CALIBRATION) and has_nncf())
            int8 = self._int8(network, seen if pays else None)
            if int8 is None or before:
                return int8 or network
            return int8 if self._is_right(int8, network, seen(GUARDED), grid.sw_batch_size) else network

    def _is_right(self, int8: Network, network: nn.Module, windows: torch.Tensor, at_once: int) -> bool:
        """Tell whether int8 is close to float32, and faster than PyTorch unless it is asked for."""
        is_bfloat16 = self.precision == "bf16"
        torchs = autocast(with_rounded_weights(network) if is_bfloat16 else network, is_bfloat16)
        gain = seconds_a_window(torchs, windows[-at_once:]) / seconds_a_window(int8, windows[-at_once:])
        if not self.is_asked_for and gain < FASTER:
            logger.info("engine: torch, for int8 is %.2g times as fast here as %s", gain, self.precision)
            return False
        checkpoint = self.checkpoint
        threshold = 0.5 if checkpoint is None or checkpoint.path is None else checkpoint.threshold()
        found = compare(int8, autocast(network, False), windows, threshold, at_once)
        if found.is_close:
            told = "engine: openvino in int8, %.2g times as fast here as torch in %s; on %d windows %s"
            logger.info(told, gain, self.precision, len(windows), found.text)
        else:
            tell = logger.warning if self.is_asked_for else logger.info
            tell("engine: torch, for int8 is not close to float32: on %d windows %s", len(windows), found.text)
        return found.is_close

    def _int8(self, network: nn.Module, seen: Callable[[int], torch.Tensor] | None) -> CompiledNetwork | None:
        """Return the network in int8, as it is kept or calibrated now.

        Args:
            network: PyTorch's.
            seen: returns that many windows to calibrate by; None if that does not pay, and then there may be none.
        """
        weights = fingerprint(network)
        if (known := self._compiled.get(weights)) is not None:
            return known
        path = None if self.checkpoint is None or self.checkpoint.path is None else file_beside(self.checkpoint.path)
        graph = None if path is None else load(path, weights)
        if graph is None and seen is None:
            return None
        if graph is None and seen is not None:
            windows = seen(CALIBRATED)
            logger.info("calibrating int8 by %d windows of this volume, once for these weights", len(windows))
            graph = quantise(network, windows)
            if path is not None:
                try:
                    save(path, graph, weights)
                except OSError as error:
                    logger.info("%s; it is calibrated again the next time", error)
        return self._keep(weights, CompiledNetwork(graph, self.precision, self.device))

    def _keep(self, weights: str, compiled: CompiledNetwork) -> CompiledNetwork:
        self._compiled = {weights: compiled}
        return compiled

    def _part(self, kind: type[Any]) -> Any:
        return next((each for each in chain(self.inferer) if isinstance(each, kind)), None)

    def _check_device(self) -> None:
        there = openvino().Core().available_devices
        if self.device not in [name for each in there for name in (each, each.partition(".")[0])]:
            remedy = f"give {' or '.join(f'{OPENVINO}:{each}' for each in there)}"
            refuse(f"--engine {OPENVINO}:{self.device}", "is no device that OpenVINO finds here", remedy)
