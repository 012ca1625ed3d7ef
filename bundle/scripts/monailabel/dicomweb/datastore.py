"""The images of a DICOMweb server for MONAI Label: its series, and what persons stored.

MONAI Label's own lists CT alone, converts with other programs than this bundle does, and takes any segmentation for a
label. Here the bundle's reader and writer do, so that a series is understood, or refused, as by `tubenet segment`.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.config import settings
from monailabel.datastore.dicom import DICOMwebClientX, DICOMWebDatastore
from monailabel.datastore.local import DataModel, ImageLabelModel, LocalDatastore
from monailabel.datastore.utils.dicom import dicom_web_upload_dcm
from monailabel.interfaces.datastore import DefaultLabelTag
from monailabel.interfaces.exception import ImageNotFoundException
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.others.generic import md5_digest

from scripts.core import UNLABELLED, UserError, refuse, same_grid, whole_folder
from scripts.io import CORRECTED, read_header, read_segments, read_volume, write_volume

from ..request import check_plain_name
from .access import answering, new_session
from .label import NOT_DONE, label_of
from .series import FIELDS, MODALITIES, Segmentation, corrections, info_of, segmentation_of

logger = logging.getLogger(__name__)

MAX_AGE = 10.0  # seconds for which a list is not asked for again: one page asks several times
_EXTENSION = ".nii.gz"
_AS_STORED = (("application/dicom", "*"),)  # so that this bundle decompresses, whatever the server can


class DicomDatastore(DICOMWebDatastore):
    """The series of a DICOMweb server, and the segmentations that persons stored there.

    Args:
        address: the root of the server's services.
        names: of the classes, background first.
        environment: variables with user and password, or a token, where not this process's.
    """

    def __init__(self, address: str, names: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.names = names
        self.refused: dict[str, str] = {}  # why a series is no volume
        self._known: dict[str, dict[str, str]] = {}
        self._segmentations: dict[str, list[Segmentation]] = {}
        self._asked = -MAX_AGE
        client = DICOMwebClientX(
            url=address.rstrip("/"),
            session=new_session() if environment is None else new_session(environment),
            qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
            wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
            stow_url_prefix=settings.MONAI_LABEL_STOW_PREFIX,
        )
        client.set_http_retry_params(retry=False)
        self._client = client
        kept = settings.MONAI_LABEL_DICOMWEB_CACHE_PATH.strip() or str(Path.home() / ".cache" / "tubenet" / "dicomweb")
        # not DICOMWebDatastore's, which watches the folder and would list files before they are complete
        LocalDatastore.__init__(self, str(Path(kept) / md5_digest(client.base_url)), extensions=(f"*{_EXTENSION}",))

    def name(self) -> str:
        """Return the address of the server."""
        return str(self._client.base_url)

    def list_images(self) -> list[str]:
        """Return the series of every modality that holds volumes."""
        self._ask()
        return list(self._known)

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the images of which a person stored a segmentation."""
        return list(self._corrections())

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the images that have no label, without series that turned out to be no volume."""
        left_out = {*self._corrections(), *self.refused}
        return [image for image in self.list_images() if image not in left_out]

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what viewers show of an image."""
        return {**self._known.get(image_id, {}), **super().get_image_info(image_id)}

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of an image as NIfTI, downloaded before if need be.

        Beside it stands the folder of its slices.

        Raises:
            UserError: for a series that is no volume, and where the server fails.
        """
        check_plain_name("image", image_id)
        if image_id not in self.list_images():
            raise ImageNotFoundException(f"Image {image_id} not found")
        folder = Path(self._datastore.image_path()).resolve() / image_id
        volume = folder.with_name(f"{image_id}{_EXTENSION}")
        if not folder.is_dir():
            self._download(self._known[image_id]["StudyInstanceUID"], image_id, folder)
        if not volume.is_file():
            try:
                info, voxels = read_volume(folder)
            except UserError as error:
                if not isinstance(error, OSError | MemoryError):
                    self.refused[image_id] = str(error)
                raise
            kept = voxels if voxels.dtype in (np.uint8, np.uint16) else voxels.astype(np.float32)
            write_volume(volume, kept, affine=info.affine, unit="mm")
        if image_id not in self._datastore.objects:
            about = {**self._known[image_id], "ts": int(time.time()), "name": volume.name}
            self._datastore.objects[image_id] = ImageLabelModel(image=DataModel(info=about, ext=_EXTENSION))
            self._update_datastore_file()
        return str(volume)

    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str:
        """Return the path of a label that is kept here."""
        return LocalDatastore.get_label_uri(self, label_id, label_tag)

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], label_id: str = ""
    ) -> str:
        """Keep a label, and store a final one on the server as a segmentation that a person made.

        Raises:
            UserError: for a label that does not lie on the voxels of its image, and where the server fails.
        """
        folder = Path(self.get_image_uri(image_id)).with_name(image_id)
        if label_filename.endswith(".bin"):
            refuse("label.bin", "does not say where its voxels lie", "send .nii.gz")
        if label_tag == DefaultLabelTag.FINAL:
            with tempfile.TemporaryDirectory() as scratch:
                segmentation = Path(scratch) / "label.dcm"
                write_segmentation(segmentation, Path(label_filename), folder, self.names, corrected=True)
                with answering(self.name()):
                    dicom_web_upload_dcm(str(segmentation), self._client)
            self._asked = -MAX_AGE
        return LocalDatastore.save_label(self, image_id, label_filename, label_tag, label_info)

    def _ask(self) -> None:
        """Ask for series and segmentations, unless that was just done."""
        if time.monotonic() - self._asked < MAX_AGE:
            return
        chosen = settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER
        filters = [chosen] if chosen else [{"Modality": modality} for modality in MODALITIES]
        with answering(self.name()):
            found = [each for wanted in filters for each in self._series(wanted)]
            stored = {each["SeriesInstanceUID"]: each for each in map(info_of, self._series({"Modality": "SEG"}))}
            for series in set(stored) - set(self._segmentations):  # what is stored does not change
                headers = self._client.retrieve_series_metadata(stored[series]["StudyInstanceUID"], series)
                self._segmentations[series] = [segmentation_of(header) for header in headers]
        self._segmentations = {series: self._segmentations[series] for series in stored}
        self._known = {info["SeriesInstanceUID"]: info for info in map(info_of, found)}
        self._asked = time.monotonic()

    def _series(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._client.search_for_series(search_filters=dict(wanted), fields=list(FIELDS.values()))

    def _corrections(self) -> dict[str, Segmentation]:
        self._ask()
        return corrections(
            (each for of_series in self._segmentations.values() for each in of_series), list(self._known)
        )

    def _download(self, study: str, series: str, folder: Path, instance: str = "") -> None:
        """Download a series, or one object of it, into a folder that is whole or not there."""
        with answering(self.name()):
            if instance:
                found = [self._client.retrieve_instance(study, series, instance, media_types=_AS_STORED)]
            else:
                found = self._client.retrieve_series(study, series, media_types=_AS_STORED)
        with whole_folder(folder) as unfinished:
            for dataset in found:
                check_plain_name("instance", str(dataset.SOPInstanceUID))
                dataset.save_as(unfinished / f"{dataset.SOPInstanceUID}.dcm")

    def _download_labeled_data(self) -> None:
        """Bring the labels here up to date, before they are listed for a training."""
        wanted = self._corrections()
        for image in [image for image in LocalDatastore.get_labeled_images(self) if image not in wanted]:
            self._drop(image)
        for image, segmentation in wanted.items():
            try:
                self._update_label(image, segmentation)
            except UserError as error:  # of one image; the others go on
                logger.error("%s: left out: %s", image, error)
                self._drop(image)

    def _update_label(self, image: str, segmentation: Segmentation) -> None:
        volume = self.get_image_uri(image)
        known = self._datastore.label(image, DefaultLabelTag.FINAL)
        if known is not None and known.info.get("SOPInstanceUID") == segmentation.instance:
            return
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "segmentation"
            self._download(segmentation.study, segmentation.series, folder, segmentation.instance)
            (file,) = folder.iterdir()
            info = read_header(Path(volume).with_name(image))
            label = label_of(file, read_segments(file, info), self.names)
            path = write_volume(Path(scratch) / f"{image}{_EXTENSION}", label, affine=info.affine, unit="mm")
            about = {"SOPInstanceUID": segmentation.instance, "SeriesInstanceUID": segmentation.series}
            LocalDatastore.save_label(self, image, str(path), DefaultLabelTag.FINAL, about)

    def _drop(self, image: str) -> None:
        if path := LocalDatastore.get_label_uri(self, image, DefaultLabelTag.FINAL):
            Path(path).unlink(missing_ok=True)
            self._datastore.objects[image].labels.pop(DefaultLabelTag.FINAL, None)
            self._update_datastore_file()


def dicom_seg(series_dir: str, label: str, label_info: Any = None, **_: Any) -> str:
    """Write a result as a DICOM segmentation, for MONAI Label's endpoint, and return its path.

    The names of classes that a request gives (`label_info`) are not used: they are the weights'.
    """
    handle, path = tempfile.mkstemp(suffix=".dcm")
    os.close(handle)
    write_segmentation(Path(path), Path(label), Path(series_dir), app_instance().datastore().names)
    return path


def write_segmentation(path: Path, label: Path, slices: Path, names: Sequence[str], corrected: bool = False) -> None:
    """Write a label as a DICOM segmentation of the slices that it lies on.

    Args:
        path: the segmentation, `.dcm`.
        label: a volume of classes; -1 is what is not labelled, and becomes a segment of that name.
        slices: the folder of the image's series.
        names: of the classes, background first.
        corrected: whether a person made or corrected it.

    Raises:
        UserError: for a label that does not lie on the voxels of the slices, or cannot be read.
    """
    image = read_header(slices)
    info, voxels = read_volume(label)
    if info.shape != image.shape or not same_grid(info.affine, image.affine, image.shape):
        refuse(label, f"lies on other voxels than {slices.name}", "export it on the voxels of its image")
    classes, names = voxels.astype(np.int32), list(names)  # (X, Y, Z)
    if len(names) == 2:
        classes[classes > 0] = 1  # whatever value stands for vessel
    if (classes == UNLABELLED).any():
        names.append(NOT_DONE[0])
        classes[classes == UNLABELLED] = len(names) - 1
    if classes.min() < 0 or classes.max() >= len(names):
        refuse(label, f"holds other values than {UNLABELLED} to {len(names) - 1}", "give numbers of classes")
    provenance = {**info.provenance, CORRECTED: True} if corrected else info.provenance
    write_volume(path, classes.astype(np.uint8), like=image, provenance=provenance, label_names=names)
