"""Where `segment` puts its results if nobody says where, and the line that tells it."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.core import RESULTS, printable, refuse

CLOCKS = 1.0
"""Seconds by which a disk's clock may be behind."""


def place_beside(options: dict[str, str], program: str = "tubenet") -> Path:
    """Choose the folder of the results if none is given, so that nothing is replaced.

    The result of a file lies beside it, and the results of FOLDER in FOLDER_seg, beside that.

    Args:
        options: those of the command line; `output_dir` is set if it is missing.
        program: what stands before the command, for messages.

    Returns:
        The folder.

    Raises:
        UserError: if results are there already.
    """
    if "output_dir" in options:
        return Path(options["output_dir"])
    source = Path(options["dataset_dir"])
    if _is_folder(source):
        target = source.parent / f"{source.name}_seg"
        taken = [target] if target.exists() and (not target.is_dir() or any(target.iterdir())) else []
    else:
        target, stem = _folder_of(source), stem_of(source)
        taken = _results(target, stem)
    if taken:
        remedy = f"name a folder for the result: {program} segment IN OUT"
        refuse(taken[0], "exists, and is not replaced unless you say so", remedy, FileExistsError)
    options["output_dir"] = str(target)
    return target


def stem_of(path: Path) -> str:
    """Return the name of a volume without its suffix, such as `.ome.tif` or `.nii.gz`.

    Raises:
        UserError: for a suffix that no volume has.
    """
    from scripts.io import split_name  # takes a second, which a refusal should not pay for

    return split_name(path)[0]


def say_results(target: Path, options: dict[str, str], since: float = 0.0) -> None:
    """Print where the results are.

    Args:
        target: their folder.
        options: those of the command line.
        since: seconds since the epoch; what is older was written by another run, and is not told.
    """
    source = Path(options["dataset_dir"])
    if _is_folder(source):
        print(printable(f"results: {target}{os.sep}"))
        return
    for found in _results(target, stem_of(source)):
        if found.stat().st_mtime >= since - CLOCKS:
            print(printable(f"result: {found}"))


def _is_folder(source: Path) -> bool:
    """Tell whether a path is a folder of images, and not the folder that is a Zarr."""
    if not source.is_dir():
        return False
    from scripts.io import is_zarr  # takes a second, which a refusal should not pay for

    return not is_zarr(source)


def _folder_of(source: Path) -> Path:
    """Return the folder that a volume lies in, which of a data set is that of its HDF5 file."""
    from scripts.io import split_hdf5

    return split_hdf5(source)[0].parent


def _results(folder: Path, stem: str) -> list[Path]:
    """Return the files in a folder that are named as results of one image."""
    names = tuple(f"{stem}{ending}." for ending in RESULTS)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in files if path.name.startswith(names) and (path.is_file() or path.suffix == ".zarr")]
