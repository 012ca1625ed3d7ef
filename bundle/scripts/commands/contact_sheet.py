"""Look at what a network is trained on: a sheet of synthetic slices, beside slices of real volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.core import check_writable
from scripts.data import Synthesised, find_study, read_masks
from scripts.io import read_volume
from scripts.report import MOST_PATCHES, fullest_slice, patch_grid


def draw_contact_sheet(
    output_path: str | Path,
    count: int = MOST_PATCHES,
    seed: int = 0,
    dataset_dir: str | Path | None = None,
    masks_dir: str | Path | None = None,
) -> Path:
    """Draw the fullest slice of synthetic volumes, labels outlined, and of the volumes of a study, if one is given.

    Args:
        output_path: of the picture, ``X.png``.
        count: how many synthetic volumes; 32 pictures at most stand on the sheet, the real ones first.
        seed: of the first.
        dataset_dir: a study of real volumes.
        masks_dir: real vessel masks, as ``configs/pretrain.json`` takes them.

    Returns:
        The picture.

    Raises:
        FileNotFoundError: for a folder without volumes.
        ValueError: for a name that is no picture's, numbers that are none, or a file that cannot be read.
        OSError: where the picture cannot be written.
    """
    path = Path(output_path)
    if path.suffix != ".png":
        raise ValueError(f"--output_path {output_path}: is no name of a picture; give one that ends in .png")
    for dial, value, least in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"--{dial} {value}: must be a whole number of at least {least}")
    study = [] if dataset_dir is None else find_study(dataset_dir)
    if len(study) + count > MOST_PATCHES:
        raise ValueError(
            f"--count {count}: with {len(study)} real volumes that is more than the {MOST_PATCHES} pictures of a sheet"
        )
    draw = Synthesised(masks=list(read_masks(masks_dir).values()))
    check_writable(path.parent)

    pictures = []
    for item in study:
        pair = (read_volume(item[key])[1] for key in ("image", "label"))
        pictures.append((item["name"], *_slice(*pair)))
    for number in range(seed, seed + count):
        item = draw({"seed": number})
        pictures.append((f"{item['style']} {number}", *_slice(item["image"][0].numpy(), item["label"][0].numpy())))
    captions, images, labels = zip(*pictures, strict=True)
    return patch_grid(path, images, labels, captions=captions)


def _slice(image, label):
    """The slice across Z that holds most vessel, ``(X, Y, 1)``."""
    at = fullest_slice(label)
    return image[..., at : at + 1].astype(np.float32), label[..., at : at + 1].astype(np.int32)
