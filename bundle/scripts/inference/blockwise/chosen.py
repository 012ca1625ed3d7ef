"""Which network runs over the blocks: PyTorch's, or OpenVINO's of the same weights."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from monai.inferers import Inferer

from scripts.core import Box, refuse

from ..bfloat16 import with_rounded_weights
from ..engine import CompiledNetwork, EngineInferer, fingerprint, load, save
from ..estimate import chain, precision
from .image import Image
from .work_folder import WorkFolder

logger = logging.getLogger(__name__)

ENGINE, FILE = "engine", "network.zip"
"""Key of a run's state: the precision of OpenVINO's network, or `torch`; and the file that keeps that network."""
TORCH = "torch"

Network = Callable[..., torch.Tensor]


def network_for(inferer: Inferer, network: Network, image: Image, folder: WorkFolder) -> Network:
    """Return what is to run over an image.

    A run that goes on does so by the very network that it began with.

    Args:
        inferer: the outermost of a chain, in which there may be an `EngineInferer`.
        network: PyTorch's.
        image: as the network sees it.
        folder: keeps what was chosen.

    Raises:
        UserError: if the network that an unfinished run began with is damaged, or OpenVINO is gone.
    """
    engine = next((each for each in chain(inferer) if isinstance(each, EngineInferer)), None)
    path, began = folder.path / FILE, folder.state.get(ENGINE)
    if engine is not None and began is None:

        def read(box: Box) -> torch.Tensor:
            return torch.from_numpy(image.read(box))[None]  # (1, x, y, z)

        chosen = engine.network_for(network, image.shape, read)
        if isinstance(chosen, CompiledNetwork):
            save(path, chosen.graph, fingerprint(network))
        folder.keep(**{ENGINE: chosen.precision if isinstance(chosen, CompiledNetwork) else TORCH})
        network = chosen
    elif engine is not None and began != TORCH:
        graph = load(path, fingerprint(network))
        if graph is None:
            refuse(path, "the network that this run began with is gone", f"remove {folder.path}, and begin again")
        logger.info("engine: openvino, by which this run began")
        network = CompiledNetwork(graph, str(began), engine.device)
    if engine is not None:
        engine.note(network)
    # rounded once, and not for every block
    return with_rounded_weights(network) if precision(inferer) == "bf16" else network
