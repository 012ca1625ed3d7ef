"""Training on what MONAI Label lists: pairs of paths in place of a dataset, with nobody there to set a option.

It loads `train.json` alone, puts its lists of `{"image", "label"}` in place of the dataset's volumes, and loads the
weights that are to learn on when the training starts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from torch import nn

from scripts.core import refuse
from scripts.data import TRAIN, VALIDATE, check_labelled, check_pair, split_dataset
from scripts.io import file_family, split_name
from scripts.weights import load_weights

logger = logging.getLogger(__name__)


def is_listed(items: Sequence[Mapping[str, Any]]) -> bool:
    """Tell bare pairs of paths from the volumes of a dataset, which have a region."""
    return not all("region" in item for item in items)


def pace(listed: bool, options: Mapping[str, Any], bundle_root: str | Path) -> dict[str, Any]:
    """Return options as they are given, or, where MONAI Label trains and gives none, as `finetune.json` has them.

    So its training is a gentle one, from the active weights, and what is gentle stands in one place.

    Args:
        listed: see `is_listed`.
        options: by name.
        bundle_root: whose `finetune.json`, and whose weights.

    Raises:
        UserError: where `finetune.json` is missing.
        UserError: where it is no JSON, or lacks one of the options.
    """
    if not listed:
        return dict(options)
    path = Path(bundle_root) / "configs" / "finetune.json"
    if not path.is_file():
        refuse(path, "is missing, and says how gently to train", "copy the whole bundle again", FileNotFoundError)
    try:
        finetune = ConfigParser(json.loads(path.read_text()))
        finetune["bundle_root"] = str(bundle_root)
        return {name: finetune.get_parsed_content(name) for name in options}
    except (ValueError, KeyError) as error:
        refuse(path, f"does not say how to train ({error})", "take it anew from the bundle")


def parts(
    train: Sequence[Mapping[str, Any]],
    validate: Sequence[Mapping[str, Any]],
    val_fraction: float,
    patch_size: Sequence[int],
    channel: int | None = None,
    unlabelled_value: float | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Return the volumes that train and those that validate, each with a name, its geometry and a region.

    The volumes of a dataset have all that and are handed on. Of pairs of paths, those in `validate` validate as a
    whole; where there are none but those that train, as with one or two labelled images, each is split in space.

    Args:
        train: volumes, or pairs.
        validate: likewise.
        val_fraction: see `scripts.data.split_in_space`.
        patch_size: (X, Y, Z).
        channel: which channel of a several-channel image.
        unlabelled_value: a value that means *not labelled*; negative values always do.

    Raises:
        UserError: where nothing is labelled, an image and its label do not fit, a volume is labelled nowhere, or none
            holds a vessel.
        UserError: where a file has gone.
    """
    if not train:
        refuse(
            "the training",
            "no image has a label to learn from",
            "give --dataset_dir, or submit labels to MONAI Label, more than its val_split sets aside",
        )
    if not is_listed(train):
        return {TRAIN: list(train), VALIDATE: list(validate)}
    training, held_out = ([_volume(item, channel) for item in _in_order(items)] for items in (train, validate))
    where = (val_fraction, patch_size, unlabelled_value)
    if not held_out or {item["label"] for item in held_out} <= {item["label"] for item in training}:
        return split_dataset(training, *where)
    check_labelled(training, unlabelled_value)
    split_dataset(held_out, *where)  # for its checks: weights can only be chosen where there are vessels
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
        ckpt_path: the active weights.
    """

    def __init__(self, network: nn.Module, ckpt_path: str | Path) -> None:
        self.network = network
        self.ckpt_path = ckpt_path

    def attach(self, engine: Engine) -> None:
        """Look when `engine` starts, after MONAI Label's loader, which stands before all other handlers."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Compare the weights.

        Raises:
            UserError: where they differ.
        """
        loaded = {name: value.clone() for name, value in self.network.state_dict().items()}
        load_weights(self.network, self.ckpt_path)
        active = self.network.state_dict()
        if not all(torch.equal(value, active[name]) for name, value in loaded.items()):
            refuse(
                self.ckpt_path,
                "training starts from these weights and no others",
                "leave model_filename out, or make others the active ones first (python -m scripts restore-foundation)",
            )
