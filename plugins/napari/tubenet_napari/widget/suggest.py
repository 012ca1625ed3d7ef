"""The section of suggested boxes: where a few labels would teach most, as a list to walk through."""

from __future__ import annotations

from pathlib import Path

from magicgui.widgets import SpinBox
from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from scripts.core import box_text, read_json, refuse
from scripts.io import read_header

from ..geometry import read_box
from ..jobs import Job, Step, bundle_command
from ..session import Block, Session
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
        workspace.changed.connect(self._list)
        workspace.corrections.saved.connect(self._list)
        self._list()

    def suggested(self) -> list[Block]:
        """Return the suggested blocks of the session, those that would teach most first.

        Scores by different weights do not compare, so those of later weights come first.
        """
        session = self.workspace.session
        found = [block for block in session.blocks.values() if block.score is not None] if session else []
        return sorted(found, key=lambda block: (-(block.suggested_by or 0), -block.score))

    @saying
    def suggest(self) -> None:
        """Let the bundle suggest boxes."""
        session = self.workspace.began()
        out = session.folder / "suggested"  # always the same, so that no box is suggested twice
        channel = [] if session.channel is None else ["--channel", session.channel]
        words = ["suggest", session.volume, out, "--count", int(self.count.value), "--ckpt_path", session.checkpoint]
        # what is marked, and not all of the box: one slice of the whole volume leaves the rest to be suggested
        labelled = [box_text(each.bounds) for each in self.correct.marked()]
        known = ["--labelled", str(labelled)] if labelled else []
        step = Step("looking for boxes", lambda: bundle_command(*words, *channel, *known))
        version = session.current
        # by the time that it ends, another volume or other weights may be chosen
        job = Job("Suggesting boxes", [step], lambda: self.take(out, session, version))
        self.workspace.runner.start(job)

    def take(self, folder: Path, session: Session, version: int) -> None:
        """Take suggested boxes into a session.

        Args:
            folder: of `tubenet suggest`.
            session: whose volume was looked through.
            version: of the weights that did it.

        Raises:
            UserError: for a file that is damaged, and boxes that are not of this volume.
        """
        file, remedy = folder / FILE, "suggest once more"
        told, shape = read_json(file, remedy), read_header(session.volume, session.channel).shape
        try:
            if Path(told["volume"]).resolve() != session.volume.resolve():
                refuse(file, f"lists boxes of {told['volume']}, not of {session.volume}", remedy)
            found = [(read_box(each["box"], shape), float(each["score"]), each) for each in told["blocks"]]
            paths = [folder / each["segmentation"] for *_, each in found]
        except (KeyError, TypeError, AttributeError) as error:
            refuse(file, f"is damaged ({error!r})", remedy)
        for (box, score, _), path in zip(found, paths, strict=True):
            block = session.add_block(box, "suggested")
            if block.score is None:
                block.score, block.suggested_by = score, version
            if not block.segmentations:
                block.add(version, path)
        session.save()
        if session is self.workspace.session:
            self.workspace.changed.emit()
        else:
            show_info(f"Boxes of {session.volume.name} are suggested. Go on with its session to see them.")

    def _list(self) -> None:
        row, item = self.list.currentRow(), self.list.currentItem()
        name = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        self.list.clear()
        for at, block in enumerate(self.suggested()):
            done = "✓ " if self.workspace.is_done(block) else ""
            place = ", ".join(f"{axis} {a}–{b}" for axis, (a, b) in zip("xyz", block.box, strict=True))
            self.list.addItem(item := QListWidgetItem(f"{done}{block.name}: {place}   ({block.score:.3g})"))
            item.setData(Qt.ItemDataRole.UserRole, block.name)
            row = at if block.name == name else row  # of which others may have come before
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
        block = blocks[row]
        shown = self.correct.layers_of(block)  # which may be refused, and then one stays here
        self.correct.block.value = block.name
        self.correct.mark(shown)
        self._list()
        if row + 1 < len(blocks):
            self.go_to(row + 1)
