"""Which image to label next in MONAI Label, by what the active weights are unsure of."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy

from scripts.core import box_text, check_regular, is_refusal, one_line, read_channel, sha256
from scripts.inference import Described, Looker, candidate_boxes, rank
from scripts.io import open_volume

logger = logging.getLogger(__name__)

SIDE = 64  # of the blocks that are looked at
BLOCKS = 4  # of each image
MAX_IMAGES = 8  # with a label, and without, that are looked at for one request, which somebody waits for


class MostUnsure(Strategy):
    """Chooses the image with the block that stands for most that the weights are unsure of.

    A few blocks of each image without a label are ranked together (`scripts.inference.rank`), beside those of images
    that have one. What was found of an image is kept until it or the weights change. Of many images some are drawn by
    chance.

    Args:
        weights: the active weights.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__("Image with the region that the active model is least sure of, unlike those labelled")
        self.weights = weights
        self._hash, self._known = "", dict[tuple[Path, int | str | None], tuple[Any, list[Described]]]()
        self._lock = threading.Lock()  # requests come in threads, and the network is one

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """Return the image's id, and the region to look at first; None if all have labels.

        Raises:
            UserError: if the active weights are missing or damaged; for a channel that cannot be one.
        """
        waiting = list(datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels")))
        if not waiting:
            return None
        channel = read_channel(request.get("channel"))
        with self._lock:
            self._use_active_weights()
            return self._choose(waiting, datastore, channel)

    def _choose(self, waiting: Sequence[str], datastore: Datastore, channel: int | str | None) -> dict[str, Any]:
        drawn = random.sample(waiting, min(MAX_IMAGES, len(waiting)))
        done = [each for each in datastore.list_images() if each not in waiting]
        done = random.sample(done, min(MAX_IMAGES, len(done)))
        candidates = [(image, each) for image in drawn for each in self._blocks_of(image, datastore, channel)]
        if not candidates:  # each is refused when it is segmented, with the reason
            return {"id": drawn[0]}
        known = [each for image in done for each in self._blocks_of(image, datastore, channel)]
        ((index, gain),) = rank([each for _, each in candidates], known, 1, of_one_volume=False)
        image, block = candidates[index]
        logger.info("next: %s, for its region %s", image, box_text(block.box))
        return {"id": image, "region": box_text(block.box), "weight": gain}

    def _use_active_weights(self) -> None:
        check_regular(self.weights, "put it back from the bundle's models/, or give a new --app")
        if (found := sha256(self.weights)) != self._hash:
            self._looker, self._known = Looker(self.weights), {}
            self._hash = found

    def _blocks_of(self, image: str, datastore: Datastore, channel: int | str | None) -> Sequence[Described]:
        try:
            return self._look(Path(datastore.get_image_uri(image)), channel)
        except Exception as error:  # whatever is wrong with one image, another can be labelled
            logger.warning("%s: not looked at: %s", image, one_line(error), exc_info=not is_refusal(error))
            return []  # it may be mended, or the disk there again, at the next request

    def _look(self, path: Path, channel: int | str | None) -> list[Described]:
        with open_volume(path, channel) as volume:
            state, found = self._known.get((path, channel), (None, []))
            if state != volume.info.state:  # an image of the same name may be another
                scaling = self._looker.scaling(volume)
                boxes = candidate_boxes(volume.info.shape, (SIDE,) * 3)
                found = self._looker.describe(volume, scaling, boxes, BLOCKS)
                self._known[path, channel] = volume.info.state, found
            return found
