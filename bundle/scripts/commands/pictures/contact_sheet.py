"""The command `contact-sheet`: slices of synthetic and real volumes on one sheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import check_writable, refuse
from scripts.data import Synthesised, check_pair, find_images, is_result_name, read_masks
from scripts.io import of_label, read_volume
from scripts.report import MAX_PATCHES, fullest_slice, patch_grid, theme_of, vessel_or_not

from .outlines import labels_of

MIN_SYNTHETIC = 8  # of a sheet on which there are many real volumes too


def draw_contact_sheet(
    output_path: str | Path,
    count: int | None = None,
    seed: int = 0,
    dataset_dir: str | Path | None = None,
    masks_dir: str | Path | None = None,
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
    theme: str = "dark",
) -> Path:
    """Draw slices of synthetic volumes, and of real ones if you like, on one sheet.

    Of each volume you see the slice that holds most vessel, with its label outlined, or the brightest slice where there
    is no label. A sheet holds at most 32 pictures, real volumes first.

    Args:
        output_path: the picture to write, X.png.
        count: how many synthetic volumes to draw; by default as many as there is room for, and at least 8.
        seed: seed of the first synthetic volume; each further one has the next.
        dataset_dir: a dataset, folder of images or image, labelled or not; by default no real volume is drawn. If they
            are more than there is room for, the first ones are drawn and the sheet says so.
        masks_dir: a folder of real vessel masks, as configs/pretrain.json takes it; some of the synthetic volumes are
            then cut from these.
        channel: which channel of real images that have several.
        unlabelled_value: the label value that means "not labelled", as negative values always do.
        theme: dark or light.

    Returns:
        The picture.

    Raises:
        UserError: for a name that does not end in .png, a count or seed out of range, or a theme that does not exist;
            for a folder without volumes, or a file that cannot be read; if the picture cannot be written.
    """
    path = Path(output_path)
    if path.suffix != ".png":
        refuse(f"--output_path {output_path}", "is not the name of a PNG", "give one that ends in .png")
    for option, value, minimum in (("count", count, 1), ("seed", seed, 0)):
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            refuse(f"--{option} {value}", f"is not a whole number of at least {minimum}", "give one such as 16")
    if count is not None and count > MAX_PATCHES:
        refuse(f"--count {count}", f"is more than the {MAX_PATCHES} pictures of a sheet", "draw fewer")
    theme_of(theme)
    real = [] if dataset_dir is None else _real(dataset_dir, channel)
    if count is None:
        count = max(MIN_SYNTHETIC, MAX_PATCHES - len(real))
    drawn = real[: MAX_PATCHES - count]
    draw = Synthesised(masks=list(read_masks(masks_dir).values()))
    check_writable(path.parent)

    pictures = []
    for item in drawn:
        image = read_volume(item["image"], channel=channel)[1]
        label = None
        if "label" in item:
            label = vessel_or_not(read_volume(item["label"], of_label(channel))[1], unlabelled_value)
        pictures.append((item["name"], *_slice(image, label)))
    for number in range(seed, seed + count):
        item = draw({"seed": number})
        pictures.append((f"{item['style']} {number}", *_slice(item["image"][0].numpy(), item["label"][0].numpy())))
    captions, images, labels = zip(*pictures, strict=True)
    title = "" if len(drawn) == len(real) else f"{len(drawn)} of the {len(real)} volumes in {dataset_dir}"
    return patch_grid(path, images, labels, title, captions, theme)


def _real(dataset_dir: str | Path, channel: int | str | None) -> list[Mapping[str, Any]]:
    """List real volumes with name, image and, where there is one, the label that matches."""
    images = find_images(dataset_dir, channel)
    names = {item["name"] for item in images}
    labels = labels_of(Path(dataset_dir), channel)
    items: list[Mapping[str, Any]] = []
    for item in images:
        if is_result_name(item["name"], names):  # results may lie beside the images
            continue
        label = {"label": labels[item["name"]]} if item["name"] in labels else {}
        if label:
            check_pair(item["image"], label["label"], channel=channel)
        items.append({**item, **label})
    return items


def _slice(image: np.ndarray, label: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the slice of image and label (X, Y, Z) that holds most vessel, each (X, Y, 1)."""
    labelled = label is not None and (label > 0).any()
    at = fullest_slice(label if labelled else image)  # type: ignore[arg-type]
    shown = None if label is None else label[..., at : at + 1].astype(np.int32)
    return image[..., at : at + 1].astype(np.float32), shown
