"""Labelled volumes to score: what is wrong with one of several does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import MetaTensor
from monai.utils import CommonKeys as Keys

from scripts.core import UNLABELLED, UserError, check_all, failure_of, parse_region

from .coverage import warn_of_blocks
from .dataset import CachedVolumes, check_pair, list_datasets
from .images import BY_BLOCKS, FAILED
from .scan import scan_label

logger = logging.getLogger(__name__)

NAME = "name"


def find_scored(
    dataset_dir: str | Path | Sequence[str | Path] | None,
    region: str | None = None,
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
    level: int = 0,
) -> list[dict[str, Any]]:
    """Find and scan labelled volumes as `find_labelled` does, but a broken one stops no other.

    Args:
        dataset_dir: as in `find_dataset`.
        region: as in `find_dataset`.
        channel: as in `find_dataset`.
        unlabelled_value: as in `scan_labels`.
        level: as in `find_dataset`.

    Returns:
        The volumes as `find_labelled` has them; one whose image or label cannot be used has `name`, `image`, `label`
        and `failed`, the line that says why, which the log has too.

    Raises:
        UserError: as `list_datasets`; also if no volume can be used.
    """

    def found(item: Mapping[str, Any]) -> dict[str, Any]:
        """Check a volume and scan its label."""
        pair = check_pair(item[Keys.IMAGE], item[Keys.LABEL], region, channel, level=level)
        return scan_label({**item, **pair}, unlabelled_value, channel, level)

    if region:
        parse_region(region)  # what no volume could fit is refused once
    items, volumes = list_datasets(dataset_dir, channel), list[dict[str, Any]]()
    for item in items:
        try:
            volumes.append(found(item))
        except UserError as error:
            volumes.append({**item, FAILED: failure_of("", error)})
    failed = [volume[FAILED] for volume in volumes if FAILED in volume]
    if len(failed) == len(items):
        return check_all(found, items)  # raises what they are
    for line in failed:
        logger.warning("left out: %s", line)
    warn_of_blocks([volume for volume in volumes if FAILED not in volume])
    return volumes


class ScoredVolumes(CachedVolumes):
    """Loads volumes to score; one of several that cannot be loaded stops no other.

    In its place stands a volume of which nothing is labelled, so that no score is defined, and which has `failed`. A
    single volume raises instead. Such a volume, with `by_blocks`, also stands for one that goes by blocks.
    """

    def _transform(self, index: int) -> Any:
        """Load one volume; MONAI's `Dataset` calls this for each index."""
        item = self.data[index]
        if FAILED in item:
            return _nothing(item, item[FAILED])
        if BY_BLOCKS in item:
            return {**_nothing(item), BY_BLOCKS: True}
        try:
            return super()._transform(index)
        except Exception as error:  # whatever it is, the others are scored
            if len(self.data) == 1:
                raise
            why = failure_of(str(item[Keys.IMAGE]), error)
            logger.warning("left out: %s", why)
            return _nothing(item, why)


def _nothing(item: Mapping[str, Any], why: str | None = None) -> dict[str, Any]:
    image = torch.zeros((1, 2, 2, 2))  # (1, X, Y, Z)
    label = torch.full_like(image, UNLABELLED)
    failed = {} if why is None else {FAILED: why}
    return {Keys.IMAGE: MetaTensor(image), Keys.LABEL: MetaTensor(label), NAME: item[NAME], **failed}
