"""The app that MONAI Label loads: this bundle, each value of a request checked first."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import monailabel
from monailabel.config import settings
from monailabel.datastore.local import LocalDatastore
from monailabel.interfaces.app import MONAILabelApp
from monailabel.tasks.activelearning.first import First
from monailabel.tasks.activelearning.random import Random
from monailabel.tasks.infer.bundle import BundleConstants, BundleInferTask
from monailabel.tasks.train.bundle import BundleTrainTask

from scripts.core import UserError, class_names, is_refusal, one_line, read_json, refuse

from .dicomweb import DATASTORE
from .dicomweb.datastore import DicomDatastore
from .request import BATCH, MODEL, TRAIN, check_inside, check_options, check_plain_name, check_training, shown
from .strategy import MostUnsure

logger = logging.getLogger(__name__)


class OurConstants(BundleConstants):
    """Where MONAI Label finds what it needs in `inference.json`."""

    def key_displayable_configs(self) -> Sequence[str]:
        """Name the key of the options that viewers show, which only this app knows."""
        return ["request_options"]


class TubeNetApp(MONAILabelApp):
    """MONAI Label's app for bundles, with this bundle alone."""

    guarded = False  # set by our server

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        self.bundle = str(Path(app_dir) / "model" / MODEL)
        name = f"MONAILabel - Zoo/Bundle ({monailabel.__version__})"
        super().__init__(app_dir, studies, dict(conf), name=name, description=MODEL, version=monailabel.__version__)

    def server_mode(self, mode: bool) -> None:
        """Refuse to run in MONAI Label's own server, which any web page could use."""
        if mode and not self.guarded:
            refuse(self.app_dir, "is not for MONAI Label's own server", "start it by python -m scripts label --app")
        super().server_mode(mode)

    def init_infers(self) -> dict[str, BundleInferTask]:
        """Return what segments."""
        return {MODEL: BundleInferTask(self.bundle, self.conf, const=OurConstants())}

    def init_trainers(self) -> dict[str, BundleTrainTask]:
        """Return what trains."""
        return {MODEL: BundleTrainTask(self.bundle, self.conf)}

    def init_strategies(self) -> dict[str, Any]:
        """Return what chooses the next image to label."""
        return {"random": Random(), "first": First(), "unsure": MostUnsure(Path(self.bundle) / "models" / "model.pt")}

    def init_datastore(self) -> Any:
        """Return the images and labels: a folder, or what a DICOMweb server has."""
        if self.studies.startswith(DATASTORE):
            return DicomDatastore(self.studies, class_names_of(Path(self.bundle)))
        return FolderDatastore(
            self.studies,
            extensions=settings.MONAI_LABEL_DATASTORE_FILE_EXT,
            auto_reload=settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD,
            read_only=settings.MONAI_LABEL_DATASTORE_READ_ONLY,
        )

    def next_sample(self, request: Mapping[str, Any]) -> Any:
        """Return an image that has no label; a series that is no volume is passed over."""
        refused: Mapping[str, str] = getattr(self.datastore(), "refused", {})
        while True:
            before = len(refused)
            try:
                return super().next_sample(request)
            except UserError as error:
                if len(refused) == before:
                    raise
                logger.warning("passed over: %s", error)

    def infer(self, request: Mapping[str, Any], datastore: Any = None) -> Any:
        """Segment one image, or refuse a value that is not plain."""
        check_options({name: value for name, value in request.items() if name in BATCH}, BATCH)
        image = request["image"]
        if isinstance(image, str) and not os.path.isabs(image) and isinstance(self.datastore(), FolderDatastore):
            place = self.datastore().place_of(image)
            if os.path.exists(image):  # MONAI Label would take what the folder that it was started in has by that name
                request = {**request, "image": place}
        return super().infer(request, datastore)

    def batch_infer(self, request: Mapping[str, Any], datastore: Any = None) -> Any:
        """Segment many images; one that cannot be segmented is named, and the others go on."""
        check_options({name: value for name, value in request.items() if name in BATCH}, BATCH)
        failed: dict[str, str] = {}

        def segment(of_one: Mapping[str, Any], where: Any) -> Any:
            image = str(of_one["image"])
            try:
                return self.infer(of_one, where)
            except Exception as error:
                refusal = is_refusal(error)
                logger.error("%s: not segmented: %s", image, one_line(error), exc_info=None if refusal else error)
                failed[image] = one_line(error)
                return {"error": failed[image]}

        result = self._batch_infer(request, datastore or self.datastore(), segment)
        if failed:
            told = "; ".join(f"{image} ({why})" for image, why in sorted(failed.items()))
            logger.error("%d of %d images could not be segmented: %s", len(failed), len(result), told)
        return result

    def train(self, request: Mapping[str, Any]) -> Any:
        """Train, or refuse a value that is not plain."""
        check_training({name: value for name, value in request.items() if name in TRAIN or name == MODEL})
        return super().train(request)


def class_names_of(bundle: Path) -> list[str]:
    """Return the names of the classes of a bundle's active weights, background first."""
    sidecar = read_json(bundle / "models" / "model.json", "restore it, by python -m scripts restore-foundation")
    return list(sidecar.get("label_names") or class_names(sidecar["network"]["out_channels"]))


class FolderDatastore(LocalDatastore):
    """A folder of images and labels, which no name in a request or in its list leads out of."""

    def place_of(self, image: str) -> str:
        """Return the path of an image.

        Raises:
            UserError: if there is no image of that name.
        """
        check_plain_name("image", image)
        if not (path := self.get_image_uri(image)):
            remedy = "GET /datastore/?output=all lists what is"
            refuse(f"image {shown(image)}", f"is not in {self._datastore_path}", remedy, FileNotFoundError)
        return path

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Add an image."""
        name, suffix = self._to_id(os.path.basename(image_filename))
        to = self._datastore.image_path()
        check_plain_name("image", image_id or name)
        check_inside("image", os.path.join(to, self._filename(image_id or name, suffix)), to)
        return super().add_image(image_id, image_filename, image_info)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Save a label of an image that is there."""
        self.place_of(image_id)
        check_plain_name("tag", str(getattr(label_tag, "value", label_tag)))
        suffix = self._to_id(os.path.basename(label_filename))[1]
        to = self._datastore.label_path(label_tag)
        check_inside("label", os.path.join(to, self._filename(image_id, suffix)), to)
        return super().save_label(image_id, label_filename, label_tag, label_info)

    def remove_image(self, image_id: str) -> None:
        """Remove an image that is there, and its labels."""
        self.place_of(image_id)
        super().remove_image(image_id)

    def _filename(self, id: str, ext: str) -> str:
        name = super()._filename(id, ext)
        check_plain_name("file", name)
        return name

    def _init_from_datastore_file(self, throw_exception: bool = False) -> None:
        before = self._datastore
        super()._init_from_datastore_file(throw_exception)
        try:
            self._check_list()
        except UserError as error:
            self._datastore = before
            if throw_exception:
                raise
            logger.error("%s", error)

    def _check_list(self) -> None:
        listed = self._datastore
        if listed.images_dir != "." or listed.labels_dir != "labels":
            remedy = "remove it, and it is made anew"
            refuse(self._datastore_config_path, "names other folders than . and labels", remedy)
        for tag in listed.tags():
            check_plain_name(f"{self._datastore_config_path}: tag", tag)
        for name, each in listed.objects.items():
            for data in (each.image, *each.labels.values()):
                check_plain_name(f"{self._datastore_config_path}: file", f"{name}{data.ext}")
