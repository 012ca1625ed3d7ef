"""Files that belong together: the parts of an OME set, and the slices of one stack.

Nothing but the file itself and files of its folder is opened, whatever name a file gives.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import tifffile

from scripts.core import UserError, refuse, refuse_failures

from ..formats import check_content, file_family
from .dialect import ome_root
from .integrity import Layout, check_directories
from .library_warning import no_warning
from .ome import master_of, named_files
from .stack import REMEDY, join_remedy

logger = logging.getLogger(__name__)

# No reader of tifffile's that opens further files by itself, and none for slides and gels, which are flat.
_UNUSED = "mmstack ndtiff lsm scanimage ndpi svs scn qpi bif avs eer philips mdgel"
_ONE_FILE = "make one file of the set (Fiji: File > Import > Bio-Formats, then File > Save As > OME-TIFF)"


def open_tiff(path: Path) -> tifffile.TiffFile:
    """Open a TIFF such that tifffile opens no other file, but those of an OME set (`check_set`)."""
    flags: dict[str, Any] = {f"is_{kind}": False for kind in _UNUSED.split()}
    tif = tifffile.TiffFile(path, **flags)
    try:
        # says what the axes are; set from the start, it makes tifffile guess where the pages lie
        vars(tif)["is_scanimage"] = tif.pages.first.is_scanimage
    except BaseException:
        tif.close()
        raise
    return tif


def check_set(path: Path, root: Element) -> dict[str, dict[int, Layout]]:
    """Check the other files that hold planes of an OME-TIFF: files of its folder and no others.

    Args:
        path: the file that the XML stands in, already checked.
        root: of `parse_ome`.

    Returns:
        The directories (`check_directories`) of each further file, by its name.

    Raises:
        UserError: for a part whose description is in another file, and for a named file that is missing, damaged or no
            file of the same folder.
    """
    if (master := master_of(root)) is not None:
        refuse(path, f"it is one part of an OME set, and {master or 'another file'} says what is in it", _ONE_FILE)
    own = path.resolve()  # as tifffile, which looks for the others beside the file that a link leads to
    others: dict[str, dict[int, Layout]] = {}
    for name in named_files(root):
        if name == own.name:
            continue
        other = _in_folder(path, own, name)
        if other is not None:
            with refuse_failures(path, f"its part {name} cannot be read", "copy or export it again"):
                others[name] = check_directories(other, check_content(other))
    return others


def _in_folder(path: Path, own: Path, name: str) -> Path | None:
    """Return the file of a name beside `own`; None for `own` itself in another spelling."""
    if name in ("", ".", "..") or any(sign in name for sign in "/\\\0:"):
        refuse(path, f"it says that voxels are in the file {name!r}, outside its folder", _ONE_FILE)
    other = own.parent / name
    if not other.exists() and not other.is_symlink():
        if name.lower() == own.name.lower():
            return None
        remedy = "keep all files of a multi-file OME-TIFF in one folder, under their names, or export it as one file"
        refuse(path, f"voxels are in another file, {name!r}, which is not there", remedy)
    if not other.is_file() or other.resolve().parent != own.parent:
        refuse(path, f"it says that voxels are in {name!r}, which is no file of its folder", _ONE_FILE)
    return other


@dataclass(frozen=True)
class _Outline:
    """What tells whether a file is a part of something.

    Attributes:
        plane: shape of the one page, or `()` where there are several or it stands for a stack.
        members: the names of all files of its set, or none.
        master: the file that describes it, or None.
    """

    plane: tuple[int, ...]
    members: frozenset[str]
    master: str | None


def whole_volumes(folder: Path, files: Iterable[Path]) -> list[Path]:
    """Leave out the files of a folder that are parts of a volume in another of its files.

    Of the files of an OME set, the one with the description stands for the set, or the first by name.

    Args:
        folder: for messages.
        files: the files found in it, of any family.

    Returns:
        The files without those parts, in the order given.

    Raises:
        UserError: for a folder that holds nothing but the single slices of one stack; it says how to join them.
    """
    files = list(files)
    outlines = {file: outline for file in files if (outline := _outline(file)) is not None}
    _refuse_slices(folder, files, outlines)
    names = {file.name: file for file in files}
    sets: dict[object, list[Path]] = {}
    for file, outline in sorted(outlines.items()):
        key: object = outline.members
        if outline.master is not None:
            described = outlines.get(names.get(outline.master, file))
            key = described.members if described and described.members else outline.master
        if key:
            sets.setdefault(key, []).append(file)
    left_out: set[Path] = set()
    for parts in sets.values():
        first = next((part for part in parts if outlines[part].master is None), parts[0])
        if parts[1:]:
            logger.warning("%s: %d files are parts of one OME set, %s stands for it", folder, len(parts), first.name)
        left_out.update(part for part in parts if part != first)
    return [file for file in files if file not in left_out]


def _outline(file: Path) -> _Outline | None:
    """Look at the head of a file.

    None for what is no TIFF or cannot be read; the reader refuses it when its turn comes.
    """
    try:
        if not file.is_file() or file_family(file) != "tiff":
            return None
        pages = len(check_directories(file, check_content(file), most=2))
        with no_warning(file), open_tiff(file) as tif:
            page, root = tif.pages.first, ome_root(file, tif)
            if root is not None:
                others = named_files(root)
                members = frozenset([*others, file.name]) if set(others) - {file.name} else frozenset()
                alone = pages == 1 and not members and master_of(root) is None
                return _Outline(page.shape if alone else (), members, master_of(root))
            alone = pages == 1 and sum(series.size for series in tif.series) == page.size
            return _Outline(page.shape if alone else (), frozenset(), None)
    except (UserError, OSError):
        return None
    except Exception as error:  # whatever a damaged file makes a library raise
        logger.debug("%s: %s", file, error)
        return None


def _refuse_slices(folder: Path, files: list[Path], outlines: dict[Path, _Outline]) -> None:
    planes = {outline.plane for outline in outlines.values()}
    if len(files) < 2 or len(outlines) < len(files) or len(planes) != 1 or planes == {()}:
        return
    (plane,) = planes
    problem = f"its {len(files)} files are single slices of shape {plane} (Y, X), and not volumes"
    suffixes = {file.suffix for file in files}
    refuse(folder, problem, join_remedy(folder, suffixes.pop()) if len(suffixes) == 1 and len(plane) == 2 else REMEDY)
