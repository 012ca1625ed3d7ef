"""Zarr: arrays on disk in chunks."""

from .array import BlockArray, chunk_name

__all__ = ["BlockArray", "chunk_name"]
