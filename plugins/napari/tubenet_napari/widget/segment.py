"""The section that segments: what is in view, a box, or all of the volume."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit, SpinBox
from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from scripts.core import Box, box_text, by, refuse
from scripts.io import result_name

from ..geometry import Frame, around, inside, read_box
from ..jobs import Job, Step, bundle_command
from ..labels import KEPT_AS, LABELS, open_labels, write_labels
from ..session import Block, Session
from ..workspace import Workspace, saying
from .section import Section, button

VIEW, BOX, ALL = "what is in view", "a box", "all of it"
DRAWN = "box to segment"
LEAST = 16  # voxels in plane of what is in view: less is a slip of the wheel


class SegmentSection(Section):
    """Segment what is in view, a box, or all of the volume."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("1  Segment", workspace, "Choose a volume and what of it. The result is a layer of labels.")
        self.volume = ComboBox(
            label="Volume", choices=lambda _: [(each.name, each) for each in self._images()], nullable=True
        )
        self.what = ComboBox(label="What", choices=[VIEW, BOX, ALL], value=VIEW)
        self.slices = SpinBox(label="Slices", value=48, min=2, max=100000, tooltip="around the one that is shown")
        self.box = LineEdit(label="Box", value="", tooltip="x0:x1,y0:y1,z0:z1 in voxels; a ':' alone is a whole axis")
        self.form(self.volume, self.what, self.slices, self.box)
        self.draw = button("Draw the box", "draw a rectangle; it reaches through as many slices as are set", self._draw)
        self.buttons(self.draw)
        self._add_options()
        self.told = self.say()
        self._offer()
        self.go = button("Segment", "runs beside the viewer; it can be cancelled", self.segment)
        self.buttons(self.go)
        self.volume.changed.connect(self._chosen)
        for each in (self.what, self.slices, self.box):
            each.changed.connect(self._tell)
        self._soon = QTimer(self, singleShot=True, interval=150)  # napari knows what is in view once it has drawn
        self._soon.timeout.connect(self._tell)
        for event in (self.viewer.scene.camera.events, self.viewer.dims.events):
            workspace.listening.connect(event, lambda event: self._soon.start())
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            workspace.listening.connect(event, self._layers_changed)
        workspace.changed.connect(self._tell)
        self._layers_changed()

    def _add_options(self) -> None:
        self.overlap = FloatSpinBox(label="Overlap", value=0.5, min=0.0, max=0.9, step=0.05)
        self.overlap.tooltip = "of neighbouring windows; less is faster and a little rougher"
        self.own = CheckBox(text="the weights' own threshold", value=True)
        self.threshold = FloatSpinBox(label="Threshold", value=0.5, min=0.0, max=1.0, step=0.01, enabled=False)
        self.threshold.tooltip = "probability above which a voxel is vessel; lower finds more"
        self.own.changed.connect(lambda own: setattr(self.threshold, "enabled", not own))
        self.min_size = LineEdit(label="Drop below", value="", tooltip="pieces smaller than, such as 50 voxels")
        self.more(self.overlap, self.own, self.threshold, self.min_size)

    def _offer(self) -> None:
        """Add the row that offers to go on with an earlier session."""
        self.offer = QWidget()
        row = QHBoxLayout(self.offer)
        row.setContentsMargins(0, 0, 0, 0)
        self.offered = QLabel()
        self.offered.setWordWrap(True)
        self.go_on = QPushButton("Go on")
        self.go_on.clicked.connect(lambda: self._go_on())
        row.addWidget(self.offered, 1)
        row.addWidget(self.go_on)
        self.offer.hide()
        self.column.addWidget(self.offer)

    # -- the volume ----------------------------------------------------------------------------------------------------

    def _images(self) -> list[Image]:
        return [layer for layer in self.viewer.layers if isinstance(layer, Image)]

    def _layers_changed(self, event: object = None) -> None:
        self.volume.reset_choices()
        if self.volume.value is None and (images := self._images()):
            self.volume.value = images[-1]
        self._chosen()

    @saying
    def _chosen(self, layer: object = None) -> None:
        self.workspace.choose(self.volume.value)
        earlier = self.workspace.earlier_session() if self.workspace.session is None else None
        self.offer.setVisible(earlier is not None)
        if earlier is not None:
            self.offered.setText(f"There is a session of this volume: {earlier.summary}.")
        self._tell()

    @saying
    def _go_on(self) -> None:
        self.workspace.go_on(self.workspace.earlier_session())
        self.offer.hide()

    # -- what to segment -----------------------------------------------------------------------------------------------

    def chosen_box(self) -> Box:
        """Return the box that is to be segmented.

        Raises:
            UserError: if it is not one, or what is in view is not clear.
        """
        if self.volume.value is None:
            refuse("Vessels", "no volume is open", "open one with File > Open, or File > Open Sample")
        frame = Frame.of(self.volume.value)
        if self.what.value == ALL:
            return frame.whole
        return read_box(self.box.value, frame.shape) if self.what.value == BOX else self._view(frame)

    def _view(self, frame: Frame) -> Box:
        """Return the part of the volume that the canvas shows, and the slices around the one that is shown."""
        if self.viewer.dims.ndisplay == 3:
            refuse("Vessels", "in 3-D it is not clear what is in view", "go to 2-D, or choose a box")
        layer = self.volume.value
        factors = layer.downsample_factors[layer.data_level] if layer.multiscale else np.ones(3)
        corners = [frame.translate + corner * factors * frame.scale for corner in layer.corner_pixels]
        return self._through(frame, frame.box_between(*corners, LEAST))

    def _through(self, frame: Frame, box: Box) -> Box:
        """Return a box with the slices around the one that is shown."""
        across = self.viewer.dims.not_displayed[-1] - (self.viewer.dims.ndim - 3)  # along Z, Y, X
        here = frame.voxel_at(self.viewer.dims.point[-3:])[2 - across]
        sides = list(box)
        sides[2 - across] = around(here, int(self.slices.value), frame.shape[2 - across])
        return tuple(sides)

    @saying
    def _draw(self) -> None:
        """Let a rectangle be drawn that becomes the box."""
        if self.volume.value is None or self.viewer.dims.ndisplay == 3:
            refuse("Vessels", "a box is drawn on a slice of a volume", "open a volume, and go to 2-D")
        frame = Frame.of(self.volume.value)
        about = {"scale": frame.scale, "translate": frame.translate, "units": frame.units}
        shapes = self.viewer.add_shapes(
            ndim=3, name=DRAWN, face_color="transparent", edge_color="yellow", edge_width=1, **about
        )
        shapes.mode = "add_rectangle"

        def drawn(event: object = None) -> None:
            if not shapes.data:
                return
            corners = np.array([shapes.data_to_world(corner) for corner in shapes.data[-1]])
            self.box.value = box_text(self._through(frame, frame.box_between(corners.min(0), corners.max(0), 2)))
            self.what.value = BOX
            shapes.mode = "pan_zoom"

        shapes.events.data.connect(drawn)

    def _tell(self, event: object = None) -> None:
        """Say what would be segmented."""
        self.slices.enabled, self.box.enabled = self.what.value != ALL, self.what.value == BOX
        try:
            box = self.chosen_box()
            words = f"{by([stop - start for start, stop in box])} voxels"
            self.told.setText(words if self.what.value != VIEW else f"{words}: {box_text(box)}")
        except Exception as error:
            self.told.setText(str(error).partition(": ")[2].capitalize() or str(error))

    # -- segmenting ----------------------------------------------------------------------------------------------------

    @saying
    def segment(self) -> None:
        """Segment what is chosen."""
        box, started = self.chosen_box(), self.workspace.began()
        whole = box == self.workspace.frame.whole
        self.start(started.add_block(box, "all" if whole else "box"))

    def start(self, block: Block, then: Callable[[], None] | None = None) -> None:
        """Segment a block of the session with the weights in use.

        Args:
            block: the block.
            then: is called when it has been shown.

        Raises:
            UserError: if another job runs.
        """
        session, frame, box = self.workspace.session, self.workspace.frame, block.box
        version, out = session.current, session.folder_for("results", block.name)
        whole = box == frame.whole
        outer = box if whole else self.workspace.around(box)
        image = session.volume if whole else out / "image.nii"
        channel = [] if session.channel is None or not whole else ["--channel", session.channel]
        options = self._options()  # as they are now, and not when the box was cut out

        def command() -> list[str]:
            known = [] if whole else ["--invert", session.inverted()]
            words = ["segment", image, out, "--ckpt_path", session.weights[version].path]
            return bundle_command(*words, *known, *channel, *options)

        def done() -> None:
            self._take(session, block, version, out / result_name(image, "seg"), outer)
            if then is not None and session is self.workspace.session:
                then()

        steps = [Step("segmenting", command)]
        if not whole:
            steps.insert(0, self.workspace.cut(outer, image))
        self.workspace.runner.start(Job(f"Segmenting {block.name}", steps, done))

    def _options(self) -> list[str]:
        words = ["--overlap", f"{self.overlap.value:g}"]
        if not self.own.value:
            words += ["--threshold", f"{self.threshold.value:g}"]
        if self.min_size.value.strip():
            words += ["--min_size", self.min_size.value.strip()]
        return words

    def _take(self, session: Session, block: Block, version: int, path: Path, outer: Box) -> None:
        """Take a segmentation into the session, and show it: as the block's labels, or beside those there are."""
        workspace = self.workspace
        if block.box != outer:
            whole, path = path, path.with_name("box_seg.nii.gz")

            def found() -> np.ndarray:
                return np.asarray(open_labels(whole)[1][inside(block.box, outer)])  # (Z, Y, X)

            workspace.beside(
                f"{block.name}: its result is cut out",
                prod(stop - start for start, stop in block.box),
                lambda check: write_labels(session, path, found(), block.box, check=check),
                may_cancel=False,
            )
        first = not block.segmentations
        block.add(version, path)
        session.save()
        if session is not workspace.session:
            show_info(f"{block.name} of {session.volume.name} is segmented. Go on with its session to see it.")
            return
        shapes = workspace.drawn_in()
        is_kept = workspace.layer_of(block) is not None or session.file_of(block, KEPT_AS[LABELS]).exists()
        if first or not is_kept:
            workspace.open_block(block)
        else:
            workspace.show_result(block, version)
        if shapes is not None:  # napari has given the mouse to the layer that was added
            self.viewer.layers.selection.active = shapes
        workspace.changed.emit()
