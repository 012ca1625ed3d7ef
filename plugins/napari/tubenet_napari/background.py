"""What takes a moment: done beside the viewer, or told before it holds the viewer up."""

from __future__ import annotations

from collections.abc import Callable

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEventLoop
from qtpy.QtWidgets import QApplication

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


def say_beforehand(text: str) -> None:
    """Show a line before the viewer is held up, and let it be drawn."""
    show_info(text)
    # but no click may begin anything else in the midst of what has begun
    QApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
