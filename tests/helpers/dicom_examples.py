"""Small DICOM series made with pydicom: 5 rows of 7 columns, oblique, LPS."""

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

ROWS_RUN = np.array([0.8, 0.6, 0.0])
COLUMNS_RUN = np.array([0.0, 0.0, -1.0])
NORMAL = np.cross(ROWS_RUN, COLUMNS_RUN)
ORIGIN = np.array([-12.5, 30.0, 7.25])
SPACING = (0.7, 0.5)  # of rows, of columns
STEP = 2.5
SECRET = "Unspeakable^Patient"


def voxels(slices=4, dtype=np.int16, seed=0):
    """(Z, Y, X) as slices are stored."""
    return np.random.default_rng(seed).integers(0, 1000 if np.dtype(dtype).itemsize > 1 else 250, (slices, 5, 7), dtype)


def affine():
    """That of `series`, in RAS."""
    lps = np.eye(4)
    lps[:3, 0], lps[:3, 1], lps[:3, 2] = ROWS_RUN * SPACING[1], COLUMNS_RUN * SPACING[0], NORMAL * STEP
    lps[:3, 3] = ORIGIN
    return np.diag([-1, -1, 1, 1]) @ lps


def header(array, sop_class=CTImageStorage):
    """What a slice, or a multi-frame image, has in common."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.FrameOfReferenceUID = UID("1.2.3"), UID("1.2.3.9")
    ds.SeriesInstanceUID, ds.SeriesNumber = UID("1.2.3.4"), 2
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = SECRET, "0815", "19000101", "O"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20240101", "101010", "1", ""
    ds.ReferringPhysicianName, ds.Modality, ds.Manufacturer = "", "CT", "nobody"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *array.shape[-2:], 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * array.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(array.dtype.kind == "i")
    ds.PixelData = array.tobytes()
    ds["PixelData"].VR = "OW" if array.itemsize > 1 else "OB"
    return ds


def series(folder, array=None, at=None, change=None, **tags):
    """Write a series; its files are not in the order of the slices.

    Args:
        folder: made.
        array: (Z, Y, X).
        at: where each slice lies along the normal, in mm.
        change: called with each dataset and its number.
        tags: of all slices.
    """
    array = voxels() if array is None else array
    at = STEP * np.arange(len(array)) if at is None else at
    folder.mkdir(parents=True, exist_ok=True)
    for number, (plane, along) in enumerate(zip(array, at, strict=True)):
        ds = header(plane)
        ds.InstanceNumber = number + 1
        ds.ImageOrientationPatient = [*ROWS_RUN, *COLUMNS_RUN]
        ds.ImagePositionPatient = [float(f"{value:.9g}") for value in ORIGIN + along * NORMAL]
        ds.PixelSpacing, ds.SliceThickness = list(SPACING), 9.0  # which is not how far they are apart
        for name, value in tags.items():
            setattr(ds, name, value)
        if change is not None:
            change(ds, number)
        ds.save_as(folder / f"IM{(number * 3 + 1) % 10}{number}", enforce_file_format=True)
    return folder


def multiframe(path, array=None, order=None):
    """Write an enhanced image whose frames are stored in another order than they lie."""
    array = voxels() if array is None else array
    order = np.arange(len(array))[::-1] if order is None else order
    ds = header(array[order], EnhancedMRImageStorage)
    ds.Modality, ds.NumberOfFrames = "MR", len(array)
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = list(SPACING), 9.0
    orientation.ImageOrientationPatient = [*ROWS_RUN, *COLUMNS_RUN]
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for z in order:
        position, content, frame = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [float(f"{value:.9g}") for value in ORIGIN + z * STEP * NORMAL]
        content.DimensionIndexValues, content.StackID, content.InStackPositionNumber = [1, int(z) + 1], "1", int(z) + 1
        frame.PlanePositionSequence, frame.FrameContentSequence = Sequence([position]), Sequence([content])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.save_as(path, enforce_file_format=True)
    return path
