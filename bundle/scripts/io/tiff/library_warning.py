"""What tifffile only logs is a refusal here.

Where it warns, it has guessed, left out or filled in."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.core import refuse

logger = logging.getLogger(__name__)

_LIBRARY = logging.getLogger("tifffile")

# Tags of which nothing is read here: they say who, when and with what, or describe the colours. And the value for
# missing tiles: a file that lacks one is refused.
_UNUSED = {269, 271, 272, 285, 305, 306, 315, 316, 700, 33432, 33723, 34377, 34665, 34675, 34853, 42112, 42113}
_TAG = re.compile(r"<(?:tifffile\.)?TiffTag (\d+) @")
_NODATA = "parsing GDAL_NODATA"


class _Collected(logging.Filter):
    """Collect the warnings of the thread that made it, and keep them from being printed twice."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()
        self.messages: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Let through what is not a warning, or another thread's."""
        if record.levelno < logging.WARNING or record.thread != self.thread:
            return True
        self.messages.append(" ".join(record.getMessage().split()))
        return False


@contextmanager
def no_warning(path: Path) -> Iterator[None]:
    """Refuse a file of which tifffile warns inside the block, if nothing else is raised there.

    Args:
        path: the file, for messages.

    Raises:
        UserError: with the first warning, unless it concerns a tag of which nothing is read; that one is logged.
    """
    collected = _Collected()
    _LIBRARY.addFilter(collected)
    try:
        yield
    finally:
        _LIBRARY.removeFilter(collected)
    for message in collected.messages:
        if not _is_harmless(message):
            refuse(path, f"it is damaged or contradicts itself ({message})", "export it again as one TIFF stack")
        logger.warning("%s: %s", path, message)


def _is_harmless(message: str) -> bool:
    tag = _TAG.search(message)
    return _NODATA in message or (tag is not None and int(tag[1]) in _UNUSED)
