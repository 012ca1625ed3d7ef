"""How the log says times, amounts of memory and numbers of things."""

from __future__ import annotations

from collections.abc import Iterable

MINUTE, HOUR, DAY = 60, 3600, 86400


def about(seconds: float) -> str:
    """Return an estimated time, rounded to what an estimate can tell.

    >>> [about(seconds) for seconds in (4, 38, 170, 5000, 9500, 50000, 200000)]
    ['a few seconds', 'about 40 s', 'about 3 min', 'about 83 min', 'about 2 h 40 min', 'about 14 h', 'about 2 days']
    """
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {10 * round(seconds / 10)} s"
    if seconds < 1.5 * HOUR:
        return f"about {round(seconds / MINUTE)} min"
    if seconds < 10 * HOUR - 5 * MINUTE:
        hours, minutes = divmod(10 * round(seconds / MINUTE / 10), 60)
        return f"about {hours} h {minutes} min" if minutes else f"about {hours} h"
    if seconds < 1.5 * DAY:
        return f"about {round(seconds / HOUR)} h"
    return f"about {round(seconds / DAY)} days"


def duration(seconds: float) -> str:
    """Return a time that was measured.

    >>> [duration(seconds) for seconds in (4.26, 38, 170, 5000)]
    ['4.3 s', '38 s', '2 min 50 s', '1 h 23 min']
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes // 60} h {minutes % 60} min"


def size(nbytes: float) -> str:
    """Return an amount of memory, to two digits as a rule.

    >>> [size(nbytes) for nbytes in (7e6, 341e6, 1.26e9, 23.4e9)]
    ['7 MB', '340 MB', '1.3 GB', '23 GB']
    """
    if nbytes < 100e6:
        return f"{nbytes / 1e6:.0f} MB"
    if nbytes < 995e6:
        return f"{10 * round(nbytes / 1e7)} MB"
    return f"{nbytes / 1e9:.1f} GB" if nbytes < 9.95e9 else f"{nbytes / 1e9:.0f} GB"


def by(sides: Iterable[object], sign: str = "×") -> str:
    """Return the sides of a volume, or of its voxels.

    >>> by((512, 512, 15))
    '512×512×15'
    """
    return sign.join(map(str, sides))


def counted(number: int, thing: str) -> str:
    """Return a number of things, such as `1 volume` and `7 volumes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
