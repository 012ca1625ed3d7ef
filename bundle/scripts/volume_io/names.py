"""File names: which suffixes are read, and what to do about the others."""

from __future__ import annotations

from pathlib import Path

from .problems import refusal

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
        VolumeError: the suffix is not one of `SUFFIXES`; the message names a converter where there is one.
    """
    name = Path(path).name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    suffix = Path(name).suffix.lower()
    known = " ".join(sorted(SUFFIXES))
    cure = next((cure for cure, suffixes in _CURES.items() if suffix in suffixes.split()), f"give one of {known}")
    wrong = f"files named {suffix} are not read" if suffix else "the name has no suffix that says what the file is"
    raise refusal(path, wrong, cure)


def file_family(path: str | Path) -> str:
    """`tiff`, `nifti` or `npy`, by suffix alone.

    Raises:
        VolumeError: as `split_name`.
    """
    return _FAMILIES[split_name(path)[1].lower()]
