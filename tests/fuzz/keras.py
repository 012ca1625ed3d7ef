"""Weights of the authors' release, an HDF5 file, spoilt in an array, a link or anywhere."""

import functools
import math
import tempfile
from pathlib import Path

import h5py
import numpy as np
import torch

from scripts.network import TubeNet
from scripts.weights import Checkpoint
from scripts.weights.keras import import_weights
from scripts.weights.keras.layout import RELEASED, write_keras_weights

from .mutations import mutate_bytes
from .properties import Case, Finding, told


@functools.cache
def _good():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.weights.h5"
        write_keras_weights(path, TubeNet(channels=(4,) * 6, **RELEASED))
        return path.read_bytes()


def _array(rng, path):
    """Put something else in place of an array or a group."""
    with h5py.File(path, "r+") as file:
        names = []
        file.visit(names.append)
        name = rng.choice(names)
        array = file[name][()] if isinstance(file[name], h5py.Dataset) else np.zeros((4, 4), np.float32)
        del file[name]
        way = rng.choice(["delete", "soft", "circle", "outside", "type", "shape", "number", "bomb", "empty"])
        if way in ("soft", "circle", "outside"):
            link = h5py.ExternalLink("/etc/hostname", "/a") if way == "outside" else h5py.SoftLink("/nowhere")
            file[name] = h5py.SoftLink(f"/{name}") if way == "circle" else link
        elif way == "type":
            file[name] = array.astype(rng.choice(["f8", "f2", "i4", "S4", "?", "c8"]))
        elif way == "shape":
            file[name] = rng.choice([array[None], array.ravel(), array[:0], np.float32(0)])
        elif way == "number":
            array.reshape(-1)[0] = rng.choice([math.nan, math.inf])
            file[name] = array
        elif way == "bomb":
            file.create_dataset(name, (2 ** rng.choice([20, 34, 50]),), np.float32, chunks=(2**16,), compression="gzip")
        elif way == "empty":
            file.create_dataset(name, array.shape, np.float32)
    return f"{way} {name}"


def make(rng, folder):
    """Write spoilt weights of the release."""
    path, out = folder / "a.weights.h5", folder.parent / "out" / "a.pt"
    path.write_bytes(_good())
    if rng.random() < 0.5:
        what = _array(rng, path)
    else:
        data, what = mutate_bytes(rng, _good(), last=rng.choice([len(_good()), 4000]))
        path.write_bytes(data)

    def check():
        with told(path, "a.weights.h5"):
            import_weights(path, out)
        with told(out):
            network = Checkpoint(out).as_network()
        if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
            raise Finding("weights that are not finite")

    return Case(what, check, (out, out.with_suffix(".json")))
