"""Training on what MONAI Label lists: pairs of paths in place of a dataset, with nobody there to set an option.

It loads `train.json` alone, puts its lists of `{"image", "label"}` in place of the dataset's volumes, and loads the
weights that are to learn on when the training starts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from torch import nn

from scripts.core import refuse
from scripts.data import TRAIN, VALIDATE, check_pair, scan_labels, split_dataset
from scripts.io import file_family, split_name
from scripts.weights import Checkpoint

logger = logging.getLogger(__name__)


def is_datalist(items: Sequence[Mapping[str, Any]]) -> bool:
    """Tell MONAI Label's pairs of paths from the volumes of a dataset, which have a region."""
    return not all("region" in item for item in items)


def schedule(from_monailabel: bool, options: Mapping[str, Any], bundle_root: str | Path) -> SimpleNamespace:
    """Return options as they are given, or as `finetune.json` has them where MONAI Label trains and gives none.

    So its training is a gentle one, from the active weights, and what is gentle stands in one place.

    Args:
        from_monailabel: see `is_datalist`.
        options: by name.
        bundle_root: the bundle, for its `finetune.json` and its weights.

    Returns:
        The options, as attributes.

    Raises:
        UserError: where `finetune.json` is missing or damaged, or lacks one of the options.
    """
    if not from_monailabel:
        return SimpleNamespace(**options)
    path = Path(bundle_root) / "configs" / "finetune.json"
    if not path.is_file():
        refuse(path, "is missing, and says how gently to train", "copy the whole bundle again", FileNotFoundError)
    try:
        finetune = ConfigParser(json.loads(path.read_text()))
        finetune["bundle_root"] = str(bundle_root)
        return SimpleNamespace(**{name: finetune.get_parsed_content(name) for name in options})
    except (ValueError, KeyError) as error:
        refuse(path, f"does not say how to train ({error})", "take it anew from the bundle")


def volumes_of(
    train: Sequence[Mapping[str, Any]],
    validate: Sequence[Mapping[str, Any]],
    val_fraction: float,
    patch_size: Sequence[int],
    channel: int | None = None,
    unlabelled_value: float | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return the volumes that train and those that validate, each with a name, its geometry, a region and a scan.

    The volumes of a dataset have all that and are handed on. Of pairs of paths, those in `validate` validate as a
    whole; where there are none but those that train, as with one or two labelled images, each is split in space.

    Args:
        train: volumes, or pairs.
        validate: volumes, or pairs.
        val_fraction: see `scripts.data.split_in_space`.
        patch_size: (X, Y, Z).
        channel: which channel of a several-channel image.
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        UserError: where nothing is labelled, an image and its label do not fit, a volume is labelled nowhere, none
            holds a vessel, or a file has gone.
    """
    if not train:
        remedy = "give --dataset_dir, or submit labels to MONAI Label, more than its val_split sets aside"
        refuse("the training", "no image has a label to learn from", remedy)
    if not is_datalist(train):
        return {TRAIN: list(train), VALIDATE: list(validate)}
    training, held_out = (
        scan_labels([_volume(item, channel) for item in _in_order(items)], unlabelled_value)
        for items in (train, validate)
    )
    if not held_out or {item["label"] for item in held_out} <= {item["label"] for item in training}:
        return split_dataset(training, val_fraction, patch_size)
    split_dataset(held_out, val_fraction, patch_size)  # for its checks: weights are chosen where there are vessels
    logger.info("these validate: %s", ", ".join(item["name"] for item in held_out))
    return {TRAIN: training, VALIDATE: held_out}


def _in_order(items: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    # MONAI Label's order is that of the disk, and what is drawn depends on it
    return sorted(items, key=lambda item: str(item["image"]))


def _volume(item: Mapping[str, Any], channel: int | None) -> dict[str, Any]:
    image, label = str(item["image"]), str(item["label"])
    # a viewer writes NIfTI labels for TIFF images too, and invents a position that the TIFF does not have
    place = file_family(image) == file_family(label)
    name = split_name(image)[0]
    geometry = check_pair(image, label, channel=channel, compare_place=place)
    return {"name": name, "image": image, "label": label, "dataset": name, **geometry}


class SameStart:
    """Handler: refuse to train where MONAI Label has loaded other weights than those that this training is told of.

    Sidecar, label values and normalisation are those of the active weights, and so must be what learns on.

    Args:
        network: that is trained.
        checkpoint: the active weights.
    """

    def __init__(self, network: nn.Module, checkpoint: Checkpoint) -> None:
        self.network = network
        self.checkpoint = checkpoint

    def attach(self, engine: Engine) -> None:
        """Look when `engine` starts, after MONAI Label's loader, which stands before all other handlers."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Compare the weights.

        Raises:
            UserError: where they differ.
        """
        loaded = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.checkpoint.load_into(self.network)
        active = self.network.state_dict()
        if not all(torch.equal(value, active[name]) for name, value in loaded.items()):
            remedy = "leave model_filename out, or make others the active ones (python -m scripts restore-foundation)"
            refuse(self.checkpoint.path, "training starts from these weights and no others", remedy)
