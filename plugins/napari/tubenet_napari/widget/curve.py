"""The curve of a training, drawn while it runs."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from qtpy.QtCore import QTimer

EVERY = 500  # milliseconds
SCORES = ("val_dice", "train_dice")  # the latter where nothing could be held out
INK, GRID, LINE, LOSS = "#d0d0d0", "#4a4f57", "#4fc3f7", "#ffb74d"


class Curve(FigureCanvasQTAgg):
    """Dice on what is held out, and the loss, by epoch.

    Attributes:
        dice: of each epoch that has ended.
    """

    def __init__(self) -> None:
        super().__init__(Figure(figsize=(3, 1.7), layout="constrained"))
        self.setMinimumSize(100, 150)
        self.dice: list[float] = []
        self._table: Path | None = None
        self._epochs = 1
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(self.look)
        self._draw([])

    def follow(self, folder: Path, epochs: int) -> None:
        """Draw what a training writes into a folder, until `rest`."""
        self._table, self._epochs, self.dice = folder / "epochs.csv", epochs, []
        self._draw([])
        self._timer.start()

    def show_before(self, dice: float | None) -> None:
        """Draw a line at what the weights had before."""
        if dice is not None and self.figure.axes:
            self.figure.axes[0].axhline(dice, color=LINE, linewidth=1, linestyle="--")
            self.figure.axes[0].text(0.6, dice, "before", color=LINE, fontsize=7, va="bottom")
            self.draw_idle()

    def rest(self) -> None:
        """Look once more, and then no longer."""
        self._timer.stop()
        self.look()

    def look(self) -> None:
        """Draw the epochs that have ended."""
        if self._table is None or not self._table.is_file():
            return
        with self._table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        if len(rows) != len(self.dice):
            self._draw(rows)

    def _draw(self, rows: list[dict[str, str]]) -> None:
        self.figure.clear()
        self.figure.set_facecolor("none")
        self.setStyleSheet("background: transparent")
        axes = self.figure.add_subplot(facecolor="none")
        score = next((name for name in SCORES if rows and rows[-1].get(name)), SCORES[0])
        epochs = [int(row["epoch"]) for row in rows]
        self.dice = [float(row.get(score) or "nan") for row in rows]
        axes.plot(epochs, self.dice, color=LINE, marker="o", markersize=3)
        axes.set_xlim(0.5, max(self._epochs, 2) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch", color=INK, fontsize=8)
        axes.set_ylabel("Dice, held out" if score == SCORES[0] else "Dice", color=LINE, fontsize=8)
        loss = axes.twinx()
        loss.plot(epochs, [float(row["train_loss"]) for row in rows], color=LOSS, linewidth=1)
        loss.set_ylabel("loss", color=LOSS, fontsize=8)
        axes.grid(color=GRID, linewidth=0.5)
        for each in (axes, loss):
            each.tick_params(colors=INK, labelsize=7)
            for spine in each.spines.values():
                spine.set_color(GRID)
        if not rows:
            axes.set_ylim(0, 1)
            loss.set_yticks([])
        self.draw_idle()
