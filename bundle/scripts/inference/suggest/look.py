"""Let the network look at blocks of volumes, in eight views each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor

from scripts.core import BUNDLE, CONFIGS, WEIGHTS, Box, foreground_log_odds
from scripts.io import Volume
from scripts.transforms import Scaling, scaling_of
from scripts.weights import read_sidecar

from .describe import Described, describe


class Looker:
    """Looks at blocks of volumes with one network.

    Args:
        weights: of the network, whose arguments are those of their sidecar.
        options: of `segment`.

    Attributes:
        parser: what `segment` runs, with eight views of each volume.

    Raises:
        UserError: for weights that are missing or damaged.
    """

    def __init__(self, weights: Path = WEIGHTS, **options: str) -> None:
        sidecar = read_sidecar(weights)
        network = {f"network_def#{name}": value for name, value in sidecar["network"].items()}
        # of several classes each keeps the value that it was taught by, so that what is corrected teaches the same one
        taught = {"label_value": "labels"} if len(sidecar.get("label_values") or ()) > 2 else {}
        self.parser = ConfigParser()
        self.parser.read_config(str(CONFIGS / "inference.json"))
        self.parser.update({"bundle_root": str(BUNDLE), "tta": True, "save_probability": True})
        self.parser.update({**network, "ckpt_path": str(weights), "dataset#data": [{}], **taught, **options})
        self._network = self._part("network").eval()  # else dropout would be what it is unsure of
        self._part("checkpoint").load_into(self._network)
        normalisation = self._part("checkpoint").normalisation
        self._scales = normalisation["lower"], normalisation["upper"], self._part("cleaning").invert

    def _part(self, name: str) -> Any:
        return self.parser.get_parsed_content(name)

    @property
    def normalisation(self) -> str:
        """How the weights want intensities scaled, as text, for scalings that are kept."""
        return "{:g} {:g} {}".format(*self._scales)

    def scaling(self, volume: Volume, done: Callable[[int], None] | None = None) -> Scaling:
        """Return how a volume is scaled (`scripts.transforms.scaling_of`); it is read once."""
        return scaling_of(volume, *self._scales, done)

    def describe(
        self,
        volume: Volume,
        scaling: Scaling,
        boxes: Iterable[Box],
        most: int,
        done: Callable[[], None] = lambda: None,
    ) -> list[Described]:
        """Describe blocks of a volume, in their order, but for those without contrast.

        Args:
            volume: the volume.
            scaling: of the whole of it.
            boxes: the blocks.
            most: how many are described at most.
            done: is called after each.
        """
        found: list[Described] = []
        for box in boxes:
            if len(found) == most:
                break
            voxels = volume.read(box)  # (x, y, z)
            if voxels.min() < voxels.max():
                found.append(self._described(box, scaling.apply(voxels), volume.info.affine))
                done()
        return found

    def _described(self, box: Box, image: np.ndarray, affine: np.ndarray) -> Described:
        seen = MetaTensor(torch.from_numpy(image)[None, None], affine=affine)  # (1, 1, x, y, z)
        with torch.inference_mode():
            logits = self._part("inferer")(seen.to(self._part("device")), self._network)  # (1, K, x, y, z)
            probability = foreground_log_odds(torch.as_tensor(logits)[0]).sigmoid()  # (x, y, z)
        spread = self._part("views").take_spread()[0, 0]  # (x, y, z)
        return describe(box, image, probability.cpu().numpy(), spread.cpu().numpy(), affine)
