"""What a study found: a table, pictures and one page that a newcomer can read."""

from .write import write_study

__all__ = ["write_study"]
