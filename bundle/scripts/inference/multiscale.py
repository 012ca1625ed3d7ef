"""Let the network see an image at several sizes, for vessels wider than it was trained on.

A patch inside a vessel of 60 voxels looks like any bright region. Shrunk to a quarter, the vessel is 15 voxels across
and has walls. Logits are brought back to the image's own voxels and averaged, as those of overlapping windows are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.inferers import Inferer

from scripts.core import AUTO, by, foreground_log_odds, has_float64, is_finite, read_scale, refuse, through_plane_axis
from scripts.io import name_of

from .resampling import MIN_SIDE, add_resampled, resample, shape_at

logger = logging.getLogger(__name__)

COARSER = (0.5, 0.25)  # what `auto` adds to the image's own size, descending
MAJORITY = 0.5
ALMOST_1 = 1 - 1e-4  # a mean of ones that was rounded on the way


class MultiscaleInferer(Inferer):
    """Run the inferer inside on the volume at one size or several, and bring the logits back.

    Args:
        scale: voxels that the network sees over voxels of the volume (`shape_at`); 1 leaves the volume as it is.
            `auto` takes 1 and, where vessels are wide enough (`coarser_shapes`), averages it with `COARSER`.
        inferer: runs the network over a volume of any size.

    Raises:
        UserError: for a scale that is neither `auto` nor a number in range; when it runs, for logits that are NaN or
            infinite.
    """

    def __init__(self, scale: float | str, inferer: Inferer) -> None:
        super().__init__()
        self.scale = read_scale(scale)
        self.inferer = inferer

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Take a batch of one voxel size, `(B, C, X, Y, Z)`, to logits `(B, K, X, Y, Z)`."""
        own, affine, image = tuple(inputs.shape[2:]), _affine_of(inputs), _bare(inputs)

        def logits_at(shape: tuple[int, ...]) -> torch.Tensor:
            return self.inferer(resample(image, shape), network, *args, **kwargs)  # (B, K, *shape)

        if self.scale != AUTO and (shape := shape_at(float(self.scale), own, affine)) != own:
            return _finite(_like(inputs, resample(logits_at(shape), own)), inputs)  # (B, K, X, Y, Z)
        logits = self.inferer(inputs, network, *args, **kwargs)  # (B, K, X, Y, Z)
        if self.scale == AUTO and (shapes := coarser_shapes(_bare(logits), affine)):
            logger.info("wide vessels: seen at %s voxels too", ", ".join(map(by, shapes)))
            total = _bare(logits)  # the same memory
            for shape in shapes:
                add_resampled(total, logits_at(shape))
            total /= 1 + len(shapes)
        return _finite(logits, inputs)


def coarser_shapes(logits: torch.Tensor, affine: np.ndarray) -> list[tuple[int, ...]]:
    """Decide for `auto` whether the network sees an image at the sizes of `COARSER` too.

    It does where most of the vessel that was found at the image's own size is still resolved at the smallest of
    them, which takes vessels about 16 voxels wide. Images of thinner vessels are left alone, and so are those with
    fewer than 64 voxels in plane, which `MIN_SIDE` would keep from shrinking; one window holds these anyway.

    Args:
        logits: `(B, K, X, Y, Z)`, found at the image's own size.
        affine: 4x4.

    Returns:
        Shapes (X, Y, Z) in voxels, descending, all smaller than the image.
    """
    shapes = coarser_candidates(tuple(logits.shape[2:]), affine)
    return shapes if shapes and share_resolved(logits, shapes[-1]) >= MAJORITY else []


def coarser_candidates(own: tuple[int, ...], affine: np.ndarray) -> list[tuple[int, int, int]]:
    """Return an image's shapes at the sizes of `COARSER`; none if it is too small in plane.

    Args:
        own: the image's (X, Y, Z) in voxels.
        affine: 4x4.
    """
    across = through_plane_axis(affine)
    if COARSER[-1] * min(size for axis, size in enumerate(own) if axis != across) < MIN_SIDE:
        return []
    return [shape_at(scale, own, affine) for scale in COARSER]


def share_resolved(logits: torch.Tensor, shape: tuple[int, ...]) -> float:
    """Return how much of the vessel a shrunken image still resolves.

    Resolved is what lies in voxels of the shrunken image that hold vessel and nothing else.

    Args:
        logits: `(B, K, X, Y, Z)`, background first; vessel is what is likelier vessel than not.
        shape: of the shrunken image, in voxels.

    Returns:
        Between 0 and 1; 0 where no vessel was found.
    """
    vessel = foreground_log_odds(logits.detach().movedim(1, 0)).gt_(0)  # (B, X, Y, Z), 0 or 1, in one volume's memory
    filled = resample(vessel[:, None], shape)  # (B, 1, *shape), 1 where all voxels are vessel
    if not has_float64(filled.device):
        filled = filled.cpu()
    within = filled[filled > ALMOST_1].sum(dtype=torch.float64)
    return float(within / filled.sum(dtype=torch.float64).clamp_min(1e-12))


def _finite(logits: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    if not is_finite(_bare(logits)):
        remedy = "use other weights, or train again at a lower --learning_rate"
        refuse(name_of(inputs), "the network's logits for it are NaN or infinite", remedy)
    return logits


def _bare(image: torch.Tensor) -> torch.Tensor:
    """Return an image without its metadata, in the same memory."""
    return image.as_tensor() if isinstance(image, MetaTensor) else image


def _like(image: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Give `values`, which lie on the voxels of `image`, its metadata, if it has any."""
    return MetaTensor(values).copy_meta_from(image, copy_attr=False) if isinstance(image, MetaTensor) else values


def _affine_of(image: torch.Tensor) -> np.ndarray:
    """Return the 4x4 affine of an image, or of the first of a batch; the identity if unknown."""
    affine = image.affine if isinstance(image, MetaTensor) else np.eye(4)
    return np.asarray(affine, dtype=float).reshape(-1, 4, 4)[0]
