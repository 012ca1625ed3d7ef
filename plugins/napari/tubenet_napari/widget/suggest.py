"""The section of suggested boxes: where a few labels would teach most, as a list to walk through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from magicgui.widgets import SpinBox
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from scripts.core import box_text, read_json, refuse

from ..jobs import Job, Step, bundle_command
from ..session import Block, read_box
from ..workspace import Workspace, saying
from .correct import CorrectSection
from .section import Section, button

FILE = "blocks.json"
ABOUT = "Boxes in which labels would teach the network most. Correct each under 2, and call it done."


class SuggestSection(Section):
    """List suggested boxes, and walk through them."""

    def __init__(self, workspace: Workspace, correct: CorrectSection) -> None:
        super().__init__("6  Suggested boxes", workspace, ABOUT)
        self.correct = correct
        self.count = SpinBox(label="How many", value=5, min=1, max=100)
        self.form(self.count)
        self.buttons(button("Suggest", "look through all of the volume; takes as long as segmenting it", self.suggest))
        self.list = QListWidget()
        self.list.setMinimumHeight(90)
        self.list.setMaximumHeight(140)
        self.list.itemDoubleClicked.connect(lambda item: self.go_to(self.list.row(item)))
        self.column.addWidget(self.list)
        self.buttons(
            button("Previous", "go to the one before", lambda: self._step(-1)),
            button("Next", "go to the next one", lambda: self._step(1)),
            button("Done", "every voxel of it is right: it is marked as fully labelled", self.done),
        )
        self.finished: set[str] = set()
        workspace.changed.connect(self._list)
        self._list()

    def suggested(self) -> list[Block]:
        """Return the suggested blocks of the session, those that would teach most first."""
        session = self.workspace.session
        return [block for block in session.blocks.values() if block.score is not None] if session else []

    @saying
    def suggest(self) -> None:
        """Let the bundle suggest boxes."""
        session = self.workspace.began()
        out = session.folder / "suggested"  # always the same, so that no box is suggested twice
        channel = [] if session.channel is None else ["--channel", session.channel]
        words = ["suggest", session.volume, out, "--count", int(self.count.value), "--ckpt_path", session.checkpoint]
        labelled = [box_text(block.box) for block, _, _ in self.correct.marked().values()]
        known = ["--labelled", str(labelled)] if labelled else []
        step = Step("looking for boxes", lambda: bundle_command(*words, *channel, *known))
        self.workspace.runner.start(Job("Suggesting boxes", [step], lambda: self.read(out)))

    @saying
    def read(self, folder: Path) -> None:
        """List the boxes that a folder of `tubenet suggest` names, with their first segmentations.

        Raises:
            UserError: for a file that is damaged, and boxes that are not of this volume.
        """
        session, told = self.workspace.began(), read_json(folder / FILE, "suggest once more")
        try:
            for each in told["blocks"]:
                self._add(folder, each)
        except (KeyError, TypeError, AttributeError) as error:
            refuse(folder / FILE, f"is damaged ({error!r})", "suggest once more")
        session.save()
        self.workspace.changed.emit()

    def _add(self, folder: Path, told: dict[str, Any]) -> None:
        session = self.workspace.session
        block = session.add_block(read_box(told["box"], self.workspace.frame.shape), "suggested", float(told["score"]))
        block.score = float(told["score"])
        if not block.segmentations:
            block.add(session.current, folder / told["segmentation"])

    def _list(self) -> None:
        row = self.list.currentRow()
        self.list.clear()
        for block in self.suggested():
            done = "✓ " if block.name in self.finished else ""
            place = ", ".join(f"{axis} {a}–{b}" for axis, (a, b) in zip("xyz", block.box, strict=True))
            self.list.addItem(QListWidgetItem(f"{done}{block.name}: {place}   ({block.score:.3g})"))
        self.list.setCurrentRow(min(row, self.list.count() - 1))

    @saying
    def go_to(self, row: int) -> None:
        """Show a suggested box in the middle of the view, and its labels to be corrected."""
        block = self.suggested()[row]
        self.list.setCurrentRow(row)
        labels = self.workspace.open_block(block)
        self.correct.block.value = block.name
        self.workspace.look_at(block)
        self.viewer.layers.selection.active = labels

    def _step(self, by: int) -> None:
        count = len(self.suggested())
        if count:
            self.go_to(min(max(0, self.list.currentRow() + by), count - 1))

    @saying
    def done(self) -> None:
        """Mark all of the box as labelled, and go to the next one."""
        row, blocks = self.list.currentRow(), self.suggested()
        if not 0 <= row < len(blocks):
            refuse("Suggested boxes", "none is chosen", "double-click one")
        self.correct.block.value = blocks[row].name
        self.correct.mark_all()
        self.finished.add(blocks[row].name)
        self._list()
        if row + 1 < len(blocks):
            self.go_to(row + 1)
