"""What the widget hears of the viewer, until it is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Listening:
    """Connects functions to events of a viewer and its layers, and lets go of all of them at once.

    napari keeps what listens to it, so that a widget that was closed would go on working beside the next one.
    """

    def __init__(self) -> None:
        self._connected: list[tuple[Any, Callable[..., Any]]] = []

    def connect(self, event: Any, call: Callable[..., Any]) -> None:
        """Call a function at each event."""
        event.connect(call)
        self._connected.append((event, call))

    def close(self) -> None:
        """Hear nothing any more."""
        for event, call in self._connected:
            event.disconnect(call)
        self._connected.clear()
