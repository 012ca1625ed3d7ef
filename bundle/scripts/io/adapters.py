"""This package inside MONAI's pipelines: `VolumeReader` begins one, `SaveVolumed` ends it."""

from __future__ import annotations

import logging
import os
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection, PathLike
from monai.data import ImageReader, MetaTensor
from monai.data.nvimgcodec_pydicom_plugin import is_nvimgcodec_available
from monai.transforms import SUPPORTED_READERS, SaveImaged

from scripts.core import UserError, is_part, read_channel, refuse, same_grid

from .axes import of_label
from .formats import file_family, result_name
from .reader import level_of_label, read_volume
from .volume import RANGE_KEY, SOURCE_KEY
from .writer import write_volume

logger = logging.getLogger(__name__)


class VolumeReader(ImageReader):
    """Let MONAI's `LoadImaged` read every kind of file that this package reads.

    `LoadImaged("image", reader=VolumeReader(), ensure_channel_first=True)` gives a `MetaTensor` `(1, X, Y, Z)` with the
    metadata of `VolumeInfo.meta`. It is float32, which spoils large whole numbers, or of the file's own type with
    `dtype=None`.

    A stated `intensity_range` that voxels of the file's type cannot have is that of a file since converted. It is left
    out, with a warning.

    Args:
        channel: as in `read_header`, or the same as text.
        label: whether it reads labels, whose channel is `of_label(channel)` and level `level_of_label`'s.
        level: as in `read_header`.

    Raises:
        UserError: for what is no channel.
    """

    def __init__(self, channel: int | str | None = None, label: bool = False, level: int = 0) -> None:
        """Store what to read."""
        super().__init__()
        _leave_out_unusable_reader()
        self.channel = of_label(channel) if label else read_channel(channel)
        self.label, self.level = label, level

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Tell whether a file, or each of several, has a suffix that is read."""
        try:
            return bool([file_family(name) for name in _as_list(filename)])
        except UserError:
            return False

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> list[Path]:
        """Only return the paths; `get_data` opens the file.

        Where `read` raises, MONAI's `LoadImage` tries its other readers, one of which returns the first page of a TIFF
        without a word. What `get_data` raises reaches the user.
        """
        return [Path(name) for name in _as_list(data)]

    def get_data(self, img: Sequence[Path]) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the voxels `(X, Y, Z)` and the metadata of the one file that `read` was given.

        Raises:
            UserError: as `read_volume`; also for more than one file.
        """
        if len(img) != 1:
            refuse(img[0] if img else "the image", f"{len(img)} files are given as one image", "give one file for it")
        level = level_of_label(img[0], self.level) if self.label else self.level
        info, voxels = read_volume(img[0], self.channel, level)
        meta = info.meta()
        if info.usable_range() is None:
            meta.pop(RANGE_KEY, None)
        return _as_torch_has_it(info.path, voxels), meta


def _leave_out_unusable_reader() -> None:
    """Take one reader out of MONAI's own, all of which `LoadImage` makes beside ours.

    Where pydicom is installed and NVIDIA's decoder is not, it warns of that in two lines for each `LoadImage`.
    """
    if not is_nvimgcodec_available():
        SUPPORTED_READERS.pop("nvimgcodecpydicomreader", None)


def _as_torch_has_it(path: Path, voxels: np.ndarray) -> np.ndarray:
    """Convert the types that PyTorch, or MONAI with it, lacks or would wrap around."""
    if voxels.dtype == bool:
        return voxels.view(np.uint8)
    if voxels.dtype.kind == "f" and voxels.dtype.itemsize > np.dtype(np.float64).itemsize:
        return voxels.astype(np.float64)
    if voxels.dtype == np.uint64 and voxels.max() > np.iinfo(np.int64).max:
        refuse(path, f"holds {voxels.max()}, which is beyond 64 bits with a sign", "save it as uint32 or as floats")
    return voxels


def _as_list(names: Sequence[PathLike] | PathLike) -> list[PathLike]:
    return [names] if isinstance(names, str | os.PathLike) else list(names)


class SaveVolumed(SaveImaged):
    """Write each result as a file of the same kind as the image it was made from.

    The file is `output_dir/NAME_POSTFIX.EXT`, as `result_name` calls it, as a rule with the image's EXT. This is a
    subclass of MONAI's `SaveImaged` because MONAI Label, which sends results over the network instead, removes
    `SaveImaged` transforms from a bundle's post-processing.

    Args:
        keys: keys of the results, each `(C, X, Y, Z)` and on the grid of its input (put `Invertd` before this). A
            single channel is written as a volume, several as channels.
        output_dir: created if it does not exist; call `check_writable` to find out early whether that is possible.
        output_postfix: `seg`, `prob`, ...; it may not be empty if the result would then overwrite the input.
        output_dtype: `uint8`, `uint16` or `float32`, or numpy's types. A value that it cannot hold is an error.
        provenance: names and values that are stored in each file's metadata, as they are when it is written.
        image_key: key of the image, whose metadata is used where the result carries none.
        allow_missing_keys: whether a key may be absent.
        label_names: names of the classes, background first, for files that keep them.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | os.PathLike[str] = "./",
        output_postfix: str = "seg",
        output_dtype: Any = np.uint8,
        provenance: Mapping[str, Any] | None = None,
        image_key: str = "image",
        allow_missing_keys: bool = False,
        label_names: Sequence[str] | None = None,
    ) -> None:
        """Store where and how to write."""
        super().__init__(
            keys, output_dir=Path(output_dir), output_postfix=output_postfix, allow_missing_keys=allow_missing_keys
        )
        self.output_dir = Path(output_dir)
        self.output_postfix = output_postfix
        self.output_dtype = np.dtype(output_dtype)
        self.provenance = provenance or {}
        self.image_key = image_key
        self.label_names = None if label_names is None else list(label_names)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the result under each key and return the data unchanged.

        Raises:
            UserError: for a result that does not lie on the grid of its input, does not fit `output_dtype`, carries no
                metadata of its input, or cannot be written.
        """
        d = dict(data)
        for key in self.key_iterator(d):
            path = self.output_path(Path(str(self._meta(d, key)["filename_or_obj"])))
            self.write(path, d, key)
            # what is soon removed interests nobody
            logger.log(logging.DEBUG if is_part(path) else logging.INFO, "wrote %s", path)
        return d

    def write(self, path: Path, data: Mapping[Hashable, Any], key: Hashable) -> None:
        """Write the result under `key` to `path`.

        Raises:
            UserError: as `__call__`.
        """
        like = _on_input_grid(path, data[key], self._meta(data, key))
        array = _cast(path, _without_single_channel(path, data[key]), self.output_dtype)
        write_volume(path, array, like, provenance=self.provenance, label_names=self.label_names)

    def _meta(self, data: Mapping[Hashable, Any], key: Hashable) -> Mapping[str, Any]:
        for candidate in (data[key], data.get(self.image_key)):
            meta = getattr(candidate, "meta", {})
            if SOURCE_KEY in meta and "filename_or_obj" in meta:
                return meta
        problem = "it carries no metadata of the image it was made from"
        refuse(str(key), problem, "load the image with reader=VolumeReader() and keep MetaTensors")

    def output_path(self, image: Path) -> Path:
        """Return the path of the result of an image.

        Raises:
            UserError: if it is that of the image itself.
        """
        path = self.output_dir / result_name(image, self.output_postfix, self.output_dtype.kind in "bui")
        if image.is_dir() and image.resolve() == self.output_dir.resolve():
            refuse(path, "the result would lie among the slices of its input", "choose another --output_dir")
        if path.resolve() == image.resolve():
            refuse(path, "the result would overwrite its input", "choose another --output_dir")
        return path


def _on_input_grid(path: Path, result: Any, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata with the input's own affine, or refuse a result that lies elsewhere."""
    shape = tuple(int(length) for length in np.asarray(meta["spatial_shape"]))
    original = np.asarray(meta["original_affine"], dtype=np.float64)
    affine = np.asarray(result.affine if isinstance(result, MetaTensor) else original, dtype=np.float64)
    # half a voxel, because a resampling and its inverse may round the affine; the shape has to agree exactly
    if tuple(result.shape[-3:]) != shape or not same_grid(affine, original, shape, tolerance=0.5):
        problem = f"the result, shape {tuple(result.shape[-3:])}, is not on the grid of its input, shape {shape}"
        refuse(path, problem, "put Invertd before SaveVolumed")
    return {**meta, "affine": original, "original_affine": original}


def _without_single_channel(path: Path, result: Any) -> np.ndarray:
    array = result.detach().cpu().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)
    if array.ndim != 4:
        refuse(path, f"the result has shape {array.shape}", "give (C, X, Y, Z)")
    return array[0] if len(array) == 1 else array  # (X, Y, Z) or (C, X, Y, Z)


def _cast(path: Path, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert an array to `dtype`, or refuse where that does more to a value than round a float."""
    if array.dtype == dtype:
        return array
    with np.errstate(invalid="ignore", over="ignore"):  # the comparison below finds what the cast spoils
        cast = array.astype(dtype)
        exact = np.array_equal(cast, array) if dtype.kind in "bui" or array.dtype.kind in "bui" else True
    if not exact:
        problem = f"values from {array.min()} to {array.max()} do not fit {dtype}"
        refuse(path, problem, "threshold first, or choose another output_dtype")
    return cast


def name_of(array: Any) -> str:
    """Return the file, or a batch's files, that an array was read from; `volume` if unknown."""
    named = array.meta.get("filename_or_obj", "volume") if isinstance(array, MetaTensor) else "volume"
    return ", ".join(map(str, named)) if isinstance(named, list | tuple) else str(named)
