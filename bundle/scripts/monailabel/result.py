"""The file that MONAI Label sends: written as the command line writes it, where MONAI Label's own writer would not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import PostFix

from scripts.io import SUFFIXES, SaveVolumed, split_name

# MONAI Label puts the path there before the image takes its place, and the description where a viewer has asked; it
# has not where MONAI Label scores images, and then looks at the result itself
SOURCE, FOR_A_VIEWER = "image_path", "description"
AS_UINT8 = (None, "", "uint8")


class WriteResultd(MapTransform):
    """In MONAI Label, write the result as a file of the image's kind and hand that over; elsewhere do nothing.

    MONAI Label writes all results with ITK, whose TIFF has neither the distance of slices nor ImageJ's or OME's
    metadata, and whose NIfTI has no shear. It does not write where it is told that a result is not to be written
    (`result_write_to_file`), and then sends the file that the result names.

    A request for another suffix (`result_extension`; 3D Slicer asks for `.nrrd`) is left to it, unless this bundle
    writes that suffix too.

    Args:
        keys: of class indices `(1, X, Y, Z)`, one key; last in the post-processing.
        provenance: said in the file's metadata.
        image_key: whose metadata counts where the result carries none.
    """

    def __init__(
        self, keys: KeysCollection, provenance: Mapping[str, Any] | None = None, image_key: str = "image"
    ) -> None:
        super().__init__(keys)
        self.provenance = provenance
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the file and put its name in the result's place, or return the data unchanged."""
        d = dict(data)
        source = d.get(SOURCE)
        for_a_viewer = isinstance(source, str) and FOR_A_VIEWER in d and not d.get("skip_writer")
        if not for_a_viewer or d.get("result_dtype") not in AS_UINT8:
            return d
        suffix = "." + str(d.get("result_extension") or split_name(source)[1]).lstrip(".")
        if suffix.lower() not in SUFFIXES:
            return d
        (key,) = self.key_iterator(d)
        handle, path = tempfile.mkstemp(suffix=suffix)
        os.close(handle)
        try:
            save = SaveVolumed(key, image_key=self.image_key, provenance=self.provenance)
            save.write(Path(path), d, key)
        except BaseException:
            Path(path).unlink()
            raise
        # MONAI Label asks every result for its shape, which numpy's string has, and would resize it to the image's
        for known in (self.image_key, PostFix.meta(self.image_key)):
            d.pop(known, None)
        return {**d, key: np.str_(path), "result_write_to_file": False}
