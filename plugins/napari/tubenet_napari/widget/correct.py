"""The section to correct: paint, and mark the part in which every voxel has been looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from magicgui.widgets import ComboBox, SpinBox
from napari.layers import Labels

from scripts.core import Box, refuse

from ..geometry import around, bounds_of
from ..labels import labels_in, mark_in
from ..session import Block, Session
from ..workspace import Workspace, saying
from .section import Section, button

DRAWN = "labelled rectangle"
WHOLE = (slice(None),) * 3  # of a box
ABOUT = (
    "Paint vessels and erase what is none (label 0). Then mark the part in which every voxel is right; "
    "what is outside it teaches nothing."
)


class Shown(NamedTuple):
    """A block and its layers; it stays what it is when another box or volume is chosen.

    Attributes:
        session: of the block.
        block: whose labels are corrected.
        labels: the layer that is painted in.
        mark: the layer of what is fully labelled, of the same voxels.
    """

    session: Session
    block: Block
    labels: Labels
    mark: Labels


class Marked(NamedTuple):
    """A block in which something is marked.

    Attributes:
        block: it.
        labels: `(Z, Y, X)` of its voxels.
        mark: bool, of the same voxels: which of them are fully labelled.
        bounds: the box, in the volume's voxels, that holds all that is marked.
    """

    block: Block
    labels: np.ndarray
    mark: np.ndarray
    bounds: Box


class CorrectSection(Section):
    """Correct the labels of a box, and mark what is fully labelled in it."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("2  Correct", workspace, ABOUT)
        self.block = ComboBox(label="Labels of", choices=lambda _: self._names(), nullable=True)
        self.through = SpinBox(label="Through", value=1, min=1, max=100000, tooltip="slices around the one shown")
        self.form(self.block)
        self.buttons(
            button("Paint", "the brush, with label 1", lambda: self._use("paint")),
            button("Erase", "the brush, with label 0", lambda: self._use("erase")),
            button("Fill", "fill a connected area", lambda: self._use("fill")),
        )
        self.say("Labelled here:")
        self.form(self.through)
        self.buttons(
            button("Rectangle", "draw one in which every voxel is right", self._draw),
            button("This slice", "mark as many slices of the box as are set", self.mark_slices),
        )
        self.buttons(
            button("All of this box", "every voxel of the box is right", self.mark_all),
            button("Clear", "nothing is marked any more", self.clear),
        )
        self.told = self.say()
        self.block.changed.connect(lambda value: self._chosen())
        workspace.changed.connect(self._changed)
        workspace.listening.connect(self.viewer.layers.events.removed, self._changed)
        self._changed()

    def chosen(self) -> Block:
        """Return the chosen block.

        Raises:
            UserError: if there is none.
        """
        session = self.workspace.session
        if session is None or self.block.value not in session.blocks:
            refuse("Labels", "no box is segmented yet", "segment one first, under 1")
        return session.blocks[self.block.value]

    def _names(self) -> list[str]:
        session = self.workspace.session
        blocks = session.blocks.items() if session else ()
        return [name for name, block in blocks if session.labels_of(block) is not None]

    def _changed(self, event: object = None) -> None:
        before = self.block.value
        self.block.reset_choices()
        names = self._names()
        is_new = before is None or len(names) > len(getattr(self, "_known", names))
        if names and is_new and self.workspace.drawn_in() is None:
            self.block.value = names[-1]
        self._known = names
        self._count()

    @saying
    def _chosen(self) -> None:
        if self.workspace.session is not None and self.block.value in self.workspace.session.blocks:
            self.workspace.open_block(self.chosen())
        self._count()

    @saying
    def _count(self) -> None:
        """Say how much is marked."""
        session = self.workspace.session
        if session is None or self.block.value not in session.blocks:
            self.told.setText("")
            return
        mark = mark_in(self.viewer, session, session.blocks[self.block.value])
        count = 0 if mark is None else int(np.count_nonzero(mark))
        share = f"{100 * count / mark.size:.0f} % of the box" if count else ""
        self.told.setText(f"{count:,} voxels are marked, {share}." if count else "Nothing is marked yet.")

    def layers_of(self, block: Block) -> Shown:
        """Show the layers of a block of the session, unless they are there, and return them.

        Raises:
            UserError: if its labels are too large to be painted in, or cannot be read.
        """
        labels = self.workspace.open_block(block)
        if not isinstance(labels.data, np.ndarray):
            refuse(labels.name, "is too large to be painted in", "segment a box of it, and correct that")
        return Shown(self.workspace.session, block, labels, self.workspace.mark_of(block))

    @saying
    def _use(self, tool: str) -> None:
        labels = self.layers_of(self.chosen()).labels
        self.viewer.layers.selection.active = labels
        labels.visible = True
        labels.selected_label = labels.selected_label or 1
        labels.mode = tool

    @saying
    def mark_all(self) -> None:
        """Mark all of the box."""
        self.mark(self.layers_of(self.chosen()))

    @saying
    def mark_slices(self) -> None:
        """Mark the slice that is shown, and as many around it as are set."""
        shown = self.layers_of(self.chosen())
        self.mark(shown, self._through(shown.mark, WHOLE))

    @saying
    def clear(self) -> None:
        """Take all marks away."""
        self.mark(self.layers_of(self.chosen()), value=0)

    @saying
    def _draw(self) -> None:
        """Let a rectangle be drawn that is marked."""
        shown = self.layers_of(self.chosen())
        if self.viewer.dims.ndisplay == 3:
            refuse("Labelled here", "a rectangle is drawn on a slice", "go to 2-D")
        mark = shown.mark
        about = {"scale": mark.scale, "translate": mark.translate, "units": mark.units}
        shapes = self.viewer.add_shapes(ndim=3, name=DRAWN, face_color="#40d86640", edge_color="#40d866", **about)
        shapes.mode = "add_rectangle"

        def drawn(event: object) -> None:
            # napari tells while it is drawn, too: what counts is the rectangle that has been finished
            if getattr(event, "action", "") != "added" or not len(shapes.data):
                return
            self.mark_rectangle(shown, np.asarray(shapes.data[-1]))
            shapes.mode = "pan_zoom"
            self.viewer.layers.remove(shapes)
            if shown.labels in self.viewer.layers:
                self.viewer.layers.selection.active = shown.labels

        shapes.events.data.connect(drawn)

    @saying
    def mark_rectangle(self, shown: Shown, corners: np.ndarray) -> None:
        """Mark what lies between corners, `(N, 3)` in voxels of a block's marks, through the slices that are set."""
        if shown.mark not in self.viewer.layers:
            problem = "was removed while the rectangle was drawn"
            refuse(shown.mark.name, problem, "choose its box under Labels of, and draw it once more")
        low, high = np.round(corners.min(axis=0)), np.round(corners.max(axis=0)) + 1
        sides = shown.mark.data.shape
        box = [slice(max(0, int(a)), min(side, int(b))) for a, b, side in zip(low, high, sides, strict=True)]
        self.mark(shown, self._through(shown.mark, box))

    def _through(self, mark: Labels, part: Sequence[slice]) -> tuple[slice, ...]:
        """Return a part of a layer of marks with the slices around the one that is shown."""
        across = self.viewer.dims.not_displayed[-1] - (self.viewer.dims.ndim - 3)
        side = mark.data.shape[across]
        here = round(mark.world_to_data(self.viewer.dims.point[-3:])[across])
        if not 0 <= here < side:
            refuse(mark.name, "the slice that is shown is not in this box", "go to a slice of it")
        box = list(part)
        box[across] = slice(*around(here, int(self.through.value), side))
        return tuple(box)

    def mark(self, shown: Shown, part: tuple[slice, ...] = WHOLE, value: int = 1) -> None:
        """Mark a part of a block as fully labelled, or with 0 as not.

        Args:
            shown: the block.
            part: of its voxels, along Z, Y, X.
            value: 0 or 1.
        """
        shown.mark.data[part] = value
        shown.mark.refresh()
        self.workspace.corrections.touch(shown.session, shown.block)
        self._count()

    def marked(self) -> list[Marked]:
        """Return the blocks in which something is marked, whether their layers are open or not.

        Raises:
            UserError: for a file of labels or marks that cannot be read.
        """
        session, found = self.workspace.session, []
        for block in session.blocks.values() if session else ():
            mark = mark_in(self.viewer, session, block)
            if mark is not None and (bounds := bounds_of(mark > 0, block.box)) is not None:
                found.append(Marked(block, labels_in(self.viewer, session, block), mark > 0, bounds))
        return found
