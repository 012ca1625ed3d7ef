"""Scans as hospitals have them: tubes of known place in series of many directions, kinds and encodings."""

import numpy as np
from pydicom.uid import UID, CTImageStorage, MRImageStorage, generate_uid

from tests.helpers.dicom_examples import series

AXIAL = (1, 0, 0), (0, 1, 0)
SAGITTAL = (0, 1, 0), (0, 0, -1)
CORONAL = (1, 0, 0), (0, 0, -1)
OBLIQUE = (0.8, 0.6, 0), (0.36, -0.48, -0.8)
SIZE = (24, 48, 40)  # slices, rows, columns


def tubes(shape=SIZE, seed=0):
    """(Z, Y, X), 0 to 1: two bright tubes that cross the volume, on a dark ground with noise."""
    z, y, x = np.indices(shape).astype(float)
    depth, height, width = shape
    first = np.hypot(y - height * (0.3 + 0.4 * z / depth), x - width * 0.35)
    second = np.hypot(z - depth * 0.5, x - width * (0.8 - 0.4 * y / height))
    clean = np.exp(-((np.minimum(first, second) / 2.0) ** 2))
    return np.clip(clean + np.random.default_rng(seed).normal(0.1, 0.05, shape), 0, 1)


def scan(
    folder, array=None, runs=AXIAL, spacing=(0.7, 0.6), step=1.2, modality="MR", series_uid=None, change=None, **tags
):
    """Write a series whose rows and columns run as said, and return its folder."""
    array = np.round(tubes() * 1000).astype(np.int16) if array is None else array
    rows_run, columns_run = (np.array(run, float) for run in runs)
    normal = np.cross(rows_run, columns_run)
    mine = {
        "Modality": modality,
        "SeriesInstanceUID": UID(series_uid or generate_uid()),
        "PixelSpacing": list(spacing),
        "ImageOrientationPatient": [*rows_run, *columns_run],
        **tags,
    }

    def place(ds, number):
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage if modality == "CT" else MRImageStorage
        ds.ImagePositionPatient = [float(f"{value:.9g}") for value in (-20, 15, 30) + number * step * normal]
        if change is not None:
            change(ds, number)

    return series(folder, array, change=place, **mine)
