"""Write MONAI Label's results as the command line does; its own writer loses metadata."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import PostFix

from scripts.core import WEIGHTS, refuse
from scripts.io import SUFFIXES, SaveVolumed, split_name

# MONAI Label keeps the image's path under the first key, and sets the second only when a viewer asks for a result; when
# it scores images it uses the result itself
SOURCE, FOR_A_VIEWER = "image_path", "description"
AS_UINT8 = (None, "", "uint8")


class WriteResultd(MapTransform):
    """In MONAI Label, replace the result by a file of the image's format; elsewhere do nothing.

    MONAI Label writes all results with ITK, whose TIFF has neither the distance of slices nor ImageJ's or OME's
    metadata, and whose NIfTI has no shear. With `result_write_to_file` false it writes nothing, and sends the file that
    the result names.

    If a request asks for another suffix (`result_extension`; 3D Slicer asks for `.nrrd`) that this bundle cannot write,
    MONAI Label writes the file. This transform has to be the last of the post-processing.

    Args:
        keys: one key, that of the class indices `(1, X, Y, Z)`.
        provenance: origin of the result, for the file's metadata.
        image_key: key of the image whose metadata is used if the result has none.
    """

    def __init__(
        self, keys: KeysCollection, provenance: Mapping[str, Any] | None = None, image_key: str = "image"
    ) -> None:
        super().__init__(keys)
        self.provenance = provenance
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the file and put its name in the result's place, or return the data unchanged.

        Raises:
            UserError: if the request chose weights that the rest of the config does not know of.
        """
        d = dict(data)
        source = d.get(SOURCE)
        for_a_viewer = isinstance(source, str) and FOR_A_VIEWER in d and not d.get("skip_writer")
        if for_a_viewer:
            self._check_weights(d.get("model_filename"))
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
        # MONAI Label asks every result for its shape, which numpy's string has, and would resize it to the image
        for known in (self.image_key, PostFix.meta(self.image_key)):
            d.pop(known, None)
        return {**d, key: np.str_(path), "result_write_to_file": False}

    def _check_weights(self, chosen: str | Sequence[str] | None) -> None:
        """Refuse a result of other weights than those whose threshold and normalisation were used.

        Only our app hands the choice of a viewer on; any other loads the weights that it names, and tells nobody.
        """
        name = chosen if isinstance(chosen, str) else next(iter(chosen or ()), None)
        used = (self.provenance or {}).get("weights")
        if name and used and name != used and (WEIGHTS.parent / name).is_file():
            refuse(f"model_filename {name}", f"the rest is that of {used}", "use the app that the command label makes")
