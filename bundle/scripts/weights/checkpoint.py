"""Weights and their sidecar: `X.pt`, a plain state dict, and `X.json`, how to use it.

>>> checkpoint = Checkpoint("models/model.pt", network)
>>> checkpoint.load_into(network)
>>> checkpoint.threshold()
0.332
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import monai
import numpy as np
import torch
from torch import nn

from scripts.core import BUNDLE, is_plain_name, read_number, refuse, sha256, write_together
from scripts.network import TubeNet, VoxelClassifier

from .cleaning import Cleaning, read_cleaning
from .compatibility import differences, has_other_classes, misfits, not_finite
from .plain import is_plain, load_plain, read_bytes
from .sidecar import VOXEL_CLASSIFIER, check_not_giant, check_size, read_sidecar, sidecar_path

logger = logging.getLogger(__name__)

MIN_MAX = {"lower": 0.0, "upper": 100.0}
"""Percentiles that become 0 and 1: minimum and maximum, as in the paper, and of weights that state none."""
ROBUST = {"lower": 0.001, "upper": 99.999}
"""Percentiles of a training from scratch, by which no single voxel decides (`scripts.transforms.intensity_range`)."""
WITHOUT_WEIGHTS = ("dropout", "decoder_dropout")
"""Network arguments that may differ from those that the weights were trained with."""


class Checkpoint:
    """Weights with their sidecar, checked against each other and against the config.

    Each file is read once, when it is first needed. The tensors are only unpacked by `state`, so a server that makes a
    checkpoint for every request does not pay for them.

    Args:
        path: `X.pt`, or None if there are no weights to load, as when training from scratch.
        network: the config's network; its `arguments` must be those that the weights were trained with.
        normalisation: the config's `lower` and `upper` percentile, each None if not set.
        name: name of another file beside `path`, used instead if it exists; of a list of names, as MONAI Label's
            viewers send it from a menu, the first is used.
        option: the option that names `path`, for messages.

    Raises:
        UserError: if `name` is a path.
    """

    def __init__(
        self,
        path: str | Path | None,
        network: nn.Module | None = None,
        normalisation: Mapping[str, float | None] | None = None,
        name: str | Sequence[str] | None = None,
        option: str = "--ckpt_path",
    ) -> None:
        self.path = None if path is None else Path(path) if name is None else _beside(Path(path), name)
        self.network = network
        self.option = option
        self.noted: dict[str, str] = {}
        self.stated = {key: value for key, value in (normalisation or {}).items() if value is not None}

    @cached_property
    def _stated_sidecar(self) -> dict[str, Any]:
        """The sidecar, which may be of another file."""
        return read_sidecar(self.path, self.option)

    @cached_property
    def content(self) -> bytes:
        """The bytes of the weights file."""
        check_not_giant(self.path, self._stated_sidecar.get("network"))
        return read_bytes(self.path)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the weights file."""
        return hashlib.sha256(self.content).hexdigest()

    @cached_property
    def sidecar(self) -> dict[str, Any]:
        """The content of the sidecar; empty if there are no weights.

        Raises:
            UserError: if weights or sidecar are missing, or the sidecar is damaged or describes another file.
        """
        if self.path is None:
            return {}
        sidecar = self._stated_sidecar
        if sidecar.get("sha256") not in (None, self.sha256):
            problem = f"is not the file that its sidecar {sidecar_path(self.path).name} describes"
            refuse(self.path, problem, "copy both again")
        return sidecar

    @property
    def normalisation(self) -> dict[str, float]:
        """The percentiles that scale images: those of training, unless the config sets others.

        Raises:
            UserError: if the percentiles are out of order or range.
        """
        trained = {} if len(self.stated) == len(MIN_MAX) else self.sidecar.get("normalisation", {})
        percentiles = (ROBUST if self.path is None else MIN_MAX) | trained | self.stated
        if not _are_percentiles(percentiles):
            source = "--normalisation" if self.stated or self.path is None else sidecar_path(self.path)
            problem = f"lower {percentiles['lower']!r} and upper {percentiles['upper']!r} are not percentiles"
            refuse(source, problem, "give two numbers from 0 to 100, lower first")
        return percentiles

    def threshold(self, asked: float | str | None = None) -> float:
        """Return the probability above which a voxel is vessel: `asked`, or else the weights' own."""
        self.check()
        asked = read_number("threshold", asked)
        return self.sidecar["threshold"] if asked is None else asked

    def cleaning(self, asked: Mapping[str, Any] | None = None) -> Cleaning:
        """Return how to clean: as asked for, and for the rest as the sidecar says.

        Weights of before it said so are not cleaned, nor is a network without weights.

        Args:
            asked: options by name (`read_cleaning`); None means as the sidecar says.

        Raises:
            UserError: for a value that an option does not take.
        """
        return read_cleaning(self.sidecar.get("cleaning"), asked)

    @property
    def provenance(self) -> dict[str, str]:
        """What every output states as its origin: weights, hash, version, and what is `noted`."""
        self.check()
        metadata = json.loads((BUNDLE / "configs" / "metadata.json").read_text())
        version = f"{metadata['name']} {metadata['version']}"
        self.noted |= {"software": version, "weights": self.path.name, "weights_sha256": self.sha256}
        return self.noted

    def check(self, may_differ: Sequence[str] = WITHOUT_WEIGHTS) -> None:
        """Check that the weights were trained with the config's network and scaling.

        Args:
            may_differ: network arguments that may differ.

        Raises:
            UserError: if anything else differs; the message lists what.
        """
        arguments = getattr(self.network, "arguments", {})
        differing = differences(self.sidecar, "network", arguments, may_differ)
        # percentiles that took the place of those of training may be set back
        scalings = [title for title in ("normalisation", "trained_normalisation") if title in self.sidecar]
        scaled = [differences(self.sidecar, title, self.stated) for title in scalings]
        self._refuse_if(differing + (scaled[0] if all(scaled) and scaled else []))

    def state(self) -> dict[str, torch.Tensor]:
        """Return the weights as they are stored, in half precision or not.

        Raises:
            UserError: for a file that is not a plain state dict of finite numbers.
        """
        remedy = "use a .pt that this bundle wrote"
        problem = "is not a file of plain weights, so it was not loaded"
        state = load_plain(self.content, self.path, problem, remedy)
        if not isinstance(state, dict) or not all(isinstance(key, str) and is_plain(state[key]) for key in state):
            refuse(self.path, "holds more than plain weights, so it was not loaded", remedy)
        if self.sha256:  # the hash is now cached, so the bytes are no longer needed
            del self.content
        self._refuse_spoilt(state)
        return state

    def load_into(self, network: nn.Module | None = None, classifier: str | None = None) -> dict[str, Any]:
        """Load the weights into a network after checking them against sidecar and config.

        Args:
            network: network to load into, by default the config's.
            classifier: name of the network's last layer, which is left as it is if the weights have a different number
                of classes; without it such weights are refused.

        Returns:
            The sidecar.

        Raises:
            UserError: if the weights are damaged, or do not fit their sidecar, the network or the config; the message
                lists what does not match.
        """
        self.network = network if network is not None else self.network
        sidecar = self.sidecar  # read first, so that its errors are reported before those of the weights
        state, wanted = self.state(), self.network.state_dict()
        may_differ = [*WITHOUT_WEIGHTS]
        if classifier is not None and has_other_classes(state, wanted, classifier):
            logger.info(
                "%s has another number of classes: its classifier %r is replaced by a new one", self.path, classifier
            )
            state |= {name: value for name, value in wanted.items() if name.startswith(f"{classifier}.")}
            may_differ.append("out_channels")
        self.check(may_differ)
        self._refuse_if(misfits(state, wanted))
        state = {name: value.to(wanted[name].dtype) for name, value in state.items()}
        self._refuse_spoilt(state)  # of double precision, in single
        self.network.load_state_dict(state)
        logger.info("weights %s", self.path)
        logger.debug("%s was trained on %s", self.path.name, sidecar.get("trained_on", "unknown data"))
        return sidecar

    def voxel_classifier(self, features: int) -> VoxelClassifier | None:
        """Return the voxel classifier that helps the network; None if the weights have none.

        Args:
            features: numbers that describe a voxel.

        Raises:
            UserError: if the sidecar is damaged, or the classifier is one of other features.
        """
        if self.path is None:
            return None
        stated, classes = self.sidecar.get(VOXEL_CLASSIFIER), self.sidecar.get("network", {}).get("out_channels", 2)
        try:
            return VoxelClassifier.from_stated(stated, features, classes)
        except ValueError as error:
            refuse(sidecar_path(self.path), f"has a voxel classifier that does not fit ({error})", "fine-tune again")

    def as_network(self) -> TubeNet:
        """Build the network that the sidecar describes and load the weights, without a config.

        Raises:
            UserError: if the weights are damaged or do not fit their sidecar.
        """
        arguments = self._stated_sidecar.get("network", {})
        check_size(self.path, arguments)  # before the weights are read
        network = TubeNet(**arguments)
        self.load_into(network)
        return network

    def _refuse_spoilt(self, state: Mapping[str, torch.Tensor]) -> None:
        if spoilt := not_finite(state):
            refuse(self.path, f"{spoilt[0]} holds NaN or infinite numbers, so it was not loaded", "train again")

    def _refuse_if(self, differing: Sequence[str]) -> None:
        if differing:
            remedy = "use the configs and overlays that it was trained with"
            refuse(self.path, f"does not fit the config: {'; '.join(differing)}", remedy)


def save_weights(path: str | Path, network: nn.Module, sidecar: Mapping[str, Any]) -> None:
    """Write a network's weights, and their sidecar beside them.

    Args:
        path: `X.pt` to write.
        network: the network to save, in training or evaluation mode, on any device.
        sidecar: content of the sidecar, JSON values by name.
    """
    save_state(path, {name: value.detach().cpu() for name, value in network.state_dict().items()}, sidecar)


def save_state(path: str | Path, state: Mapping[str, torch.Tensor], sidecar: Mapping[str, Any]) -> None:
    """Write a state dict and its sidecar; neither appears before both are complete.

    Raises:
        UserError: for weights that are NaN or infinite, or that cannot be written.
    """
    path = Path(path)
    if spoilt := not_finite(state):
        remedy = "use other weights, or train again at a lower --learning_rate"
        refuse(path, f"{spoilt[0]} would hold NaN or infinite numbers, so it was not written", remedy)
    versions = {"monai": monai.__version__, "torch": torch.__version__, "numpy": np.__version__}
    content = {**sidecar, "versions": versions}

    def write_weights(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a path, torch stores its name, and no two files would be equal
            torch.save(dict(state), file)
        content["sha256"] = sha256(temporary)

    def write_sidecar(temporary: Path) -> None:
        temporary.write_text(json.dumps(content, indent=2) + "\n")

    write_together([(path, write_weights), (sidecar_path(path), write_sidecar)])


def _beside(path: Path, name: str | Sequence[str]) -> Path:
    name = next(iter(name), "") if isinstance(name, list | tuple) else name
    if not is_plain_name(name):
        refuse(f"model_filename {name!r}", "is not the name of a file", f"give one such as {path.name}")
    named = path.with_name(name)
    return named if named.is_file() else path


def _are_percentiles(stated: Mapping[str, Any]) -> bool:
    numbers = [stated[name] for name in MIN_MAX]
    known = set(stated) == set(MIN_MAX) and all(type(number) in (int, float) for number in numbers)
    return known and 0 <= numbers[0] < numbers[1] <= 100
