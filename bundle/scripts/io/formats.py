"""File names: which suffixes are read, and what to do about the others."""

from __future__ import annotations

from pathlib import Path

from scripts.core import refuse

# Longest first: `.ome.tif` is also a `.tif`.
_FAMILIES = {
    ".ome.tiff": "tiff",
    ".ome.tif": "tiff",
    ".nii.gz": "nifti",
    ".tiff": "tiff",
    ".tif": "tiff",
    ".nii": "nifti",
    ".npy": "npy",
}

SUFFIXES: tuple[str, ...] = tuple(_FAMILIES)
_MICROSCOPE = "convert it to OME-TIFF with bioformats2raw and raw2ometiff, or in Fiji with File > Save As > OME-TIFF"
_DICOM = "convert the series to NIfTI with dcm2niix"
_MEDICAL = "convert it to .nii.gz with 3D Slicer or SimpleITK"
_ARRAY = "save the array as .npy with numpy.save, or as .tif with tifffile.imwrite"
_PICTURE = "put all slices into one TIFF stack, in Fiji with File > Import > Image Sequence"
_ZARR = "convert it to OME-TIFF with raw2ometiff"

_CURES = {
    _MICROSCOPE: ".czi .nd2 .nd .lif .lsm .oib .oif .oir .vsi .ims .stk .dv .mvd2 .svs .ndpi",
    _DICOM: ".dcm .dicom .ima",
    _MEDICAL: ".mha .mhd .nrrd .nhdr .mgz .mgh .mnc .hdr .img",
    _ARRAY: ".npz .mat .h5 .hdf5",
    _PICTURE: ".png .jpg .jpeg .bmp .gif",
    _ZARR: ".zarr",
}


def split_name(path: str | Path) -> tuple[str, str]:
    """Split a file name into its stem and its suffix, both as spelled: `scan.v2.OME.TIF` -> `scan.v2`, `.OME.TIF`.

    Raises:
        UserError: the suffix is not one of `SUFFIXES`; the message names a converter where there is one.
    """
    name = Path(path).name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    suffix = Path(name).suffix.lower()
    known = " ".join(sorted(SUFFIXES))
    cure = next((cure for cure, suffixes in _CURES.items() if suffix in suffixes.split()), f"give one of {known}")
    wrong = f"files named {suffix} are not read" if suffix else "the name has no suffix that says what the file is"
    refuse(path, wrong, cure)


def file_family(path: str | Path) -> str:
    """`tiff`, `nifti` or `npy`, by suffix alone.

    Raises:
        UserError: as `split_name`.
    """
    return _FAMILIES[split_name(path)[1].lower()]


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
)

_WANTED = {".tif": "TIFF", ".tiff": "TIFF", ".nii": "NIfTI", ".gz": "gzip", ".npy": "NumPy"}
_RENAME = {"TIFF": ".tif", "NIfTI": ".nii", "gzip": ".nii.gz", "NumPy": ".npy"}


def content_of(start: bytes) -> str:
    """Name the content whose first 352 bytes (fewer, if there are no more) are `start`; `""` if unknown."""
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0"):
        return "NIfTI"
    if start[128:132] == b"DICM":
        return "DICOM"
    printable = sum(byte in b"\t\n\r" or 32 <= byte < 127 for byte in start)
    return "text" if start and printable == len(start) else ""


def check_content(path: Path) -> int:
    """Check that `path` is a file, is not empty and is what its suffix says.

    Returns:
        Its length in bytes.

    Raises:
        UserError: there is no such file.
        UserError: it is a folder, or may not be read.
        UserError: it is empty, or holds something else than its suffix says.
    """
    if path.is_dir():
        refuse(path, "is a folder", "give one file in it", OSError)
    try:
        with path.open("rb") as file:
            start = file.read(352)
            size = path.stat().st_size
    except FileNotFoundError:
        refuse(path, "no such file", "check the path", FileNotFoundError)
    except OSError as error:
        refuse(path, f"cannot be opened ({error.strerror})", "check its permissions", OSError)
    if not start:
        refuse(path, "the file is empty (0 bytes)", "copy or export it again")
    wanted, found = _WANTED[path.suffix.lower()], content_of(start)
    if wanted != found:
        what = f"it holds {found}" if found else f"it starts with {start[:8]!r}"
        if found in _RENAME:
            cure = f"rename it to end in {_RENAME[found]}"
        elif wanted == "NIfTI" and len(start) < 352:
            cure = "it is cut short; copy or export it again"
        else:
            cure = "export it again, or give it the suffix of what it is"
        refuse(path, f"not a {'gzip-compressed' if wanted == 'gzip' else wanted} file, {what}", cure)
    return size
