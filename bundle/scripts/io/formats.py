"""Which files are read: what their names promise, and whether their content keeps it.

Three words are used throughout this package:

- The *family* of a file stands in its suffix. It decides which module reads and writes it: `tiff`, `nifti`, `npy`,
  `zarr`, `hdf5`, `itk` (NRRD and MetaImage), `dicom` or `microscopy`. A Zarr is a folder; any other folder is a DICOM
  series. The path of an HDF5 file may go on with that of a data set in it.
- A *dialect* is one of the three conventions by which a TIFF states its axes and its voxel size: ImageJ's, OME's, or
  none of the two, which is called plain.
- The *kind* of a file is its family together with its dialect, found in its content: `imagej`, `ome`, `tiff` (plain),
  `nifti`, `npy`, `zarr` (a plain array), `ome-zarr`, `hdf5`, `ims`, `nrrd`, `metaimage`, `dicom`, `segmentation` (of
  DICOM), `czi`, `nd2` or `lif`. A result is written as the kind of file that it was made from, if that is one we can
  write (`result_name`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, NoReturn

from scripts.core import check_regular, counted, refuse

Family = Literal["tiff", "nifti", "npy", "zarr", "hdf5", "itk", "dicom", "microscopy"]

FAMILY_OF_KIND: dict[str, Family] = {
    **{"imagej": "tiff", "ome": "tiff", "tiff": "tiff", "nifti": "nifti", "npy": "npy"},
    **{"zarr": "zarr", "ome-zarr": "zarr", "hdf5": "hdf5", "ims": "hdf5"},
    **{"nrrd": "itk", "metaimage": "itk", "dicom": "dicom", "segmentation": "dicom"},
    **{"czi": "microscopy", "nd2": "microscopy", "lif": "microscopy"},
}

# suffix: the family, and the content that such a file starts with. Longest first: `.ome.tif` is also a `.tif`.
_FORMATS: dict[str, tuple[Family, str]] = {
    ".ome.tiff": ("tiff", "TIFF"),
    ".ome.tif": ("tiff", "TIFF"),
    ".nii.gz": ("nifti", "gzip"),
    ".tiff": ("tiff", "TIFF"),
    ".tif": ("tiff", "TIFF"),
    ".nii": ("nifti", "NIfTI"),
    ".npy": ("npy", "NumPy"),
}
_FOLDERS: dict[str, tuple[Family, str]] = {".ome.zarr": ("zarr", "Zarr"), ".zarr": ("zarr", "Zarr")}
_HDF5: dict[str, tuple[Family, str]] = {each: ("hdf5", "HDF5") for each in (".h5", ".hdf5", ".ims")}
_OF_EXTRAS: dict[str, tuple[Family, str]] = {
    ".nrrd": ("itk", "NRRD"),
    ".nhdr": ("itk", "NRRD"),
    ".mha": ("itk", "MetaImage"),
    ".mhd": ("itk", "MetaImage"),
    ".dcm": ("dicom", "DICOM"),
    ".czi": ("microscopy", "Zeiss CZI"),
    ".nd2": ("microscopy", "Nikon ND2"),
    ".lif": ("microscopy", "Leica LIF"),
}
_ALL = {**_FORMATS, **_FOLDERS, **_HDF5, **_OF_EXTRAS}
_SUFFIX_OF_CONTENT = {"TIFF": ".tif", "gzip": ".nii.gz", "NIfTI": ".nii", "NumPy": ".npy"}
_SUFFIX_OF_CONTENT |= {content: suffix for suffix, (_, content) in reversed(_OF_EXTRAS.items())}

SUFFIXES: tuple[str, ...] = tuple(_FORMATS)
"""Files that are read and written with what is always installed."""
READ_SUFFIXES: tuple[str, ...] = tuple(_ALL)
"""What is read: these, the folders of Zarr, HDF5, and what takes the extras (`extra.py`)."""
# a header and its voxels in two files cannot appear at once, so results are one file
_RESULTS = {".nhdr": ".nrrd", ".mhd": ".mha", ".czi": ".ome.tif", ".nd2": ".ome.tif", ".lif": ".ome.tif"}
_RESULTS |= dict.fromkeys(_HDF5, ".ome.tif")

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
_CONVERTERS = {
    "convert it to OME-TIFF with bioformats2raw and raw2ometiff, or in Fiji with File > Save As > OME-TIFF": (
        ".nd .lsm .oib .oif .oir .vsi .stk .dv .mvd2 .svs .ndpi"
    ),
    "give the folder of its series, or call it .dcm if it holds all slices": ".dicom .ima",
    "convert it to .nii.gz with 3D Slicer or SimpleITK": ".mgz .mgh .mnc .hdr .img",
    "save the array as .npy with numpy.save, or as .tif with tifffile.imwrite": ".npz .mat",
    "if it is a slice, put all into one TIFF stack, in Fiji with File > Import > Image Sequence": " ".join(_PICTURES),
}

_MAGIC = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\x1f\x8b", "gzip"),
    (b"\x93NUMPY", "NumPy"),
    (b"\x89HDF", "HDF5"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"PK\x03\x04", "zip"),
    (b"ZISRAW", "Zeiss CZI"),
    (b"NRRD000", "NRRD"),
    (b"\xda\xce\xbe\x0a", "Nikon ND2"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "Nikon ND2"),  # of before 2010: JPEG 2000, as other programs write it too
    (b"\x70\0\0\0", "Leica LIF"),
)
_METAIMAGE = re.compile(rb"\s*(?:\w+\s*=[^\n=]*\n\s*)*NDims\s*=")
ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup")
"""Files that make a folder a Zarr: of format 3, and an array and a group of format 2."""
START = 352
"""Bytes that tell the content: a NIfTI-1 header and the four behind it."""


def split_name(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Split a file name into its stem and its suffix, both as spelled.

    `scan.v2.OME.TIF` gives `scan.v2` and `.OME.TIF`. A folder, as of a DICOM series, has no suffix. A data set in an
    HDF5 file gives both names, `a.h5/raw/0` the stem `a_raw_0`.

    Raises:
        UserError: for a suffix that is not one of `READ_SUFFIXES`; it names a converter where there is one.
    """
    file, inside = split_hdf5(path)
    if inside:
        return "_".join([file.stem, *inside.split("/")]), file.suffix
    name = Path(path).name
    for suffix in READ_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    suffix = Path(name).suffix.lower()
    if os.path.isdir(path):
        return Path(os.path.abspath(path)).name, ""
    readable = f"give one of {' '.join(sorted(READ_SUFFIXES))}"
    remedy = next((remedy for remedy, suffixes in _CONVERTERS.items() if suffix in suffixes.split()), readable)
    problem = f"files named {suffix} are not read" if suffix else "the name has no suffix that says what the file is"
    problem = "is a picture of a single plane, and not a volume" if suffix in _PICTURES else problem
    refuse(path, problem, remedy)


def file_family(path: str | os.PathLike[str]) -> Family:
    """Return the family of a file, such as `tiff`, by its suffix alone.

    A folder without one is `zarr` if it is an array or a group, such as an image inside a plate; else `dicom`.

    Raises:
        UserError: as `split_name`.
    """
    suffix = split_name(path)[1].lower()
    if suffix:
        return _ALL[suffix][0]
    return "zarr" if is_zarr(path) else "dicom"


def split_hdf5(path: str | os.PathLike[str]) -> tuple[Path, str]:
    """Split the path of a data set into its HDF5 file and the path inside, `""` if none."""
    path = Path(path)
    for parent in path.parents:
        if parent.suffix.lower() in _HDF5 and not os.path.isdir(parent):
            return parent, path.relative_to(parent).as_posix()
    return path, ""


def is_volume(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is that of one volume: a file, a Zarr, or a data set of HDF5."""
    return os.path.isfile(split_hdf5(path)[0]) or is_zarr(path)


def is_zarr(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a Zarr: named so, or a folder that is an array or a group."""
    named = os.fspath(path).rstrip("/\\").lower().endswith(".zarr")
    return named or any(os.path.isfile(os.path.join(path, mark)) for mark in ZARR_MARKS)


def result_name(image: str | os.PathLike[str], postfix: str, classes: bool = True) -> str:
    """Return what a result of an image is called, `NAME_POSTFIX.EXT`.

    EXT is the image's, but for files that cannot be written, or not at once: `.nrrd` for `.nhdr`, `.mha` for `.mhd`,
    `.ome.tif` for a microscope's own format and for HDF5. Classes of a DICOM image are a segmentation object, `.dcm`;
    its probabilities are `.nii.gz`, because hardly a program shows DICOM's parametric maps.

    Args:
        image: the path of the image.
        postfix: `seg`, `prob`, ... or nothing.
        classes: whether the voxels of the result are classes.

    Raises:
        UserError: as `split_name`.
    """
    stem, suffix = split_name(image)
    if not suffix and file_family(image) == "zarr":
        suffix = ".ome.zarr"
    elif file_family(image) == "dicom":
        suffix = ".dcm" if classes else ".nii.gz"
    return f"{stem}{'_' if postfix else ''}{postfix}{_RESULTS.get(suffix.lower(), suffix)}"


def check_content(path: Path) -> int:
    """Check that a path is a regular file, not empty, that holds what its suffix says.

    A named pipe or a device is never opened: reading it would wait for ever, or never end.

    Returns:
        Its length in bytes.

    Raises:
        UserError: for a file that is missing, a folder, a pipe, socket or device, may not be read, is empty, or holds
            something else.
    """
    size = check_regular(path, "check the path")
    try:
        with path.open("rb") as file:
            start = file.read(START)
    except OSError as error:
        refuse(path, f"cannot be opened ({error.strerror})", "check the path and its permissions", OSError)
    if not start:
        refuse(path, "the file is empty (0 bytes)", "copy or export it again")
    promised, content = _ALL[split_name(path)[1].lower()][1], content_of(start)
    if promised != content:
        _refuse_content(path, promised, content, start)
    return size


def check_level(path: Path, level: int, levels: int) -> None:
    """Check that a file has a level.

    Args:
        path: the file, for messages.
        level: the option `level`.
        levels: how many resolutions the file holds.

    Raises:
        UserError: if it has not.
    """
    if not 0 <= level < levels:
        remedy = f"choose one with --level 0..{levels - 1}" if levels > 1 else "leave --level out"
        refuse(path, f"level {level} does not exist, the file holds {counted(levels, 'resolution')}", remedy)


def content_of(start: bytes) -> str:
    """Name the content of a file by its first 352 bytes (all, if it has fewer); `""` if unknown."""
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0"):
        return "NIfTI"
    if start[128:132] == b"DICM":
        return "DICOM"
    if _METAIMAGE.match(start):
        return "MetaImage"
    printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start)
    return "text" if start and printable == len(start) else ""


def _refuse_content(path: Path, promised: str, found: str, start: bytes) -> NoReturn:
    if promised == "NIfTI" and not found and len(start) < START:
        refuse(path, f"it is cut short, {len(start)} bytes are no NIfTI header", "copy or export it again")
    holds = f"it holds {found}" if found else f"it starts with {start[:8]!r}"
    if found in _SUFFIX_OF_CONTENT:
        remedy = f"rename it to end in {_SUFFIX_OF_CONTENT[found]}"
    else:
        remedy = "export it again, or give it the suffix of what it is"
    refuse(path, f"is not a {'gzip-compressed' if promised == 'gzip' else promised} file, {holds}", remedy)
