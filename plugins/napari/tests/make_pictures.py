"""Draws the pictures of the documentation, by the widget in a real viewer: `make pictures-napari`."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication
from tubenet_napari.labels import open_labels

SIZE = 1400, 900
EPOCHS, STEPS = 3, 2  # far shorter than by default: it is the pictures that count
COLOURS = 192  # of a palette: pictures are then a third as large


def main(folder: Path) -> None:
    """Walk through the work on the demo volume, and take a picture of each step."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as sessions:
        os.environ["TUBENET_SESSIONS"] = sessions  # nothing of the user's is in the pictures
        walk(folder, Path(sessions))


def walk(folder: Path, sessions: Path) -> None:
    """Take a picture of each step, with the sessions in a folder."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    _, widget = viewer.window.add_plugin_dock_widget("tubenet-napari")
    viewer.open_sample("tubenet-napari", "demo")
    sections = (widget.segment, widget.correct, widget.finetune, widget.measure, widget.export, widget.suggest)

    def take(name: str, *shown: object) -> None:
        for section in sections:
            section.unfold(section in shown)
        settle()
        viewer.window.screenshot(str(folder / f"{name}.png"), flash=False, canvas_only=False)
        image = Image.open(folder / f"{name}.png").convert("RGB")
        image.quantize(COLOURS, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)

    def finish() -> None:
        while widget.workspace.runner.is_busy:
            settle(50)
        settle()

    take("open", widget.segment)
    widget.segment.what.value, widget.segment.box.value = "a box", "48:112,32:96,0:64"
    widget.segment.segment()
    finish()
    take("segmented", widget.segment)
    labels = viewer.layers["box 1 labels"]
    _, true = open_labels(sessions / "sample" / "labels" / "hollow_0.tif")
    labels.data = np.asarray(true[0:64, 32:96, 48:112])
    widget.correct.mark_all()
    labels.mode = "paint"
    take("corrected", widget.correct)
    widget.finetune.epochs.value, widget.finetune.steps.value = EPOCHS, STEPS
    widget.finetune.finetune()
    for section in sections:
        section.unfold(section is widget.finetune)
    while widget.workspace.runner.is_busy and len(widget.finetune.curve.dice) < EPOCHS - 1:
        settle(100)
    take("learning", widget.finetune)
    finish()
    take("learnt", widget.finetune)
    widget.measure.labels.value = viewer.layers["box 1, fine-tuning 1"]
    widget.measure.measure()
    finish()
    for layer in viewer.layers:
        layer.visible = layer.name == "skeleton"
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.scene.camera.angles = (10, -25, 60)
    widget.measure.select(int(np.argmax([row["length"] for row in widget.measure.network.rows])))
    take("measured", widget.measure)
    widget.workspace.close()
    viewer.close()


def settle(milliseconds: int = 400) -> None:
    """Let Qt work for a moment."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()
    QApplication.processEvents()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
