"""What is fuzzed, by name."""

from . import documents, intensities, keras, nifti, npy, resuming, tiff, weights, words

TARGETS = {
    "tiff": tiff.make,
    "nifti": nifti.make,
    "npy": npy.make,
    "weights": weights.make,
    "keras": keras.make,
    "resume": resuming.make,
    "dataset": documents.dataset,
    "args_file": documents.args_file,
    "overlay": documents.overlay,
    "region": words.region,
    "option": words.option,
    "file_name": words.file_name,
    "image": intensities.image,
    "label": intensities.label,
}
"""Functions of a random generator and an empty folder that write an input and return a `Case`."""

SLOW = {"keras", "resume", "weights"}
"""Those whose cases take some hundredths of a second each, and of which fewer are tried."""


def share(name, cases):
    """Return how many of so many cases are tried of a target."""
    return max(1, cases // 4) if name in SLOW else cases
