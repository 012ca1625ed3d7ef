"""Weights and their sidecar, spoilt in a tensor, in the zip archive, in the JSON or anywhere."""

import functools
import io
import json
import math
import zipfile

import torch

from scripts.network import TubeNet
from scripts.weights import Checkpoint, save_weights

from .mutations import TEXTS, mutate_bytes, mutate_json
from .properties import Case, Finding, Refused, told

NUMBERS = [math.nan, math.inf, -math.inf, 1e38, -3e38, 1e-45]
DTYPES = [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool, torch.complex64, torch.float8_e4m3fn]
BOMB = 640 * 2**20  # bytes of zeros, more than a case may take


@functools.cache
def network(seed=0):
    """Return a tiny network."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TubeNet(channels=(4, 8))


def _tensors(rng, state):
    """Spoil one tensor, its name, or the dictionary."""
    name = rng.choice([*state])
    tensor, way = state[name], rng.randrange(12)
    if way == 0:
        state[name] = tensor.to(dtype := rng.choice(DTYPES))
        return state, f"{name} as {dtype}"
    if way == 1:
        spoilt = tensor.clone().reshape(-1)
        spoilt[rng.randrange(len(spoilt))] = (number := rng.choice(NUMBERS))
        state[name] = spoilt.reshape(tensor.shape)
        return state, f"{number} in {name}"
    if way == 2:
        state[name] = tensor.double().reshape(-1).fill_(1e39).reshape(tensor.shape)
    elif way == 3:
        state[name] = torch.empty(tensor.shape, device="meta")
    elif way == 4:
        state[name] = torch.ones(1).expand(2 ** rng.choice([3, 20, 40]))
    elif way == 5:
        state[name] = rng.choice([tensor[:0], tensor[None], tensor.reshape(-1), torch.tensor(0.0), tensor.to_sparse()])
    elif way == 6:
        state[name] = rng.choice([None, 1, "a", [tensor], {"a": tensor}, torch.Size([1]), b"a"])
    elif way == 7:
        del state[name]
    elif way == 8:
        state[rng.choice([*TEXTS, 7, None, ("a",), f"module.{name}"])] = state.pop(name)
    elif way == 9:
        state[name] = tensor.as_strided(tensor.shape, [0] * tensor.ndim)
    elif way == 10:
        state[name] = torch.nn.Parameter(tensor.clone())
    else:
        state = rng.choice([[*state.values()], None, tensor, {"state_dict": state}, {}, "a", {name: state}])
    return state, f"way {way} at {name}"


@functools.cache
def _bomb(name):
    """Return a zip archive of one entry of zeros, as many as no case may hold in memory."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open(name, "w") as file:
        for _ in range(BOMB // 2**24):
            file.write(bytes(2**24))
    return out.getvalue()


def _archive(rng, data):
    """Spoil an entry of the zip archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([*entries, *[each for each in entries if each.endswith((".pkl", "byteorder", "version"))] * 3])
    way = rng.choice(["delete", "rename", *["bytes"] * 10, "empty", "deflate", "twice", "bomb"])
    out = io.BytesIO(_bomb("archive/data/0") if way == "bomb" else b"")
    entries = {each: entries[each] for each in entries if way != "bomb" or not each.endswith("/data/0")}
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED if way == "deflate" else zipfile.ZIP_STORED) as archive:
        for each, content in entries.items():
            if each != name or way in ("deflate", "twice", "bomb"):
                archive.writestr(each, content)
            elif way == "rename":
                archive.writestr(rng.choice([f"{each}x", f"../{each}", "a/b", f"other/{each.split('/')[-1]}"]), content)
            elif way == "bytes":
                archive.writestr(each, mutate_bytes(rng, content)[0] if content else b"x")
            elif way == "empty":
                archive.writestr(each, b"")
        if way == "twice":
            archive.writestr(name, mutate_bytes(rng, entries[name] or b"x")[0])
    return out.getvalue(), f"{way} {name}"


def _check(path, shown):
    fresh = TubeNet(channels=(4, 8))
    before = {name: value.clone() for name, value in fresh.state_dict().items()}
    checkpoint = Checkpoint(path, fresh)
    try:
        with told(path.with_suffix("")):
            checkpoint.load_into(fresh)
    except Refused:
        if any(not torch.equal(value, before[name]) for name, value in fresh.state_dict().items()):
            raise Finding("refused, but the network was changed") from None
        raise
    if spoilt := [name for name, value in fresh.state_dict().items() if not torch.isfinite(value).all()]:
        raise Finding("loaded weights that are not finite", spoilt[0])
    if shown and any(
        not torch.equal(value, network().state_dict()[name]) for name, value in fresh.state_dict().items()
    ):
        raise Finding("loaded other weights than were saved, although their hash is known")
    with told(path.with_suffix("")):
        threshold, scaling, made = checkpoint.threshold(), checkpoint.normalisation, checkpoint.provenance
    if isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise Finding("a threshold out of range", repr(threshold))
    if not all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in (scaling["lower"], scaling["upper"])
    ):
        raise Finding("percentiles that are no numbers", repr(scaling))
    if len(made["weights_sha256"]) != 64:
        raise Finding("a provenance without the weights' hash", repr(made))
    with told(path.with_suffix("")):
        again = Checkpoint(path).as_network()
    if any(not torch.equal(value, fresh.state_dict()[name]) for name, value in again.state_dict().items()):
        raise Finding("the sidecar's network has other weights than the config's")


def make(rng, folder):
    """Write spoilt weights with their sidecar."""
    path, _ = folder / "model.pt", _bomb("archive/data/0")  # made once, for all cases
    sidecar = {"network": network().arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.4}
    save_weights(
        path, network(), {**sidecar, "label_values": [0, 1], "label_names": ["a", "b"], "patch_size": [64] * 3}
    )
    beside, data = path.with_suffix(".json"), path.read_bytes()
    sidecar, way = json.loads(beside.read_text()), rng.randrange(8)
    if way < 3:
        text, what = mutate_json(rng, sidecar)
        beside.write_bytes(text)
        return Case(f"sidecar {what}", lambda: _check(path, b"sha256" in text))
    if way < 5:
        state, what = _tensors(rng, dict(network().state_dict()))
        with path.open("wb") as file:
            torch.save(state, file)
    elif way < 7:
        data, what = _archive(rng, data)
        path.write_bytes(data)
    else:
        data, what = mutate_bytes(rng, data)
        path.write_bytes(data)
    if hashed := rng.random() < 0.1:  # else the hash would be all that is tried
        return Case(f"weights {what}, hash known", lambda: _check(path, hashed))
    beside.write_text(json.dumps({name: value for name, value in sidecar.items() if name != "sha256"}))
    return Case(f"weights {what}", lambda: _check(path, hashed))
