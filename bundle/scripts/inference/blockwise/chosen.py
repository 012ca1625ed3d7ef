"""Which network runs over the blocks: PyTorch's, or OpenVINO's of the same weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.inferers import Inferer

from scripts.core import Box

from ..bfloat16 import with_rounded_weights
from ..engine import CompiledNetwork, EngineInferer
from ..estimate import chain, precision
from .image import Image
from .work_folder import WorkFolder

BY_OPENVINO = "by_openvino"
"""Key of a run's state: whether it began so."""

Network = Callable[..., torch.Tensor]


def network_for(inferer: Inferer, network: Network, image: Image, folder: WorkFolder) -> Network:
    """Return what is to run over an image; a run that goes on does so by what it began with.

    Args:
        inferer: the outermost of a chain, in which there may be an `EngineInferer`.
        network: PyTorch's.
        image: as the network sees it.
        folder: keeps what was chosen.
    """

    def read(box: Box) -> torch.Tensor:
        return torch.from_numpy(image.read(box))[None]  # (1, x, y, z)

    engine = next((each for each in chain(inferer) if isinstance(each, EngineInferer)), None)
    if engine is not None:
        network = engine.network_for(network, image.shape, read, folder.state.get(BY_OPENVINO))
        folder.keep(**{BY_OPENVINO: isinstance(network, CompiledNetwork)})
    # rounded once, and not for every block
    return with_rounded_weights(network) if precision(inferer) == "bf16" else network
