"""Weights and their sidecar: `X.pt`, a plain state dict, and `X.json`, what one must know to use it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import monai
import numpy as np
import torch
from torch import nn

from scripts.core import refuse, sha256, write_together
from scripts.network import TubeNet

logger = logging.getLogger(__name__)

MOST_LISTED = 12  # tensors that do not match, in one message
MIN_MAX = {"lower": 0.0, "upper": 100.0}  # percentiles
FREE = ("dropout", "decoder_dropout")  # have no weights, and another rate is a choice of the day


def sidecar_path(weights: str | Path) -> Path:
    """Return `X.json` for `X.pt`."""
    return Path(weights).with_suffix(".json")


def save_weights(path: str | Path, network: nn.Module, sidecar: Mapping[str, Any]) -> None:
    """Write a network's weights, and beside them their sidecar.

    Args:
        path: `X.pt`.
        network: in training, evaluation, on any device.
        sidecar: JSON values.
    """
    _write_pair(Path(path), {name: value.detach().cpu() for name, value in network.state_dict().items()}, sidecar)


def _write_pair(path: Path, state: Mapping[str, torch.Tensor], sidecar: Mapping[str, Any]) -> None:
    content = {**sidecar, "versions": {"monai": monai.__version__, "torch": torch.__version__, "numpy": np.__version__}}

    def write_weights(temporary: Path) -> None:
        with temporary.open("wb") as file:  # given a name, torch would write it into the file, and no two were alike
            torch.save(dict(state), file)
        content["sha256"] = sha256(temporary)

    def write_sidecar(temporary: Path) -> None:
        temporary.write_text(json.dumps(content, indent=2) + "\n")

    write_together([(path, write_weights), (sidecar_path(path), write_sidecar)])


def read_sidecar(weights: str | Path) -> dict[str, Any]:
    """Read what stands beside weights.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for a sidecar that is not JSON.
    """
    weights, path = Path(weights), sidecar_path(weights)
    if not weights.is_file():
        refuse(weights, "no such weights", "check --ckpt_path", FileNotFoundError)
    if weights.suffix == ".h5":
        refuse(weights, "is a file of Keras", "python -m scripts import-weights turns it into a .pt")
    if not path.is_file():
        refuse(
            path,
            f"the sidecar of {weights.name} is missing",
            "copy it from where the weights came from",
            FileNotFoundError,
        )
    try:
        sidecar = json.loads(path.read_text())
    except ValueError as error:
        refuse(path, f"is not JSON ({error})", "copy it again from where the weights came from")
    if not isinstance(sidecar, dict) or not _is_complete(sidecar):
        refuse(path, "is not a sidecar", "copy it again from where the weights came from")
    return sidecar


def _is_complete(sidecar: Mapping[str, Any]) -> bool:
    threshold = sidecar.get("threshold")
    told = isinstance(threshold, int | float) and 0 <= threshold <= 1
    return told and all(isinstance(sidecar.get(title, {}), dict) for title in ("network", "normalisation"))


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # torch raises UnpicklingError, RuntimeError, EOFError and others for the same thing: this is no such file
        refuse(path, "is not a file of plain weights, so it was not loaded", "use a .pt that this bundle wrote")
    if not isinstance(state, dict) or not all(_is_plain(value) for value in state.values()):
        refuse(path, "holds more than plain weights, so it was not loaded", "use a .pt that this bundle wrote")
    if spoilt := [name for name, value in state.items() if not torch.isfinite(value).all()]:
        refuse(path, f"{spoilt[0]} holds NaN or infinite numbers, so it was not loaded", "train again")
    return state


def _is_plain(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.layout == torch.strided and value.is_floating_point()


def load_weights(
    network: nn.Module,
    path: str | Path,
    normalisation: Mapping[str, Any] | None = None,
    classifier: str | None = None,
) -> dict[str, Any]:
    """Load weights into a network after checking them against sidecar and config.

    Args:
        network: of the config; its `arguments`, if it has them, name what differs.
        path: `X.pt`; half precision is widened.
        normalisation: of the config.
        classifier: name of the network's last layer, which stays as it is where the weights tell another number of
            classes apart; without it such weights are refused.

    Returns:
        The sidecar.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for a file that is not a plain state dict, or that fits neither sidecar, network nor config; the
            message lists what does not match.
    """
    path = Path(path)
    sidecar = _sidecar_of(path)
    state, wanted = _read_state(path), network.state_dict()
    free = [*FREE]
    if classifier is not None and _has_other_classes(state, wanted, classifier):
        logger.info("%s tells other classes apart: its classifier %r is replaced by a new one", path, classifier)
        state |= {name: value for name, value in wanted.items() if name.startswith(f"{classifier}.")}
        free.append("out_channels")
    differing = _differences(sidecar, "network", getattr(network, "arguments", {}), free)
    differing += _differences(sidecar, "normalisation", normalisation or {})
    if why := differing or _misfits(state, wanted):
        _refuse_unfit(path, why)
    network.load_state_dict(state)
    logger.info("weights %s, trained on %s", path, sidecar.get("trained_on", "what is not stated"))
    return sidecar


def normalisation_of(
    path: str | Path | None, lower: float | None = None, upper: float | None = None
) -> dict[str, float]:
    """Return how images are scaled: as the weights were trained, unless the config says otherwise.

    Args:
        path: `X.pt`; None where nothing is loaded, and then it is the minimum and the maximum, as in the paper.
        lower: percentile that becomes 0, where the config states one; `load_weights` then refuses weights that
            were trained with another.
        upper: percentile that becomes 1, likewise.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for a sidecar that is none, or percentiles that are none.
    """
    stated = {name: value for name, value in (("lower", lower), ("upper", upper)) if value is not None}
    trained = {} if path is None or len(stated) == 2 else read_sidecar(path).get("normalisation", {})
    percentiles = MIN_MAX | trained | stated
    if not _are_percentiles(percentiles):
        source = "--normalisation" if stated or path is None else sidecar_path(path)
        refuse(
            source,
            f"lower {percentiles['lower']!r} and upper {percentiles['upper']!r} are no percentiles",
            "give two numbers from 0 to 100, lower first",
        )
    return percentiles


def _are_percentiles(stated: Mapping[str, Any]) -> bool:
    numbers = [stated[name] for name in MIN_MAX]
    known = set(stated) == set(MIN_MAX) and all(isinstance(x, int | float) for x in numbers)
    return known and 0 <= numbers[0] < numbers[1] <= 100


def checked_sidecar(
    path: str | Path, network: nn.Module, normalisation: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read a sidecar as `load_weights` does, for a server that loads the weights itself.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: where the sidecar describes another file, or does not fit the config.
    """
    sidecar = _sidecar_of(Path(path))
    why = _differences(sidecar, "network", getattr(network, "arguments", {}), FREE)
    if why := why + _differences(sidecar, "normalisation", normalisation or {}):
        _refuse_unfit(path, why)
    return sidecar


def beside(path: str | Path, name: str | Sequence[str]) -> Path:
    """Return the weights that MONAI Label takes: those of a name beside `path`, or `path` if there are none.

    Args:
        path: `X.pt`.
        name: of a file, or a list of names whose first counts, as its viewers' menus have them.

    Raises:
        UserError: for a name that is a path.
    """
    name = name if isinstance(name, str) else next(iter(name), "")
    if name in ("", "..") or Path(name).name != name:
        refuse(f"model_filename {name!r}", "is not the name of a file", f"give one such as {Path(path).name}")
    named = Path(path).with_name(name)
    return named if named.is_file() else Path(path)


def _sidecar_of(path: Path) -> dict[str, Any]:
    sidecar = read_sidecar(path)
    if sidecar.get("sha256") not in (None, sha256(path)):
        refuse(path, f"is not the file that its sidecar {sidecar_path(path).name} describes", "copy both again")
    return sidecar


def _refuse_unfit(path: str | Path, why: Sequence[str]) -> NoReturn:
    refuse(path, f"does not fit the config: {'; '.join(why)}", "use the configs and overlays that it was trained with")


def _has_other_classes(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], classifier: str) -> bool:
    name = f"{classifier}.weight"  # (classes, ...)
    return name in state and name in wanted and len(state[name]) != len(wanted[name])


def _differences(sidecar: Mapping[str, Any], title: str, config: Mapping[str, Any], free: Sequence[str] = ()) -> list:
    trained = sidecar.get(title, {})
    return [
        f"{name} is {json.dumps(trained[name])} in the weights and {json.dumps(config[name])} in the config"
        for name in sorted(trained.keys() & config.keys())
        if name not in free and trained[name] != json.loads(json.dumps(config[name]))
    ]


def _misfits(state: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> list[str]:
    def shape(tensors: Mapping[str, torch.Tensor], name: str) -> str:
        return str(tuple(tensors[name].shape)) if name in tensors else "absent"

    names = [name for name in {**wanted, **state} if shape(state, name) != shape(wanted, name)]
    told = [f"{name} is {shape(state, name)} there and {shape(wanted, name)} here" for name in names[:MOST_LISTED]]
    return told + ([f"and {len(names) - MOST_LISTED} tensors more"] if len(names) > MOST_LISTED else [])


def provenance(path: str | Path, bundle_root: str | Path) -> dict[str, str]:
    """Return what every output says about its origin: the weights' hash and the bundle's version.

    Raises:
        UserError: where the weights are missing.
    """
    if not Path(path).is_file():
        refuse(path, "no such weights", "check --ckpt_path", FileNotFoundError)
    metadata = json.loads((Path(bundle_root) / "configs" / "metadata.json").read_text())
    version = f"{metadata['name']} {metadata['version']}"
    return {"software": version, "weights": Path(path).name, "weights_sha256": sha256(path)}


def load_network(ckpt_path: str | Path) -> tuple[TubeNet, dict[str, Any]]:
    """Build the network of weights and load them into it.

    Args:
        ckpt_path: `X.pt`, with `X.json` beside it.

    Returns:
        The network, on the CPU, and the sidecar.

    Raises:
        UserError: where weights or sidecar are missing.
        UserError: for weights that are damaged or do not fit their sidecar.
    """
    sidecar = read_sidecar(ckpt_path)
    try:
        network = TubeNet(**sidecar.get("network", {}))
    except (TypeError, ValueError, RuntimeError) as error:  # the last of a width beyond all memory
        refuse(
            sidecar_path(ckpt_path),
            f"describes a network that there is not ({error})",
            f"copy it again, with {Path(ckpt_path).name}",
        )
    load_weights(network, ckpt_path)
    return network, sidecar
