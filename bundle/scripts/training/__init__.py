"""Training beyond MONAI's engines: losses, handlers, fine-tuning, resuming, processes."""

from .classifier import teach_voxels
from .cleaning import choose_cleaning
from .closing import tell_end
from .distributed import (
    DistributedBatches,
    DistributedEvaluator,
    DistributedGradients,
    DistributedScorer,
    GlobalLoss,
    my_volumes,
    on_first_process,
    prepare_batch,
)
from .epoch_table import EpochTable, TimedEpochTable
from .finetuning import AverageWithStart, Thaw, start_from
from .fingerprint import Fingerprint
from .handlers import IterationSeed, NonFiniteGradientGuard, Patience, StartScores, WeightsSaver, named
from .launch import join_processes
from .losses import LabelledVoxelsLoss, WeightedCrossEntropyLoss, inverse_frequency_weights
from .mlflow import find_saved_config
from .resume import TrainingState, run_training
from .tensorboard import CloseEvents, SliceImages, open_events
from .validation import Validation

__all__ = [
    "AverageWithStart",
    "CloseEvents",
    "DistributedBatches",
    "DistributedEvaluator",
    "DistributedGradients",
    "DistributedScorer",
    "EpochTable",
    "Fingerprint",
    "GlobalLoss",
    "IterationSeed",
    "LabelledVoxelsLoss",
    "NonFiniteGradientGuard",
    "Patience",
    "SliceImages",
    "StartScores",
    "Thaw",
    "TimedEpochTable",
    "TrainingState",
    "Validation",
    "WeightedCrossEntropyLoss",
    "WeightsSaver",
    "choose_cleaning",
    "find_saved_config",
    "inverse_frequency_weights",
    "join_processes",
    "my_volumes",
    "named",
    "on_first_process",
    "open_events",
    "prepare_batch",
    "run_training",
    "start_from",
    "teach_voxels",
    "tell_end",
]
