"""From files to patches: find, check, map classes, split, draw. Start at `dataset.py`."""

from .classes import class_counts, label_names, label_values
from .counting import COUNTS, count_label, labelled_box
from .dataset import CachedVolumes, check_pair, find_dataset, find_images, is_dataset
from .images import BY_BLOCKS, FAILED, WEIGHTS_HASH, checked_images, is_result_name
from .layout import DECATHLON, HEADER, find_volumes, volume_name
from .loaders import PatchLoader, VolumeLoader
from .masks import read_masks
from .mixed import MixedPatches, dataset_folders, real_volumes, share_of_real, vessel_values
from .patches import EpochSampler, PatchDataset, pad_collate
from .scan import LabelScan, find_labelled, scan_labels
from .scoring import ScoredVolumes, find_scored
from .split import ITSELF, TRAIN, VALIDATE, split_dataset, split_in_space, validated_on
from .synthetic import Synthesised, SyntheticPatches, seeds

__all__ = [
    "BY_BLOCKS",
    "COUNTS",
    "DECATHLON",
    "FAILED",
    "HEADER",
    "ITSELF",
    "TRAIN",
    "VALIDATE",
    "WEIGHTS_HASH",
    "CachedVolumes",
    "EpochSampler",
    "LabelScan",
    "MixedPatches",
    "PatchDataset",
    "PatchLoader",
    "ScoredVolumes",
    "Synthesised",
    "SyntheticPatches",
    "VolumeLoader",
    "check_pair",
    "checked_images",
    "class_counts",
    "count_label",
    "dataset_folders",
    "find_dataset",
    "find_images",
    "find_labelled",
    "find_scored",
    "find_volumes",
    "is_dataset",
    "is_result_name",
    "label_names",
    "label_values",
    "labelled_box",
    "pad_collate",
    "read_masks",
    "real_volumes",
    "scan_labels",
    "seeds",
    "share_of_real",
    "split_dataset",
    "split_in_space",
    "validated_on",
    "vessel_values",
    "volume_name",
]
