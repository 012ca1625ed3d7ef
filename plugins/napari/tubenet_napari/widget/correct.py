"""The section to correct: paint, and mark the part in which every voxel has been looked at."""

from __future__ import annotations

import numpy as np
from magicgui.widgets import ComboBox, SpinBox
from napari.layers import Labels

from scripts.core import refuse

from ..geometry import around, bounds_of
from ..labels import MARK
from ..session import Block
from ..workspace import Workspace, saying
from .section import Section, button

DRAWN = "labelled rectangle"
ABOUT = (
    "Paint vessels and erase what is none (label 0). Then mark the part in which every voxel is right; "
    "what is outside it teaches nothing."
)


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
        return [name for name, block in session.blocks.items() if block.segmentations] if session else []

    def _changed(self, event: object = None) -> None:
        before = self.block.value
        self.block.reset_choices()
        names = self._names()
        if names and (before is None or len(names) > len(getattr(self, "_known", names))):
            self.block.value = names[-1]
        self._known = names
        self._count()

    @saying
    def _chosen(self) -> None:
        if self.workspace.session is not None and self.block.value in self.workspace.session.blocks:
            self.workspace.open_block(self.chosen())
        self._count()

    def _count(self) -> None:
        """Say how much is marked."""
        session = self.workspace.session
        if session is None or self.block.value not in session.blocks:
            self.told.setText("")
            return
        layer = self.workspace.layer_of(session.blocks[self.block.value], MARK)
        count = 0 if layer is None else int(np.count_nonzero(layer.data))
        share = f"{100 * count / layer.data.size:.0f} % of the box" if count else ""
        self.told.setText(f"{count:,} voxels are marked, {share}." if count else "Nothing is marked yet.")

    def _layers(self) -> tuple[Labels, Labels]:
        """Return the layers of the chosen block's labels and marks."""
        block = self.chosen()
        labels = self.workspace.open_block(block)
        if not isinstance(labels.data, np.ndarray):
            refuse(labels.name, "is too large to be painted in", "segment a box of it, and correct that")
        return labels, self.workspace.mark_of(block)

    @saying
    def _use(self, tool: str) -> None:
        labels, _ = self._layers()
        self.viewer.layers.selection.active = labels
        labels.visible = True
        labels.selected_label = labels.selected_label or 1
        labels.mode = tool

    @saying
    def mark_all(self) -> None:
        """Mark all of the box."""
        self._mark((slice(None),) * 3)

    @saying
    def mark_slices(self) -> None:
        """Mark the slice that is shown, and as many around it as are set."""
        labels, _ = self._layers()
        self._mark(self._through(labels, [slice(None)] * 3))

    @saying
    def clear(self) -> None:
        """Take all marks away."""
        self._mark((slice(None),) * 3, 0)

    @saying
    def _draw(self) -> None:
        """Let a rectangle be drawn that is marked."""
        labels, _ = self._layers()
        if self.viewer.dims.ndisplay == 3:
            refuse("Labelled here", "a rectangle is drawn on a slice", "go to 2-D")
        about = {"scale": labels.scale, "translate": labels.translate, "units": labels.units}
        shapes = self.viewer.add_shapes(ndim=3, name=DRAWN, face_color="#40d86640", edge_color="#40d866", **about)
        shapes.mode = "add_rectangle"

        def drawn(event: object) -> None:
            # napari tells while it is drawn, too: what counts is the rectangle that has been finished
            if getattr(event, "action", "") != "added" or not len(shapes.data):
                return
            self.mark_rectangle(labels, np.asarray(shapes.data[-1]))
            shapes.mode = "pan_zoom"
            self.viewer.layers.remove(shapes)
            self.viewer.layers.selection.active = labels

        shapes.events.data.connect(drawn)

    def mark_rectangle(self, labels: Labels, corners: np.ndarray) -> None:
        """Mark what lies between corners, `(N, 3)` in voxels of the labels, through the slices that are set."""
        low, high = np.round(corners.min(axis=0)), np.round(corners.max(axis=0)) + 1
        sides = labels.data.shape
        box = [slice(max(0, int(a)), min(side, int(b))) for a, b, side in zip(low, high, sides, strict=True)]
        self._mark(self._through(labels, box))

    def _through(self, labels: Labels, box: list[slice]) -> tuple[slice, ...]:
        """Return a part of the labels with the slices around the one that is shown."""
        across = self.viewer.dims.not_displayed[-1] - (self.viewer.dims.ndim - 3)
        side = labels.data.shape[across]
        here = round(labels.world_to_data(self.viewer.dims.point[-3:])[across])
        if not 0 <= here < side:
            refuse(labels.name, "the slice that is shown is not in this box", "go to a slice of it")
        box = list(box)
        box[across] = slice(*around(here, int(self.through.value), side))
        return tuple(box)

    def _mark(self, part: tuple[slice, ...], value: int = 1) -> None:
        """Set the marks of a part of the chosen box."""
        _, mark = self._layers()
        mark.data[part] = value
        mark.refresh()
        self.workspace.touch(self.chosen().name)
        self._count()

    def marked(self) -> dict[str, tuple[Block, Labels, Labels]]:
        """Return the blocks in which something is marked, with their layers of labels and marks."""
        found = {}
        for name, block in (self.workspace.session.blocks if self.workspace.session else {}).items():
            labels, mark = self.workspace.layer_of(block), self.workspace.layer_of(block, MARK)
            if labels is not None and mark is not None and bounds_of(mark.data > 0, block.box) is not None:
                found[name] = block, labels, mark
        return found
