"""What training takes besides MONAI's engines: losses, handlers, fine-tuning, resuming, several processes."""

from .distributed import (
    GlobalLoss,
    SharedBatches,
    SharedEvaluator,
    SharedGradients,
    my_volumes,
    prepare_batch,
    shown_once,
)
from .epoch_table import EpochTable
from .finetune import Thaw, start_from
from .handlers import IterationSeed, NonFiniteGradientGuard, Patience, WeightsSaver, shared
from .launch import start
from .losses import LabelledVoxelsLoss, WeightedCrossEntropyLoss, inverse_frequency_weights
from .mlflow import find_saved_config
from .resume import TrainingState, described, run_training
from .tensorboard import CloseEvents, SliceImages, open_events

__all__ = [
    "CloseEvents",
    "EpochTable",
    "GlobalLoss",
    "IterationSeed",
    "LabelledVoxelsLoss",
    "NonFiniteGradientGuard",
    "Patience",
    "SharedBatches",
    "SharedEvaluator",
    "SharedGradients",
    "SliceImages",
    "Thaw",
    "TrainingState",
    "WeightedCrossEntropyLoss",
    "WeightsSaver",
    "described",
    "find_saved_config",
    "inverse_frequency_weights",
    "my_volumes",
    "open_events",
    "prepare_batch",
    "run_training",
    "shared",
    "shown_once",
    "start",
    "start_from",
]
