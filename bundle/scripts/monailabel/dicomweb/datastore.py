"""The images of a DICOMweb server for MONAI Label: its series, and what persons stored.

MONAI Label's own lists CT alone, converts with other programs than this bundle does, and takes any segmentation for a
label. Here the bundle's reader and writer do, so that a series is understood, or refused, as by `tubenet segment`.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
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
from .catalogue import Catalogue
from .label import NOT_DONE, label_of
from .series import Segmentation

logger = logging.getLogger(__name__)

_EXTENSION = ".nii.gz"
_REMEDY = "store it complete on the server, one volume a series, or choose another series"
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
        self._left_out: dict[str, str] = {}  # the segmentation of an image that is no label of it
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)  # of each image, while it is fetched
        self._listing = threading.RLock()  # while the list of what is kept here changes
        client = DICOMwebClientX(
            url=address.rstrip("/"),
            session=new_session() if environment is None else new_session(environment),
            qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
            wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
            stow_url_prefix=settings.MONAI_LABEL_STOW_PREFIX,
        )
        client.set_http_retry_params(retry=False)
        self._client = client
        self._catalogue = Catalogue(client, self.name())
        kept = settings.MONAI_LABEL_DICOMWEB_CACHE_PATH.strip() or str(Path.home() / ".cache" / "tubenet" / "dicomweb")
        # not DICOMWebDatastore's, which watches the folder and would list files before they are complete
        folder = Path(kept).expanduser() / md5_digest(client.base_url)
        make_private(folder)
        LocalDatastore.__init__(self, str(folder), extensions=(f"*{_EXTENSION}",))

    def name(self) -> str:
        """Return the address of the server."""
        return str(self._client.base_url)

    def list_images(self) -> list[str]:
        """Return the series of every modality that holds volumes."""
        self._catalogue.ask()
        for image in [image for image in self.refused if self._changed(image)]:
            self.refused.pop(image, None)
        return list(self._catalogue.known)

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the images of which a person stored a label, as far as is known."""
        found = self._catalogue.corrections()
        return [image for image, each in found.items() if self._left_out.get(image) != each.instance]

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """Return the images that have no label, without series that turned out to be no volume."""
        images = self.list_images()
        left_out = {*self.get_labeled_images(), *self.refused}
        return [image for image in images if image not in left_out]

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Return what viewers show of an image."""
        return {**self._catalogue.known.get(image_id, {}), **super().get_image_info(image_id)}

    def get_image_uri(self, image_id: str) -> str:
        """Return the path of an image as NIfTI, downloaded before if need be.

        Beside it stands the folder of its slices. A series that has grown or shrunk since is downloaded again.

        Raises:
            UserError: for a series that is no volume, and where the server fails.
        """
        check_plain_name("image", image_id)
        self.list_images()
        if (about := self._catalogue.known.get(image_id)) is None:
            raise ImageNotFoundException(f"Image {image_id} not found")
        folder = self._folder(image_id)
        volume = folder.with_name(f"{image_id}{_EXTENSION}")
        with self._locks[image_id]:
            if self._changed(image_id):
                logger.info("%s: the server has another number of images than before", image_id)
                self._forget(image_id)
            if not folder.is_dir():
                self._download(about["StudyInstanceUID"], image_id, folder)
            if not volume.is_file():
                self._convert(image_id, folder, volume)
            if image_id not in self._datastore.objects:
                about = {**about, "ts": int(time.time()), "name": volume.name}
                with self._listing:
                    self._datastore.objects[image_id] = ImageLabelModel(image=DataModel(info=about, ext=_EXTENSION))
                    self._update_datastore_file()
        return str(volume)

    def _folder(self, image: str) -> Path:
        return Path(self._datastore.image_path()).resolve() / image

    def _changed(self, image: str) -> bool:
        """Whether the server tells of another number of slices than lie here."""
        count, folder = self._catalogue.counts.get(image, 0), self._folder(image)
        return bool(count) and folder.is_dir() and len(list(folder.iterdir())) != count

    def _forget(self, image: str) -> None:
        """Remove what was made of a series that is no longer the same."""
        folder = self._folder(image)
        known = self._datastore.objects.get(image)
        for tag in list(known.labels) if known else []:
            self._drop(image, tag)
        folder.with_name(f"{image}{_EXTENSION}").unlink(missing_ok=True)
        shutil.rmtree(folder)
        self.refused.pop(image, None)
        self._left_out.pop(image, None)

    def _convert(self, image: str, folder: Path, volume: Path) -> None:
        try:
            info, voxels = read_volume(folder)
        except UserError as error:
            if isinstance(error, OSError | MemoryError):
                raise
            # the folder is none of the user's, who knows the series and the server
            problem, _, remedy = str(error).replace(str(folder), f"series {image}").rpartition("; ")
            self.refused[image] = f"{problem}; {remedy if 'pip install' in remedy else _REMEDY}"
            raise UserError(self.refused[image]) from error
        kept = voxels if voxels.dtype in (np.uint8, np.uint16) else voxels.astype(np.float32)
        write_volume(volume, kept, affine=info.affine, unit="mm")

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
            self._catalogue.forget()
        with self._listing:
            return LocalDatastore.save_label(self, image_id, label_filename, label_tag, label_info)

    def _download(self, study: str, series: str, folder: Path, instance: str = "") -> None:
        """Download a series, or one object of it, into a folder that is whole or not there."""
        with answering(self.name()):
            if instance:
                found = [self._client.retrieve_instance(study, series, instance, media_types=_AS_STORED)]
            else:
                found = self._client.retrieve_series(study, series, media_types=_AS_STORED)
        if not instance and len(found) < (count := self._catalogue.counts.get(series, 0)):
            problem = f"the server sends {len(found)} of its {count} images"
            refuse(f"series {series}", problem, "try again, or look into the server's log", OSError)
        with whole_folder(folder) as unfinished:
            for dataset in found:
                check_plain_name("instance", str(dataset.SOPInstanceUID))
                dataset.save_as(unfinished / f"{dataset.SOPInstanceUID}.dcm")

    def _download_labeled_data(self) -> None:
        """Bring the labels here up to date, before they are listed for a training."""
        wanted = self._catalogue.corrections()
        for image in [image for image in LocalDatastore.get_labeled_images(self) if image not in wanted]:
            self._drop(image)
        for image, segmentation in wanted.items():
            try:
                with self._locks[image]:
                    self._update_label(image, segmentation)
                self._left_out.pop(image, None)
            except UserError as error:  # of one image; the others go on
                logger.error("%s: left out: %s", image, error)
                self._drop(image)
                if not isinstance(error, OSError | MemoryError):  # which may pass
                    self._left_out[image] = segmentation.instance

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
            with self._listing:
                LocalDatastore.save_label(self, image, str(path), DefaultLabelTag.FINAL, about)

    def _drop(self, image: str, tag: str = DefaultLabelTag.FINAL) -> None:
        with self._listing:
            if path := LocalDatastore.get_label_uri(self, image, tag):
                Path(path).unlink(missing_ok=True)
                self._datastore.objects[image].labels.pop(tag, None)
                self._update_datastore_file()


def make_private(folder: Path) -> None:
    """Make a folder that nobody else can look into, for images of patients.

    Raises:
        UserError: if it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        remedy = "choose another folder by MONAI_LABEL_DICOMWEB_CACHE_PATH"
        refuse(folder, f"cannot be written to ({error.strerror})", remedy, OSError)


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
