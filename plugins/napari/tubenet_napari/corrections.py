"""What was painted and not yet written, of whichever volume: it is saved a moment after the last stroke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import napari
from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtCore import QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication

from scripts.core import UserError

from .background import LONG, Beside
from .labels import BLOCK, KEPT_AS, find_layer, write_labels
from .session import Block, Session

AUTOSAVE = 3000  # milliseconds after the last stroke
MAX_AUTOSAVED = LONG  # voxels; more are saved before a training, and when they are left


@dataclass
class Painted:
    """A block that was painted in, and the layers that show it.

    They are kept here because by the time of saving another volume may be chosen, and the layers may be deleted.

    Attributes:
        session: of the block.
        block: that was painted in.
        layers: by what each is saved as, `corrected` or `labelled`.
        strokes: how often it was painted in.
    """

    session: Session
    block: Block
    layers: dict[str, Labels]
    strokes: int = 0

    @property
    def voxels(self) -> int:
        """How many voxels are to be written for one of the layers."""
        return max((layer.data.size for layer in self.layers.values()), default=0)


class Corrections(QObject):
    """Notes what is painted in the blocks of all sessions, and writes it, when its widget is closed, too.

    Signals:
        saved: something was written.

    Args:
        viewer: napari's.
        beside: writes what is large.
    """

    saved = Signal()

    def __init__(self, viewer: napari.Viewer, beside: Beside) -> None:
        super().__init__()  # without a parent: the layers that are watched keep it, when the widget is gone
        self.viewer, self._beside = viewer, beside
        self._watched: set[Any] = set()  # their unique_id, for a layer is handed out in wrappers
        self._writing: set[tuple[str, str]] = set()
        self._unsaved: dict[tuple[str, str], Painted] = {}
        self._timer = QTimer(self, singleShot=True, interval=AUTOSAVE)
        self._timer.timeout.connect(lambda: self.try_to_save(MAX_AUTOSAVED))
        viewer.layers.events.removed.connect(self._removed)
        QApplication.instance().aboutToQuit.connect(self.close)

    def watch(self, layer: Labels, session: Session, block: Block) -> None:
        """Note from now on when a layer of a block is painted in, if that is not noted already."""
        if layer.unique_id in self._watched:
            return
        self._watched.add(layer.unique_id)
        # strokes, fills and their undoing; all voxels anew
        for event in (layer.events.labels_update, layer.events.data):
            event.connect(lambda event: self.touch(session, block))

    def touch(self, session: Session, block: Block) -> None:
        """Note that a block was painted in; it is saved a moment after the last stroke."""
        found = {what: find_layer(self.viewer, session, block, kind) for kind, what in KEPT_AS.items()}
        found = {what: layer for what, layer in found.items() if layer is not None}
        painted = self._unsaved.setdefault((str(session.folder), block.name), Painted(session, block, {}))
        painted.layers |= found
        painted.strokes += 1
        self._timer.start()

    def save(self, most: int | None = None) -> None:
        """Write the labels that were painted, and what is marked, each file whole or not at all.

        Args:
            most: voxels that a block may have to be saved now.

        Raises:
            UserError: for labels that cannot be written, and a full disk; other blocks are saved all the same.
        """
        problems = []
        for key, painted in list(self._unsaved.items()):
            if most is None or painted.voxels <= most:
                try:
                    self._write(key)
                except (UserError, OSError) as error:
                    problems.append(error)
        if problems:
            raise problems[0]

    def try_to_save(self, most: int | None = None) -> None:
        """Save as `save` does, but say in one line what cannot be; it stays noted."""
        try:
            self.save(most)
        except (UserError, OSError) as error:
            show_error(str(error))

    def close(self) -> None:
        """Save all now, because the viewer or its widget closes."""
        self._beside.close()
        self.try_to_save()

    def _write(self, key: tuple[str, str]) -> None:
        # while it is written the viewer may ask for it again; once that has closed, nobody writes any more
        if key not in self._unsaved or (key in self._writing and not self._beside.is_closed):
            return
        painted, strokes = self._unsaved[key], -1
        self._writing.add(key)
        try:
            while strokes != painted.strokes:  # it was painted in meanwhile
                strokes = painted.strokes
                self._write_once(painted)
        except UserError:
            if key in self._unsaved:  # else it was written when the viewer closed
                raise
        finally:
            self._writing.discard(key)
        self._unsaved.pop(key, None)
        self.saved.emit()

    def _write_once(self, painted: Painted) -> None:
        session, block = painted.session, painted.block
        large = painted.voxels > LONG
        data = {what: layer.data.copy() if large else layer.data for what, layer in painted.layers.items()}

        def write(check: Callable[[], None]) -> None:
            for what, voxels in data.items():
                write_labels(session, session.file_of(block, what), voxels, block.box, check=check)

        self._beside(f"{block.name}: its labels are saved", painted.voxels, write)

    def _removed(self, event: Any) -> None:
        """Save what was painted in a layer that has been deleted."""
        key = event.value.metadata.get(BLOCK)
        if key in self._unsaved:
            if self._unsaved[key].voxels > LONG:  # only when the viewer is done with removing it
                QTimer.singleShot(0, self.try_to_save)
                return
            try:
                self._write(key)
            except (UserError, OSError) as error:
                show_error(str(error))
