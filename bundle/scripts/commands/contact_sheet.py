"""The command `contact-sheet`: slices of synthetic and real volumes on one sheet."""

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
    """Draw slices of synthetic volumes, and of real ones if you like, on one sheet.

    Of each volume you see the slice that holds most vessel, with its label outlined. A sheet holds at most 32 pictures,
    real volumes first.

    Args:
        output_path: the picture to write, X.png.
        count: how many synthetic volumes to draw.
        seed: seed of the first synthetic volume; each further one has the next.
        dataset_dir: a dataset of real volumes with labels; by default none is drawn.
        masks_dir: a folder of real vessel masks, as configs/pretrain.json takes it; some of the synthetic volumes are
            then cut from these.

    Returns:
        The picture.

    Raises:
        UserError: for a name that does not end in .png, a count or seed out of range, or too many pictures; for a
            folder without volumes, or a file that cannot be read; if the picture cannot be written.
    """
    path = Path(output_path)
    if path.suffix != ".png":
        refuse(f"--output_path {output_path}", "is not the name of a PNG", "give one that ends in .png")
    for option, value, minimum in (("count", count, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            refuse(f"--{option} {value}", f"is not a whole number of at least {minimum}", "give one such as 16")
    dataset = [] if dataset_dir is None else find_dataset(dataset_dir)
    if len(dataset) + count > MAX_PATCHES:
        problem = f"with {len(dataset)} real volumes, these are more than the {MAX_PATCHES} pictures of a sheet"
        refuse(f"--count {count}", problem, "draw fewer")
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


def _slice(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the slice of image and label (X, Y, Z) that holds most vessel, each (X, Y, 1)."""
    at = fullest_slice(label)
    return image[..., at : at + 1].astype(np.float32), label[..., at : at + 1].astype(np.int32)
