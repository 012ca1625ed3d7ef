"""The dock widget: six sections in the order of the work, and below them the job that runs."""

from .main import VesselsWidget

__all__ = ["VesselsWidget"]
