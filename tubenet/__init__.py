"""Segments blood vessels in any 3-D image: the command `tubenet`, and the MONAI bundle that it runs."""

from pathlib import Path


def bundle_folder() -> Path:
    """Return the folder of the bundle: in the wheel it lies in this package, in a checkout beside it."""
    here = Path(__file__).resolve().parent
    return here / "bundle" if (here / "bundle").is_dir() else here.parent / "bundle"
