"""Run the network over a volume, by inferers that wrap one another and each do one thing.

Each is a `monai.inferers.Inferer` and takes the one inside as `inferer`, so that a config nests them by `_target_` and
an overlay puts another between them. `inference.json` has, from the outside in::

    AdaptedInferer         what the volume itself teaches, if asked for
    TaughtInferer          the voxel classifier that fine-tuning taught, if the weights have one
    EngineInferer          PyTorch's network, or OpenVINO's of the same weights
    AugmentedInferer       in-plane turns and flips of the volume, if asked for
    MultiscaleInferer      the size, or sizes, at which the network sees the volume
    ReusedMemoryInferer    memory that one window frees serves the next
    EdgePaddedInferer      sides that the network's poolings can halve
    ChannelsLastInferer    the layout of the weights
    Bfloat16Inferer        the precision
    GridInferer            overlapping windows, each of which the network sees once

A stack of 15 slices is padded to 32, runs in two windows of 64 x 64 x 32 and is cropped back:

    >>> inferer = EdgePaddedInferer(divisor=32, inferer=GridInferer(roi_size=(64, 64, 64), overlap=0.5))
    >>> inferer(torch.rand(1, 1, 96, 64, 15), network).shape
    torch.Size([1, 2, 96, 64, 15])

`FolderEvaluator` runs them over a folder, where one bad volume does not stop the others. `estimate_volume` tells
beforehand what a volume takes, and `told_volumes` what happens while they run. `suggest/` says which blocks of a volume
to label.

Training runs the network on whole patches: a `Bfloat16Inferer` around MONAI's `SimpleInferer`.
"""

from .augmented import AugmentedInferer
from .bfloat16 import Bfloat16Inferer, autocast, with_rounded_weights
from .blockwise import Blockwise, ScoringEvaluator
from .channels_last import ChannelsLastInferer
from .earlier import EarlierResults
from .edge_padded import DIVISOR, EdgePaddedInferer
from .engine import EngineInferer, calibrate
from .estimate import Estimate, estimate_volume, precision
from .folder import FolderDataset, FolderEvaluator, segment_folder
from .multiscale import COARSER, MultiscaleInferer, coarser_shapes
from .progress import check_volume_fits, told_volumes
from .resampling import shape_at
from .reused_memory import ReusedMemoryInferer
from .sliding_window import GridInferer, reach_of_windows
from .suggest import Described, Looker, candidate_boxes, describe, rank, tiles, write_block
from .uncertainty import SaveSpreadd
from .voxelwise import AdaptedInferer, TaughtInferer, average, classified, described_at, steps_of

__all__ = [
    "COARSER",
    "DIVISOR",
    "AdaptedInferer",
    "AugmentedInferer",
    "Bfloat16Inferer",
    "Blockwise",
    "ChannelsLastInferer",
    "Described",
    "EarlierResults",
    "EdgePaddedInferer",
    "EngineInferer",
    "Estimate",
    "FolderDataset",
    "FolderEvaluator",
    "GridInferer",
    "Looker",
    "MultiscaleInferer",
    "ReusedMemoryInferer",
    "SaveSpreadd",
    "ScoringEvaluator",
    "TaughtInferer",
    "autocast",
    "average",
    "calibrate",
    "candidate_boxes",
    "check_volume_fits",
    "classified",
    "coarser_shapes",
    "describe",
    "described_at",
    "estimate_volume",
    "precision",
    "rank",
    "reach_of_windows",
    "segment_folder",
    "shape_at",
    "steps_of",
    "tiles",
    "told_volumes",
    "with_rounded_weights",
    "write_block",
]
