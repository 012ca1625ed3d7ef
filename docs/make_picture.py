"""Draw the pictures of README.md and docs/: `make pictures`, or with names only some of them.

`PYTHONPATH=bundle python docs/make_picture.py segmentation contact_sheet` takes a minute, `demo` several. All show
synthetic volumes and the shipped weights. `losses.png` and `speed.png` need trainings and `make bench`, and stay.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

from scripts.commands.bundle import INFERENCE, run_bundle
from scripts.commands.demo import run_demo
from scripts.commands.pictures.contact_sheet import draw_contact_sheet
from scripts.commands.synthesise import write_dataset
from scripts.core import refuse_unknown, write_whole
from scripts.io import read_volume
from scripts.report import slice_panel

IMAGES = Path(__file__).parent / "images"
STYLE, SEED, SHAPE = "plexus", 212, (240, 180, 15)  # flat vessels among round cells, some of which are called vessel
VOXEL_SIZE, UNIT = (1.0, 1.0, 2.0), "µm"
SHEET = 18  # volumes
COLOURS = 256  # of a picture, which makes it half the size


def draw_segmentation(folder: Path) -> Path:
    """Draw the picture of README.md: a slice of a stack, what is found in it, how right it is."""
    dataset, output = folder / "dataset", folder / "output"
    write_dataset(dataset, 1, SEED, SHAPE, STYLE, voxel_size=VOXEL_SIZE, unit=UNIT)
    run_bundle([INFERENCE], dataset_dir=dataset, output_dir=output)
    name = f"{STYLE}_{SEED}"
    paths = (dataset / f"images/{name}.tif", dataset / f"labels/{name}.tif", output / f"{name}_seg.tif")
    volumes = (read_volume(path)[1] for path in paths)
    title = "A synthetic stack, what the shipped weights find in it, and how far it is right"
    words = {"title": title, "spacing": VOXEL_SIZE, "unit": UNIT, "views": ("slice",)}
    return slice_panel(folder / "segmentation.png", *volumes, **words)


def draw_sheet(folder: Path) -> Path:
    """Draw the synthetic volumes that a training sees."""
    return draw_contact_sheet(folder / "contact_sheet.png", count=SHEET)


def draw_demo(folder: Path) -> Path:
    """Run the demo, and take its picture of what is found after fine-tuning."""
    run_demo(folder / "demo")
    return folder / "demo" / "after.png"


PICTURES: Mapping[str, Callable[[Path], Path]] = {
    "segmentation": draw_segmentation,
    "contact_sheet": draw_sheet,
    "demo": draw_demo,
}


def main(*names: str) -> None:
    """Draw the pictures of these names, or all."""
    for name in names:
        if name not in PICTURES:
            refuse_unknown(name, "there is no such picture", name, PICTURES, f"give some of {', '.join(PICTURES)}")
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            picture = Image.open(PICTURES[name](Path(folder))).convert("RGB")
            # greys in few steps; the colours of the palette stay apart
            picture = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE)
            path = IMAGES / f"{name}.png"
            write_whole(path, lambda file, picture=picture: picture.save(file, format="png", optimize=True))
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
