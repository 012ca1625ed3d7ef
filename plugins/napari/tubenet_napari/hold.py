"""Which viewer has a session: one at a time, for each keeps in memory what it writes whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scripts.core import UserError, alone, refuse, state_of

LOCK = "session.lock"


class Hold:
    """Lets nobody else have a session until it is let go, or this process ends, however it does.

    Args:
        file: of the session; it has the time at which somebody last began to work on it, or wrote it.
    """

    def __init__(self, file: Path) -> None:
        self.folder, self._file = file.parent, file
        self._held = ExitStack()
        self._is_held = False
        self._left: tuple[int, int, int] | None = None  # the file's state when it was let go

    def take(self) -> None:
        """Have the session, to work on it.

        Raises:
            UserError: if another viewer has it, or another widget.
        """
        self._lock()
        with suppress(OSError):  # where it can be read only
            os.utime(self._file)

    def release(self) -> None:
        """Let others have the session."""
        self._held.close()
        self._is_held, self._left = False, state_of(self._file) if self._file.exists() else None

    @contextmanager
    def again(self) -> Iterator[None]:
        """Have the session meanwhile, though it was let go: its layers are still there when its widget is closed.

        Raises:
            UserError: if it is open elsewhere, or was since.
        """
        if self._is_held:
            yield
            return
        self._lock()
        try:
            if self._left not in (None, state_of(self._file)):
                problem = "this session was gone on with elsewhere, which what is painted here would write over"
                refuse(self.folder, problem, "save this layer as a file, or paint there")
            yield
        finally:
            self._held.close()
            self._is_held = False

    def _lock(self) -> None:
        try:
            self._held.enter_context(alone(self.folder / LOCK, self.folder))
        except UserError:
            problem = "this session is open in another viewer, or in another widget of this one"
            refuse(self.folder, problem, "go on with it there, or close that one")
        except OSError:  # some network disks cannot lock; two viewers of one session are rare, and one must go on
            pass
        self._is_held = True
