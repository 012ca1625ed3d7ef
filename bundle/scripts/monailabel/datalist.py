"""Train on MONAI Label's list of images and labels instead of a dataset.

MONAI Label loads only `train.json`, replaces the dataset's volumes by its own lists of `{"image", "label"}`, and loads
the weights to train further when the training starts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from torch import nn

from scripts.core import read_json, refuse
from scripts.data import TRAIN, VALIDATE, check_pair, scan_labels, split_dataset
from scripts.io import file_family, split_name
from scripts.weights import Checkpoint

logger = logging.getLogger(__name__)


def is_datalist(items: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether items are MONAI Label's pairs of paths; volumes of a dataset have a region."""
    return not all("region" in item for item in items)


def schedule(from_monailabel: bool, options: Mapping[str, Any], bundle_root: str | Path) -> SimpleNamespace:
    """Return the given options, or for MONAI Label, which gives none, those of `finetune.json`.

    So MONAI Label trains gently from the active weights, and only `finetune.json` says what gently means.

    Args:
        from_monailabel: whether MONAI Label trains, see `is_datalist`.
        options: the given options, by name.
        bundle_root: folder of the bundle, which has `finetune.json` and the weights.

    Returns:
        The options, as attributes.

    Raises:
        UserError: if `finetune.json` is missing or damaged, or lacks one of the options.
    """
    if not from_monailabel:
        return SimpleNamespace(**options)
    path = Path(bundle_root) / "configs" / "finetune.json"
    content = read_json(path, "copy it from the bundle again")
    try:
        finetune = ConfigParser(content)
        finetune["bundle_root"] = str(bundle_root)
        return SimpleNamespace(**{name: finetune.get_parsed_content(name) for name in options})
    except (ValueError, KeyError) as error:
        refuse(path, f"does not say how to train ({error})", "copy it from the bundle again")


def volumes_of(
    train: Sequence[Mapping[str, Any]],
    validate: Sequence[Mapping[str, Any]],
    val_fraction: float,
    patch_size: Sequence[int],
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return training and validation volumes, each with name, geometry, region and scan.

    Volumes of a dataset have all that already and are returned as they are. Pairs of paths in `validate` are used
    whole; if there are none besides those in `train`, as with one or two labelled images, each is split in space.

    Args:
        train: training volumes, or pairs of paths.
        validate: validation volumes, or pairs of paths.
        val_fraction: see `scripts.data.split_in_space`.
        patch_size: size of a training patch in voxels, (X, Y, Z).
        channel: which channel to use of an image that has several.
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        UserError: if there are no labels, an image and its label do not match, a volume has no labelled voxel, none
            holds a vessel, or a file no longer exists.
    """
    if not train:
        remedy = "give --dataset_dir, or submit more labels to MONAI Label than its val_split sets aside"
        refuse("the training", "no image has a label to learn from", remedy)
    if not is_datalist(train):
        return {TRAIN: list(train), VALIDATE: list(validate)}
    training, held_out = (
        scan_labels([_volume(item, channel) for item in _in_order(items)], unlabelled_value, channel)
        for items in (train, validate)
    )
    if not held_out or {item["label"] for item in held_out} <= {item["label"] for item in training}:
        return split_dataset(training, val_fraction, patch_size)
    split_dataset(held_out, val_fraction, patch_size)  # only to check that there are vessels by which to choose weights
    logger.info("volumes for validation: %s", ", ".join(item["name"] for item in held_out))
    return {TRAIN: training, VALIDATE: held_out}


def _in_order(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    # MONAI Label lists files in the disk's order, and the patches drawn depend on the order
    return sorted(items, key=lambda item: str(item["image"]))


def _volume(item: Mapping[str, Any], channel: int | str | None) -> dict[str, Any]:
    image, label = str(item["image"]), str(item["label"])
    # viewers write NIfTI labels for TIFF images too, and invent a position that the TIFF does not have
    place = file_family(image) == file_family(label)
    name = split_name(image)[0]
    geometry = check_pair(image, label, channel=channel, compare_place=place)
    return {"name": name, "image": image, "label": label, "dataset": name, **geometry}


class SameStart:
    """Handler that refuses to train if MONAI Label has not loaded the active weights.

    Sidecar, label values and normalisation are those of the active weights, so the network must start from them too.

    Args:
        network: the network to train.
        checkpoint: the active weights.
    """

    def __init__(self, network: nn.Module, checkpoint: Checkpoint) -> None:
        self.network = network
        self.checkpoint = checkpoint

    def attach(self, engine: Engine) -> None:
        """Check when `engine` starts, after MONAI Label's loader, which runs before other handlers."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Compare the weights.

        Raises:
            UserError: if they differ.
        """
        loaded = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.checkpoint.load_into(self.network)
        active = self.network.state_dict()
        if not all(torch.equal(value, active[name]) for name, value in loaded.items()):
            remedy = "leave model_filename out, or make others the active ones (python -m scripts restore-foundation)"
            refuse(self.checkpoint.path, "training has to start from these weights", remedy)
