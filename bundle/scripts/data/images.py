"""List the images to segment: check each header, leave out results among them."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

from scripts.core import RESULTS, one_line, refuse
from scripts.io import VolumeInfo, is_volume, read_header

from .dataset import find_images
from .layout import HEADER

logger = logging.getLogger(__name__)

FAILED = "failed"
"""Key of an item: why it cannot be segmented."""
BY_BLOCKS = "by_blocks"
"""Key of an item that is too large to be loaded and goes by blocks: the bytes of memory that this takes."""
WEIGHTS_HASH = "weights_sha256"
"""What the provenance of every result of this bundle has."""


def checked_images(dataset_dir: str | Path, channel: int | str | None = None, level: int = 0) -> list[dict[str, Any]]:
    """List images as `find_images` does and check each header, so that none fails after hours.

    What this bundle itself wrote, into the folder of the images, is left out with a line in the log. Its files say how
    they were made; `.npy` has no place for that, so there `NAME_seg.npy` beside `NAME` counts.

    Args:
        dataset_dir: path of the dataset, folder or file.
        channel: which channel to use of images that have several.
        level: which resolution to use of pyramids.

    Returns:
        One item for each image: `name`, the path `image`, and its `header` (`VolumeInfo`), or else `failed`, the line
        that says what is wrong with it.

    Raises:
        UserError: as `find_images` does; also if a single image is damaged or is not one volume, if all are, or if all
            are results.
    """
    items = [_with_header(item, channel, level) for item in find_images(dataset_dir, channel)]
    if not is_volume(dataset_dir):
        items = _without_results(dataset_dir, items)
    failed = [item[FAILED] for item in items if FAILED in item]
    if len(failed) == len(items):
        for line in failed[:-1]:
            logger.error(line)
        if len(failed) == 1:
            read_header(items[0]["image"], channel, level)  # raises it as what it is
        refuse(dataset_dir, f"none of its {len(failed)} volumes can be read, the last is {failed[-1]}", "see above")
    return items


def _with_header(item: dict[str, str], channel: int | str | None, level: int) -> dict[str, Any]:
    try:
        return {**item, HEADER: read_header(item["image"], channel, level)}
    except Exception as error:  # whatever is wrong with one file, the others are segmented
        line = one_line(error)
        return {**item, FAILED: line if item["image"] in line else f"{item['image']}: {line}"}


def _without_results(dataset_dir: str | Path, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {item["name"] for item in items}
    results = [item for item in items if HEADER in item and _is_result(item["name"], item[HEADER], names)]
    if len(results) == len(items):
        refuse(dataset_dir, "holds only results of this bundle", "name the folder of the images")
    if results:
        told = ", ".join(Path(item["image"]).name for item in results)
        logger.warning("%s: not segmented, because they are results of this bundle: %s", dataset_dir, told)
    return [item for item in items if item not in results]


def _is_result(name: str, info: VolumeInfo, names: set[str]) -> bool:
    """Tell whether a file is a result, by what it states, or by its name if it states nothing."""
    return WEIGHTS_HASH in info.provenance or (info.kind == "npy" and is_result_name(name, names))


def is_result_name(name: str, names: Container[str]) -> bool:
    """Return whether a volume is called as a result of another of these names would be."""
    return any(name.endswith(ending) and name.removesuffix(ending) in names for ending in RESULTS)
