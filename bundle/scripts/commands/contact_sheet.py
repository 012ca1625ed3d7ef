"""Look at what a network is trained on: a sheet of synthetic slices, beside slices of real volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.core import check_writable, refuse
from scripts.data import Synthesised, find_dataset, read_masks
from scripts.io import read_volume
from scripts.report import MAX_PATCHES, fullest_slice, patch_grid


def draw_contact_sheet(
    output_path: str | Path,
    count: int = MAX_PATCHES,
    seed: int = 0,
    dataset_dir: str | Path | None = None,
    masks_dir: str | Path | None = None,
) -> Path:
    """Draw the fullest slice of synthetic volumes, labels outlined, and of the volumes of a dataset, if one is given.

    Args:
        output_path: of the picture, `X.png`.
        count: how many synthetic volumes; 32 pictures at most stand on the sheet, the real ones first.
        seed: of the first.
        dataset_dir: a dataset of real volumes.
        masks_dir: real vessel masks, as `configs/pretrain.json` takes them.

    Returns:
        The picture.

    Raises:
        UserError: for a folder without volumes.
        UserError: for a name that is not a picture's, numbers that are none, or a file that cannot be read.
        UserError: where the picture cannot be written.
    """
    path = Path(output_path)
    if path.suffix != ".png":
        refuse(f"--output_path {output_path}", "is not the name of a picture", "give one that ends in .png")
    for option, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            refuse(f"--{option} {value}", f"is not a whole number of at least {least}", "give one such as 16")
    dataset = [] if dataset_dir is None else find_dataset(dataset_dir)
    if len(dataset) + count > MAX_PATCHES:
        refuse(
            f"--count {count}",
            f"with {len(dataset)} real volumes these are more than the {MAX_PATCHES} pictures of a sheet",
            "give fewer",
        )
    draw = Synthesised(masks=list(read_masks(masks_dir).values()))
    check_writable(path.parent)

    pictures = []
    for item in dataset:
        pair = (read_volume(item[key])[1] for key in ("image", "label"))
        pictures.append((item["name"], *_slice(*pair)))
    for number in range(seed, seed + count):
        item = draw({"seed": number})
        pictures.append((f"{item['style']} {number}", *_slice(item["image"][0].numpy(), item["label"][0].numpy())))
    captions, images, labels = zip(*pictures, strict=True)
    return patch_grid(path, images, labels, captions=captions)


def _slice(image, label):
    """The slice across Z that holds most vessel, `(X, Y, 1)`."""
    at = fullest_slice(label)
    return image[..., at : at + 1].astype(np.float32), label[..., at : at + 1].astype(np.int32)
