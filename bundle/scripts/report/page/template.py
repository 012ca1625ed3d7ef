"""What pages share: templates in which all is escaped, and what a browser lets a page do."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"


def environment(*folders: Path) -> Environment:
    """Return an environment of templates in which whatever comes from files is escaped.

    Args:
        folders: with further templates, which come before those of this package.
    """
    return Environment(
        loader=FileSystemLoader([*folders, TEMPLATES]), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def verbatim(path: Path) -> Markup:
    """Return a style sheet or script of our own, which goes into a page as it is."""
    return Markup(path.read_text(encoding="utf-8"))


def policy(*scripts: str) -> str:
    """Return what the browser lets a page do: run these scripts, and ask nobody for anything."""
    hashes = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in scripts if each]
    allowed = " ".join(f"'sha256-{each}'" for each in hashes)
    return f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {allowed}"
