"""The demo volume, as napari's sample data."""

from __future__ import annotations

from scripts.commands.demo import SEED, SHAPE, STYLE, VOXEL_SIZE
from scripts.commands.synthesise import write_dataset

from .places import sessions_folder
from .reader import Layers, read_layers


def demo() -> Layers:
    """Draw the synthetic volume that `tubenet demo` fine-tunes on, or open it if it was drawn before."""
    folder = sessions_folder() / "sample"
    file = folder / "images" / f"{STYLE}_{SEED}.tif"
    if not file.is_file():
        write_dataset(folder, count=1, seed=SEED, shape=SHAPE, style=STYLE, **VOXEL_SIZE)
    return read_layers(str(file))
