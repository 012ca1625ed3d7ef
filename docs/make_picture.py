"""Draw the picture of README.md: a slice of a synthetic stack, and what the shipped weights find in it.

Run it with `PYTHONPATH=bundle python docs/make_picture.py`. The stack has 15 slices and holds flat vessels among round
cells, some of which are called vessel. Its Dice, which this prints, stands under the picture in README.md.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgba

from scripts.commands.bundle import INFERENCE, run_bundle
from scripts.commands.synthesise import write_dataset
from scripts.io import read_volume
from scripts.report import fullest_slice
from scripts.report.figure import (
    DIM,
    PREDICTION_COLOUR,
    display_size,
    draw_outline,
    draw_picture,
    draw_scale_bar,
    lay_out,
    save_figure,
)

PICTURE = Path(__file__).parent / "images" / "segmentation.png"
STYLE, SEED, SHAPE = "plexus", 212, (240, 180, 15)
VOXEL_SIZE, UNIT = (1.0, 1.0, 2.0), "µm"
OPACITY = 0.45


def draw(image: np.ndarray, segmentation: np.ndarray) -> Path:
    """Draw the slice with most vessel twice, beside one another, the second time with the segmentation over it.

    Args:
        image: `(X, Y, Z)`.
        segmentation: `(X, Y, Z)`, above 0 vessel.
    """
    at = fullest_slice(segmentation)
    picture, found = image[..., at].T, segmentation[..., at].T  # (Y, X)
    low, high = np.percentile(picture, [0.5, 99.5])
    picture = np.clip((picture - low) / (high - low), 0, 1)
    size = display_size(picture.shape, 1.0, 1.0)
    figure, boxes = lay_out([[0], [1]], [tuple(1.3 * side for side in size)] * 2, "", False)
    for axes, caption in zip(boxes, (f"slice {at + 1} of {image.shape[2]}", "its segmentation"), strict=True):
        draw_picture(axes, picture, 1.0, "gray")
        axes.set_title(caption, color=DIM, fontsize=9, pad=4)
    filled = np.zeros((*found.shape, 4))
    filled[found > 0] = to_rgba(PREDICTION_COLOUR, OPACITY)
    boxes[1].imshow(filled, interpolation="nearest", aspect="auto")
    draw_outline(boxes[1], found, PREDICTION_COLOUR)
    draw_scale_bar(boxes[0], image.shape[0], VOXEL_SIZE[0], UNIT)
    return save_figure(figure, PICTURE)


def main() -> None:
    """Make the stack, segment it, draw it and print its Dice."""
    with tempfile.TemporaryDirectory() as folder:
        dataset, output = Path(folder, "dataset"), Path(folder, "output")
        write_dataset(dataset, 1, SEED, SHAPE, STYLE, voxel_size=VOXEL_SIZE, unit=UNIT)
        run_bundle([INFERENCE], dataset_dir=dataset, output_dir=output)
        name = f"{STYLE}_{SEED}"
        image, label, segmentation = (
            read_volume(path)[1]  # (X, Y, Z)
            for path in (dataset / f"images/{name}.tif", dataset / f"labels/{name}.tif", output / f"{name}_seg.tif")
        )
    print(draw(image, segmentation))
    both = np.count_nonzero((label > 0) & (segmentation > 0))
    print(f"Dice {2 * both / (np.count_nonzero(label) + np.count_nonzero(segmentation)):.3f}")


if __name__ == "__main__":
    main()
