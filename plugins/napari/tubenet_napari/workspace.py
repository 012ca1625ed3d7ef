"""What all parts of the widget share: the viewer, the volume that is worked on, its session, and the jobs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels, Shapes
from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QObject, Signal

from scripts.core import Box, UserError, box_text, refuse

from .background import Beside
from .corrections import Corrections
from .geometry import PIXEL, Frame
from .jobs import DONE, FAILED, Runner, Step, cut_command
from .labels import BLOCK, KIND, LABELS, MARK, find_layer, is_marked, labels_in, mark_in, open_labels
from .left import leave, take_up
from .listening import Listening
from .places import sessions_folder
from .reader import KEY, source_of
from .session import Block, Session
from .writer import write_layer

COLOURS = {0: (0, 0, 0, 0), 1: "#ff8c2e", 2: "#4fc3f7", 3: "#d76bd0", 4: "#f2e14c", None: "#9be36b"}
"""Of labels: orange vessels show on gray images, and beside the green of what is marked."""
COPY = "image.ome.zarr"  # of a layer that has no file
MARGIN, STRIDE = 64, 32  # voxels around a box, and the grid of windows, so that its border is seen as in the whole


def saying(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of a widget say in one line what it refuses."""

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except (UserError, OSError) as error:
            show_error(str(error))
            return None

    return wrapped


class Workspace(QObject):
    """What all parts of the widget share.

    Signals:
        changed: the session, its blocks or its weights are others than before.

    Args:
        viewer: napari's.
    """

    changed = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__()
        self.viewer, self.root = viewer, sessions_folder()
        self.session: Session | None = None
        self._known: dict[Path, Session] = {}  # by folder: a job of a session writes into the one that is gone on with
        self.image: Any = None  # the layer that is worked on
        self.frame: Frame | None = None
        self.runner = Runner(self)
        self.runner.ended.connect(self._say_end)
        self.runner.warned.connect(lambda title, line: show_warning(f"{title}: {line}"))
        self.listening = Listening()
        self.listening.connect(viewer.layers.events.inserted, self._show_scale)
        self._show_scale()
        self.beside = Beside()
        self.corrections = Corrections(viewer, self.beside)

    def _show_scale(self, event: object = None) -> None:
        """Show a scale bar where the unit of length is known."""
        if any(str(unit) != PIXEL for layer in self.viewer.layers for unit in layer.units):
            self.viewer.canvas.overlays.scale_bar.visible = True

    # -- the volume and its session ------------------------------------------------------------------------------------

    def choose(self, layer: Any) -> None:
        """Work on another layer; its session begins with its first job, or when one is gone on with."""
        if layer is self.image:
            return
        self.corrections.try_to_save()
        self.image, self.frame, self.session = layer, None, None
        self.changed.emit()

    def earlier_session(self) -> Session | None:
        """Return the session that was last worked on of the chosen volume."""
        if self.image is None or (source := source_of(self.image)) is None:
            return None
        found = Session.latest_of(self.root, str(source[0]), source[1])
        return None if found is None else self._known.get(found.folder, found)

    def go_on(self, session: Session) -> None:
        """Go on with a session: its weights are in use, and its boxes are shown as they were left.

        Raises:
            UserError: if the volume has another shape by now, or cannot be read; if it is open in another viewer.
        """
        changed, frame = session.check_volume(), Frame.of(self.image)
        if (left := take_up(session.folder, self.viewer)) is not None:
            session = left
        elif session.folder not in self._known:
            session.hold()
        if changed is not None:
            show_warning(changed)
        self.frame = frame
        self.session = self._known[session.folder] = session
        for block in session.blocks.values():
            if session.labels_of(block) is not None:
                self.open_block(block)
        if missing := session.missing():
            remedy = "put them back, or segment and fine-tune once more"
            show_warning(f"{session.folder}: the files of {', '.join(missing)} are not there any more; {remedy}")
        self.changed.emit()

    def began(self) -> Session:
        """Return the session of the chosen layer, begun if need be.

        Raises:
            UserError: if no volume is chosen, or it cannot be used.
        """
        if self.image is None or self.image not in self.viewer.layers:
            raise UserError("Vessels: no volume is chosen; open one, and choose it under Volume")
        self.frame = Frame.of(self.image)
        if self.session is None:
            session = self._begin(self.image)
            self.session = self._known[session.folder] = session
            self.changed.emit()
        return self.session

    def _begin(self, image: Any) -> Session:
        """Begin a session of a layer; one that has no file is copied into it."""
        source, name = source_of(image), image.name
        if source is not None:
            session = Session.begin(self.root, *source)
        else:  # from memory, or opened by another reader
            session = Session.begin(self.root, Path(COPY), None, f"layer {name}", name)
        try:
            session.hold()
            if source is None:
                about = {"scale": image.scale, "translate": image.translate, "units": image.units}
                copy = partial(write_layer, session.volume, image.data, about)
                title = f"{name}: it has no file, and is copied into its session"
                self.beside(title, int(np.prod(self.frame.shape)), lambda check: copy(check=check))
            session.note_volume()
            if image is not self.image:
                refuse(name, "is not chosen any more", "choose it once more under Volume")
        except BaseException:
            session.release()
            shutil.rmtree(session.folder, ignore_errors=True)  # it can be gigabytes, and nobody would find it again
            raise
        return session

    def check_chosen(self, session: Session) -> None:
        """Refuse to go on if another volume was chosen, or this one removed, while something was waited for."""
        if session is not self.session:
            refuse("Vessels", f"{session.volume.name} is not chosen any more", "choose it once more under Volume")

    # -- the layers of a block -----------------------------------------------------------------------------------------

    def layer_of(self, block: Block, kind: str = LABELS) -> Labels | None:
        """Return the layer of a block's labels, or of what is marked as labelled in it, if it is there."""
        return find_layer(self.viewer, self.session, block, kind)

    def add_layer(self, block: Block, kind: str, data: np.ndarray, name: str, **more: Any) -> Labels:
        """Show an array `(Z, Y, X)` of a block's voxels as labels at the block's place."""
        metadata = {BLOCK: (str(self.session.folder), block.name), KIND: kind}
        more.setdefault("colormap", COLOURS)
        return self.viewer.add_labels(data, name=name, metadata=metadata, **self.frame.place(block.box), **more)

    def open_block(self, block: Block) -> Labels:
        """Show a block's labels, as they were corrected, and what is marked in it."""
        if (layer := self.layer_of(block)) is not None:
            for each in (layer, self.layer_of(block, MARK)):
                if each is not None:  # perhaps shown by a widget that was closed
                    self.corrections.watch(each, self.session, block)
            return layer
        data = labels_in(self.viewer, self.session, block)
        if not isinstance(data, np.ndarray):
            return self.show_result(block, int(list(block.segmentations)[-1]))  # too large to be painted in
        layer = self.add_layer(block, LABELS, data, f"{block.name} labels", opacity=0.5)
        self.corrections.watch(layer, self.session, block)
        self.mark_of(block)
        self.viewer.layers.selection.active = layer
        return layer

    def show_result(self, block: Block, version: int) -> Labels:
        """Show what a version of the weights found in a block, as it was found."""
        kind, path = f"result {version}", block.made_by(version)
        _, voxels = open_labels(path)
        if (layer := self.layer_of(block, kind)) is not None:
            layer.data = voxels
            return layer
        layer = self.add_layer(block, kind, voxels, f"{block.name}, {self.session.name_of(version)}", opacity=0.5)
        layer.metadata[KEY] = {"path": str(path), "channel": None}
        return layer

    def mark_of(self, block: Block) -> Labels:
        """Return the layer of what is marked as fully labelled in a block; it is made if need be."""
        if (layer := self.layer_of(block, MARK)) is None:
            data = mark_in(self.viewer, self.session, block)
            data = np.zeros([b - a for a, b in block.box][::-1], np.uint8) if data is None else data
            colours = {0: (0, 0, 0, 0), 1: (0.25, 0.85, 0.4, 1), None: (0.25, 0.85, 0.4, 1)}
            layer = self.add_layer(block, MARK, data, f"{block.name} labelled here", opacity=0.2, colormap=colours)
            self.corrections.watch(layer, self.session, block)
        return layer

    def is_done(self, block: Block) -> bool:
        """Return whether every voxel of a block is marked as labelled, in its layer or else in its file."""
        if (layer := self.layer_of(block, MARK)) is not None:
            return bool(np.all(layer.data))
        path = self.session.file_of(block, "labelled")
        return path.exists() and is_marked(path, path.stat().st_mtime_ns)

    def look_at(self, block: Block) -> None:
        """Move the view to a block, so that it fills most of the canvas, and to the slice in its middle."""
        layer = self.open_block(block)
        dims = self.viewer.dims
        for axis, middle in enumerate(layer.data_to_world([(side - 1) / 2 for side in layer.data.shape])):
            dims.set_point(dims.ndim - 3 + axis, middle)
        self.viewer.reset_view(layers=[layer], margin=0.2, reset_camera_angle=False)

    def drawn_in(self) -> Shapes | None:
        """Return the layer in which a rectangle is about to be drawn, or half drawn; None if there is none."""
        active = self.viewer.layers.selection.active
        return active if isinstance(active, Shapes) and active.mode == "add_rectangle" else None

    # -- corrections ---------------------------------------------------------------------------------------------------

    def touch(self, name: str) -> None:
        """Note that a block of the session was painted in; it is saved a moment after the last stroke."""
        self.corrections.touch(self.session, self.session.blocks[name])

    def save_corrections(self) -> None:
        """Write what was painted, and what is marked, in boxes of all volumes.

        Raises:
            UserError: as `Corrections.save`.
        """
        self.corrections.save()

    def box_of(self, layer: Labels) -> Box | None:
        """Return the box whose voxels a layer of labels shows, if it is one of this session."""
        folder, name = layer.metadata.get(BLOCK, ("", ""))
        known = self.session is not None and folder == str(self.session.folder)
        return self.session.blocks[name].box if known and name in self.session.blocks else None

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def cut(self, box: Box, path: Path) -> Step:
        """Return the step that cuts a box out of the session's volume, with the range of the whole."""
        session = self.session
        channel = [] if session.channel is None else ["--channel", session.channel]
        words = [session.volume, "--box", box_text(box), "--to", path, "--ckpt_path", session.checkpoint]
        return Step("cutting the box out", lambda: cut_command(*words, "--ranges", session.ranges, *channel), 0.3)

    def around(self, box: Box) -> Box:
        """Return a box with what the network sees around it, on the grid of windows of the whole volume."""
        return tuple(
            (max(0, (start - MARGIN) // STRIDE * STRIDE), min(side, -(-(stop + MARGIN) // STRIDE) * STRIDE))
            for (start, stop), side in zip(box, self.frame.shape, strict=True)
        )

    def _say_end(self, title: str, outcome: str, problem: str) -> None:
        if outcome == FAILED:
            show_error(f"{title}: {problem.removeprefix('error: ')}")
        elif outcome != DONE:
            show_info(f"{title}: cancelled. Nothing was changed.")

    def close(self, is_shown: bool = False) -> None:
        """End the job, and save what was painted; sections hear of the viewer no more.

        Args:
            is_shown: whether the viewer stays, with its layers, for the dock alone is closed.
        """
        self.runner.close()
        self.corrections.close()
        self.listening.close()
        while self._known:  # once each: it is also called when the widget is destroyed, and when napari quits
            _, session = self._known.popitem()
            leave(session, self.viewer) if is_shown else session.release()
