"""Sessions whose widget was closed while their layers are still shown: each stays open in that viewer."""

from __future__ import annotations

from pathlib import Path

import napari

from .labels import BLOCK
from .session import Session

_left: dict[Path, Session] = {}  # of this process, by folder


def leave(session: Session, viewer: napari.Viewer) -> None:
    """Hold a session while its layers are shown, for what is painted in them is still saved.

    When the last of them is removed, it is released.
    """

    def release_if_gone(event: object = None) -> None:
        if _left.get(session.folder) is session and not _is_shown(session, viewer):
            del _left[session.folder]
            session.release()

    _left[session.folder] = session
    viewer.layers.events.removed.connect(release_if_gone)
    release_if_gone()


def take_up(folder: Path, viewer: napari.Viewer) -> Session | None:
    """Return the session of a folder, held, if it was left in this viewer; else None."""
    session = _left.get(folder)
    return _left.pop(folder) if session is not None and _is_shown(session, viewer) else None


def _is_shown(session: Session, viewer: napari.Viewer) -> bool:
    return any(layer.metadata.get(BLOCK, ("",))[0] == str(session.folder) for layer in viewer.layers)
