"""One self-contained HTML page of what was found in volumes, and of how far it is right."""

from .case import Case, find_cases
from .section import Reading
from .write import write_page

__all__ = ["Case", "Reading", "find_cases", "write_page"]
