"""What takes a moment is done in a thread: the viewer stays free."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEventLoop, QObject, Qt, Signal
from qtpy.QtWidgets import QApplication, QMainWindow, QProgressDialog, QWidget

from scripts.core import refuse

LONG = 2**26  # voxels; fewer are written before one notices


def write_beside(what: str, write: Callable[[], object]) -> None:
    """Write something large in a thread, and say in one line how it ended.

    Args:
        what: is written.
        write: does it; it must hold all that it needs, because the viewer goes on meanwhile.
    """
    # otherwise napari would raise in the viewer what is told here in one line
    worker = create_worker(write, _ignore_errors=True, _start_thread=False)
    worker.returned.connect(lambda _: show_info(f"Saved {what}"))
    worker.errored.connect(lambda error: show_error(str(error)))
    show_info(f"Saving {what}: it takes a moment, and the viewer stays free")
    worker.start()


class Beside(QObject):
    """Does what a section of the widget has to wait for, in a thread if it is large.

    The viewer stays free meanwhile, and a small window says what is done; the sections are held, so that nothing begins
    in the midst of what has begun.

    Signals:
        held: whether the sections wait.
    """

    held = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[Event, Event] = {}  # what cancels a thread, and what says that it has ended
        self.is_closed = False

    def __call__(
        self, title: str, voxels: int, work: Callable[[Callable[[], None]], Any], may_cancel: bool = True
    ) -> Any:
        """Do it, and return what it returns.

        Args:
            title: what is done, for the person who waits.
            voxels: that it is done to; of few it is done at once.
            work: is given a function to call now and then, which raises what ends it if it was cancelled. In a thread
                it must not touch layers.
            may_cancel: whether the person may; when the viewer is closed it is cancelled in any case.

        Raises:
            UserError: if it was cancelled.
            Exception: whatever the work raises.
        """
        if voxels <= LONG or self.is_closed:
            return work(lambda: None)
        cancelled, ended, loop = Event(), Event(), QEventLoop()

        def check() -> None:
            if cancelled.is_set():
                refuse(title, "cancelled", "begin it again whenever you like")

        def run() -> Any:
            try:
                return work(check)
            finally:
                ended.set()

        results: list[Any] = []
        errors: list[Exception] = []
        worker = create_worker(run, _ignore_errors=True, _start_thread=False)
        worker.returned.connect(results.append)
        worker.errored.connect(errors.append)
        worker.finished.connect(loop.quit)
        dialog = QProgressDialog(f"{title} …", "Cancel", 0, 0, _main_window())
        dialog.setWindowModality(Qt.WindowModality.NonModal)
        if may_cancel:
            dialog.canceled.connect(cancelled.set)
        else:
            dialog.setCancelButton(None)
        self._waiting[cancelled] = ended
        self.held.emit(True)
        worker.start()
        dialog.show()
        loop.exec()
        del self._waiting[cancelled]
        with suppress(RuntimeError):  # Qt has deleted it with the window of the viewer
            dialog.blockSignals(True)  # closing it would cancel
            dialog.close()
            dialog.deleteLater()
        if not self.is_closed:
            self.held.emit(bool(self._waiting))
        if errors:
            raise errors[0]
        if self.is_closed:
            check()
        return results[0]

    def close(self) -> None:
        """Cancel what is done, and wait for its end; from now on all is done at once."""
        self.is_closed = True
        for cancelled, ended in self._waiting.items():
            cancelled.set()
            ended.wait()


def _main_window() -> QWidget | None:
    """Return the window of a viewer, with which a smaller one ends: alone it would keep the program from its end."""
    shown = [each for each in QApplication.topLevelWidgets() if isinstance(each, QMainWindow) and each.isVisible()]
    active = QApplication.activeWindow()
    return active if active in shown else next(iter(shown), None)
