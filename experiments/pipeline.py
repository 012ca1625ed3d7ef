"""What `inference.json` makes of weights, for experiments that keep predictions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.data import MetaTensor

from scripts.core import BUNDLE, WEIGHTS
from scripts.weights import Checkpoint

INFERENCE = BUNDLE / "configs" / "inference.json"


class Pipeline:
    """What `inference.json` makes of weights: a network as their sidecar describes it, inferers, preprocessing.

    Args:
        ckpt_path: the weights.
        options: of `inference.json`.

    Attributes:
        network: with the weights, on the CPU.
        inferer: runs it over a volume.
        checkpoint: the weights and their sidecar.
    """

    def __init__(self, ckpt_path: str | Path = WEIGHTS, **options: Any) -> None:
        parser = ConfigParser()
        parser.read_config(str(INFERENCE))
        ours = {"bundle_root": str(BUNDLE), "ckpt_path": str(ckpt_path), "device": "cpu", "windows#progress": False}
        ours["engine"] = "torch"  # figures are those of one engine, whatever is installed
        parser.update({**ours, **options})
        self.checkpoint = Checkpoint(ckpt_path)
        self.network = self.checkpoint.as_network().eval()
        self.inferer = parser.get_parsed_content("inferer")
        self._load, self._scale = parser.get_parsed_content("preprocessing").transforms[:2]

    def scaled(self, volume: Mapping[str, Any]) -> MetaTensor:
        """Return an image as the network sees it, `(1, X, Y, Z)`; `volume` has it or the path of it as `image`."""
        return self._scale(self._load(volume) if isinstance(volume["image"], str) else volume)["image"]
