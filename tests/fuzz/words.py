"""What is typed: regions, values of options, names of files."""

import math
import os

import numpy as np

from scripts.core import OPTIONS, read_boolean, read_number, read_scale, region_box
from scripts.core.options import check_option
from scripts.data import find_images
from scripts.io import read_header, read_volume

from .mutations import NUMBERS, mutate_text
from .properties import Case, Finding, told
from .volumes import SHAPE, voxels

REGIONS = ["0:5,0:4,0:3", ":,:,:", "1:2,:4,2:", "0:64,0:64,0:64", "5:1,0:0,-1:3"]
VALUES = [
    "0.5",
    "2",
    "[64, 64, 64]",
    "cpu",
    "cuda:0",
    "auto",
    "true",
    "./a",
    "['a','b']",
    "{'a': 1}",
    "None",
    "$None",
    "1e-3",
]
NAMES = ["a.tif", "a.nii.gz", "a.npy", "abc.npy", "a b.npy", "ä.npy", "a.ome.tif", "a.nii", "a.TIFF"]

KINDS = {
    "missing": lambda path: None,
    "other bytes": None,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path.name),
    "folder": lambda path: path.mkdir(),
}


def region(rng, folder):
    """Spoil the option `region`."""
    text = mutate_text(rng, rng.choice(REGIONS))

    def check():
        with told("--region"):
            box = region_box(text, SHAPE)
        if not all(0 <= low < high <= side for (low, high), side in zip(box, SHAPE, strict=True)):
            raise Finding("a region outside the volume", f"{text!r} {box}")

    return Case(repr(text)[:80], check)


def option(rng, folder):
    """Spoil the value of an option."""
    name, text = rng.choice([*OPTIONS]), mutate_text(rng, rng.choice(VALUES))
    if rng.random() < 0.1:
        text = rng.choice(NUMBERS)

    def check():
        with told(f"--{name}"):
            check_option(name, text, rng.choice([None, 1, [1], "a"]))
        if name == "scale" and isinstance(scale := _read(read_scale, name, text), float) and not 0 < scale < math.inf:
            raise Finding("a scale that is none", repr(scale))
        if OPTIONS[name].kind.name == "true or false":
            _read(lambda value: read_boolean(name, value), name, text)
        elif name == "threshold":
            _read(lambda value: read_number(name, value), name, text)

    return Case(f"--{name} {text!r:.80}", check)


def _read(read, name, text):
    if isinstance(text, str) and text.startswith(("$", "@", "%")):
        return None
    with told(f"--{name}"):
        return read(text)


def file_name(rng, folder):
    """Give an odd name to a file, good or not, or to something that is no file, or name what isn't there."""
    stem, suffix = rng.choice(NAMES).split(".", 1)
    name = f"{mutate_text(rng, stem)}.{suffix if rng.random() < 0.8 else mutate_text(rng, suffix)}"
    path, what = folder / name, rng.choice(["volume", "volume", *KINDS])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if what == "volume" and suffix == "npy":
            with path.open("wb") as file:
                np.save(file, voxels())
        elif what in ("volume", "other bytes"):
            what = "other bytes"
            path.write_bytes(rng.choice([b"", b"II*\0", b"\x1f\x8b", b"a\x1b[31mred\n", b"\x93NUMPY\1\0", b"\0" * 400]))
        else:
            KINDS[what](path)
    except (OSError, ValueError):
        what = "no possible name"

    def check():
        with told():
            find_images(path)
        with told():
            find_images(folder)
        with told():
            read_header(path)
            _, read = read_volume(path)
        if what != "volume" or not np.array_equal(read, voxels()):
            raise Finding("other voxels than are stored")

    return Case(f"{name!r:.80} {what}", check, (path.parent,) if ".." in name else ())
