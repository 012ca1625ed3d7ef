"""What a file is, by its first bytes: names lie, and a message that says what is really there saves an hour."""

from __future__ import annotations

from pathlib import Path

from .problems import refusal

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
        FileNotFoundError: there is no such file.
        OSError: it is a folder, or may not be read.
        VolumeError: it is empty, or holds something else than its suffix says.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path}: is a folder; give one file in it")
    try:
        with path.open("rb") as file:
            start = file.read(352)
            size = path.stat().st_size
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; check the path") from None
    except OSError as error:
        raise type(error)(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
    if not start:
        raise refusal(path, "the file is empty (0 bytes)", "copy or export it again")
    wanted, found = _WANTED[path.suffix.lower()], content_of(start)
    if wanted != found:
        what = f"it holds {found}" if found else f"it starts with {start[:8]!r}"
        if found in _RENAME:
            cure = f"rename it to end in {_RENAME[found]}"
        elif wanted == "NIfTI" and len(start) < 352:
            cure = "it is cut short; copy or export it again"
        else:
            cure = "export it again, or give it the suffix of what it is"
        raise refusal(path, f"not a {'gzip-compressed' if wanted == 'gzip' else wanted} file, {what}", cure)
    return size
