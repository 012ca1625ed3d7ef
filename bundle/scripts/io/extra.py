"""Libraries that read further formats, and are installed only by those who need them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from scripts.core import refuse

EXTRAS = {"SimpleITK": "itk", "pydicom": "dicom", "highdicom": "dicom", "vtkmodules": "graphs"}
EXTRAS |= {"bioio_nd2": "microscopy", "bioio_lif": "microscopy", "bioio_czi": "czi", "pylibCZIrw": "czi"}
"""Which extra of the distribution installs a library."""


def extra_library(name: str, path: Path) -> Any:
    """Import a library of an extra when it is first needed.

    Args:
        name: of the library's package, a key of `EXTRAS`; or that of a module in it, `pydicom.pixels`.
        path: the file that needs it, for messages.

    Raises:
        UserError: if it is not installed, or does not start; the message says how to install it.
    """
    package = name.partition(".")[0]
    extra = EXTRAS[package]
    remedy = f"pip install 'tubenet[{extra}]' (in a checkout: pip install -r requirements/{extra}.txt)"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = "" if error.name == package else f" with {error.name}"
        refuse(path, f"reading and writing such files takes {package}{missing}, which is not installed", remedy)
    except Exception as error:  # such as of a library that does not fit another
        refuse(path, f"{package}, which reads such files, does not start ({type(error).__name__}: {error})", remedy)


def has_library(package: str) -> bool:
    """Return whether a library of an extra can be imported."""
    try:
        import_module(package)
    except Exception:  # whatever is wrong with it, `extra_library` tells
        return False
    return True
