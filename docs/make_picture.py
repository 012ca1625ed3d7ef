"""Draw the pictures of README.md and docs/: `make pictures`, or with names only some of them.

`PYTHONPATH=bundle python docs/make_picture.py segmentation branches contact_sheet` takes a minute or two, `demo`
several. All show synthetic volumes and the shipped weights. `losses.png` and `speed.png` need trainings and `make
bench`, and stay.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scripts.commands.bundle import INFERENCE, run_bundle
from scripts.commands.demo import run_demo
from scripts.commands.pictures.contact_sheet import draw_contact_sheet
from scripts.commands.synthesise import write_dataset
from scripts.core import refuse_unknown, write_whole
from scripts.io import read_volume
from scripts.morphometry import VesselNetwork, measure
from scripts.report import slice_panel
from scripts.report.theme import EXTRA_COLOUR, THEMES

IMAGES = Path(__file__).parent / "images"
STYLE, SEED, SHAPE = "plexus", 212, (240, 180, 15)  # flat vessels among round cells, some of which are called vessel
VOXEL_SIZE, UNIT = (1.0, 1.0, 2.0), "µm"
NETWORK, NETWORK_SEED, NETWORK_SHAPE = "tumour", 22, (192, 192, 64)  # whose vessels are measured; voxels of 1 µm
WIDTH, BAR = 0.5, 50  # µm: of a bar of the distribution, and of the scale bar
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


def draw_branches(folder: Path) -> Path:
    """Draw centre lines coloured by radius, beside how much of their length has which radius."""
    dataset, output, name = folder / "dataset", folder / "output", f"{NETWORK}_{NETWORK_SEED}"
    write_dataset(dataset, 1, NETWORK_SEED, NETWORK_SHAPE, NETWORK, voxel_size=(1, 1, 1), unit=UNIT)
    run_bundle([INFERENCE], dataset_dir=dataset, output_dir=output)
    image, label = (read_volume(dataset / kind / f"{name}.tif")[1] for kind in ("images", "labels"))  # (X, Y, Z)
    found, true = (measure(mask > 0, (1, 1, 1)) for mask in (read_volume(output / f"{name}_seg.tif")[1], label))
    return branch_panel(folder / "branches.png", image, found, true)


def branch_panel(path: Path, image: np.ndarray, found: VesselNetwork, true: VesselNetwork) -> Path:
    """Draw an image `(X, Y, Z)`, the centre lines found in it, and their radii beside the true ones."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    theme, (width, height, _) = THEMES["light"], image.shape
    figure = Figure(figsize=(11, 3.95), dpi=130, layout="constrained")
    views = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    brightest = image.max(axis=2).T
    low, high = np.percentile(brightest, (1, 99.8))
    views[0].imshow(brightest, cmap="gray", vmin=low, vmax=high)
    steps, radii, lengths = _steps(found)
    order = np.argsort(radii)  # the widest over the others
    lines = LineCollection(steps[order], cmap="viridis", linewidths=0.9 + 0.3 * radii[order], capstyle="round")
    lines.set_array(radii[order])
    lines.set_clim(0, float(np.ceil(np.quantile(radii, 0.995))))
    views[1].add_collection(lines)
    views[1].set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal", facecolor=THEMES["dark"].ground)
    for view, title in zip(views, ("Image, highest along Z", "Centre lines by radius"), strict=False):
        view.set(xticks=[], yticks=[])
        view.set_title(title, loc="left", color=theme.text, fontsize=11)
        right, bottom = 0.95 * width, 0.95 * height
        view.plot((right - BAR, right), (bottom, bottom), color="white", linewidth=3, solid_capstyle="butt")
        view.text(right - BAR / 2, bottom - 0.015 * height, f"{BAR} {UNIT}", color="white", ha="center", fontsize=10)
    _draw_radii(views[2], lines, (radii, lengths), _steps(true)[1:])
    figure.savefig(path)
    return path


def _draw_radii(view: Any, lines: Any, found: tuple[Any, Any], true: tuple[Any, Any]) -> None:
    """Draw how much length has which radius, as bars in the colours of the lines, and the truth as an outline."""
    theme, highest = THEMES["light"], lines.get_clim()[1]
    edges = np.arange(0, highest + WIDTH, WIDTH)
    heights, truth = (np.histogram(radii, edges, weights=lengths / 1000)[0] for radii, lengths in (found, true))
    middles = edges[:-1] + WIDTH / 2
    bars = view.bar(middles, heights, 0.9 * WIDTH, color=lines.to_rgba(middles))
    outline = view.stairs(truth, edges, color=EXTRA_COLOUR, linewidth=1.8)
    view.set_xlabel(f"radius ({UNIT})", color=theme.text, fontsize=10.5)
    view.set_ylabel("length of centre lines (mm)", color=theme.text, fontsize=10.5)
    view.set_title("How much length has which radius", loc="left", color=theme.text, fontsize=11)
    view.set_xlim(0, highest)
    view.tick_params(colors=theme.dim, labelsize=9.5)
    view.grid(axis="y", color=theme.frame, linewidth=0.6)
    view.set_axisbelow(True)
    for side in ("top", "right"):
        view.spines[side].set_visible(False)
    shown = [bars[int(np.argmax(heights))], outline]
    words = [*(f"{name}: {length.sum() / 1000:.3g} mm" for name, (_, length) in (("found", found), ("truth", true)))]
    view.legend(shown, words, frameon=False, fontsize=10, labelcolor=theme.text)


def _steps(network: VesselNetwork) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the steps of all centre lines as seen along Z, `(N, 2, 2)`, their radii and lengths, `(N,)` each."""
    points = [np.stack((branch.points[:-1], branch.points[1:]), axis=1) for branch in network.branches]
    radii = [(branch.radii[1:] + branch.radii[:-1]) / 2 for branch in network.branches]
    steps = np.concatenate(points)  # (N, 2, 3)
    return steps[..., :2], np.concatenate(radii), np.linalg.norm(steps[:, 1] - steps[:, 0], axis=1)


def draw_sheet(folder: Path) -> Path:
    """Draw the synthetic volumes that a training sees."""
    return draw_contact_sheet(folder / "contact_sheet.png", count=SHEET)


def draw_demo(folder: Path) -> Path:
    """Run the demo, and take its picture of what is found after fine-tuning."""
    run_demo(folder / "demo")
    return folder / "demo" / "after.png"


PICTURES: Mapping[str, Callable[[Path], Path]] = {
    "segmentation": draw_segmentation,
    "branches": draw_branches,
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
