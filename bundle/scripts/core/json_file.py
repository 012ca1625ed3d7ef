"""Read JSON that somebody else may have written: of a bounded size, and not too deep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import refuse, refuse_failures
from .files import check_regular

MAX_BYTES = 2**26  # 64 MiB, a list of a hundred thousand volumes


def read_json(path: Path, remedy: str, max_bytes: int = MAX_BYTES) -> Any:
    """Return what a JSON file holds.

    Args:
        path: the file.
        remedy: what to do if it cannot be read.
        max_bytes: size above which it is not read at all.

    Raises:
        UserError: if it is missing, no regular file, too large, not JSON, or nested too deep to be read.
    """
    if (size := check_regular(path, remedy)) > max_bytes:
        refuse(path, f"has {size} bytes, more than the {max_bytes} that such a file may have", remedy)
    with refuse_failures(path, "cannot be read", remedy):
        content = path.read_bytes()
    try:
        return json.loads(content)
    except ValueError as error:
        refuse(path, f"is not JSON ({error})", remedy)
    except RecursionError:
        refuse(path, "is nested too deep to be read", remedy)
