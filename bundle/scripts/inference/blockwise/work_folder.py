"""Where a run by blocks keeps what it has, so that it can go on after it was killed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scripts.core import alone, make_folder, read_json, write_text

logger = logging.getLogger(__name__)

UNFINISHED = ".unfinished-"
"""Prefix of the folder's name; it hides it, so that nobody takes it for a volume."""
_STATE, _LOCK = "run.json", ".lock"
_REMEDY = "remove the folder and begin again"


class WorkFolder:
    """The folder of one result that is being made, beside it.

    It is kept when the run fails or is killed, and removed when the result is there.

    Args:
        result: the file or folder that is being made.
        about: all that decides what it will hold, fit for JSON; what was left of another run is removed.

    Attributes:
        state: what is kept for a run that goes on.
        earlier: what was kept of another run, which is removed.
    """

    def __init__(self, result: Path, about: Mapping[str, Any]) -> None:
        self.path = result.with_name(UNFINISHED + result.name)
        self.about = json.loads(json.dumps(about))
        self.state: dict[str, Any] = {}
        self.earlier: dict[str, Any] = {}

    @property
    def fingerprint(self) -> str:
        """What tells one run from another."""
        return hashlib.sha256(json.dumps(self.about, sort_keys=True).encode()).hexdigest()

    @contextmanager
    def open(self) -> Iterator[bool]:
        """Use the folder alone, and remove it unless the block raises.

        Yields:
            Whether an unfinished run goes on.

        Raises:
            UserError: if another process uses it.
        """
        make_folder(self.path)
        try:
            with alone(self.path / _LOCK, self.path):
                try:
                    yield self._goes_on()
                except BaseException:
                    if {path.name for path in self.path.iterdir()} <= {_STATE, _LOCK}:  # nothing to go on with
                        self._clear(ignore_errors=True)
                    raise
                with suppress(OSError):  # the result is there
                    self._clear(ignore_errors=True)
        finally:
            with suppress(OSError):  # there is something to go on with
                self.path.rmdir()

    def keep(self, **values: Any) -> None:
        """Keep values, fit for JSON, for a run that goes on."""
        self.state |= values
        write_text(self.path / _STATE, json.dumps(self.state, indent=1) + "\n")

    def size(self) -> int:
        """Return the bytes that lie there."""
        return sum(
            os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(self.path) for name in names
        )

    def _goes_on(self) -> bool:
        file = self.path / _STATE
        found = read_json(file, _REMEDY) if file.is_file() else None
        if isinstance(found, dict) and found.get("fingerprint") == self.fingerprint:
            self.state = found
            return True
        if isinstance(found, dict):
            self.earlier = found
        if any(path.name != _LOCK for path in self.path.iterdir()):
            logger.info("%s: an unfinished run of other options or another input, which is begun anew", self.path)
        self._clear()
        self.keep(fingerprint=self.fingerprint, about=self.about)
        return False

    def _clear(self, ignore_errors: bool = False) -> None:
        """Remove all but the lock; the state first, for nobody can go on with a part of the rest."""
        (self.path / _STATE).unlink(missing_ok=True)
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=ignore_errors)
            elif path.name != _LOCK:
                path.unlink()
