"""Spell out control characters of foreign text, so that no terminal obeys them.

A terminal obeys what it is sent: a file name may clear the screen, or pretend to be another line.
"""

from __future__ import annotations

import logging
import re

# C0 and C1 controls and DEL (but tab and newline), what turns the direction of writing, halves of UTF-16 pairs, which
# stand for bytes of a file name that are not UTF-8
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text with its control characters spelled out, `\x1b` for escape; newlines stay."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class PrintableFilter(logging.Filter):
    """Spell out the control characters of every message that a log handler receives."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its message as a printable text."""
        record.msg, record.args = printable(record.getMessage()), ()
        return True


def make_logs_printable() -> None:
    """Add a `PrintableFilter` to the handlers of the root logger, once."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, PrintableFilter) for each in handler.filters):
            handler.addFilter(PrintableFilter())
