"""NumPy's .npy, spoilt in its header or anywhere."""

import io

import numpy as np

from .mutations import NUMBERS, TEXTS, mutate_bytes, mutate_text, odd_value
from .properties import Case, Stored
from .volumes import SHAPE, channels, voxels

DESCR = [
    "|u1",
    "|i1",
    "<u2",
    ">u2",
    "<f2",
    "<f4",
    ">f8",
    "<f16",
    "|b1",
    "<c8",
    "|O",
    "|S4",
    "<U2",
    "|V8",
    "<M8[s]",
    "<m8",
    "u1",
    "",
]


def _header(rng, dtype, full):
    content = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": full}
    key, same = rng.choice([*content]), "bytes"
    if key == "descr":
        content[key] = rng.choice([*DESCR, [("a", "<f4")], ("<f4", (2,)), {"names": ["a"]}, *TEXTS[:8]])
    elif key == "fortran_order":
        content[key] = rng.choice([True, 0, 1, "False", None, *TEXTS[:3]])
        same = "values" if full == SHAPE else "bytes"
    else:
        shape = [*full]
        way = rng.randrange(4)
        if way == 0:
            shape[rng.randrange(len(shape))] = rng.choice([*NUMBERS, 1.0, "3", None, True])
        elif way == 1:
            shape.insert(rng.randrange(4), rng.choice([0, 1, 2, 2**62, -1]))
        elif way == 2:
            del shape[rng.randrange(3)]
        content[key] = odd_value(rng) if way == 3 else rng.choice([tuple, tuple, list])(shape)
    if rng.random() < 0.1:
        content[rng.choice(["more", "Shape", "", "\0"])] = odd_value(rng)
    text = repr(content)
    if rng.random() < 0.15:
        text, same = mutate_text(rng, text), ""
    told = f"{key} {content[key]!r:.60}" if same else f"text {text[:60]!r}"
    text = text.encode("utf-8", "replace") + b"\n"
    version = rng.choice([1, 1, 1, 2, 3, 4])
    length = len(text).to_bytes(2 if version == 1 else 4, "little") if version > 1 or len(text) < 65536 else b"\xff\xff"
    return (
        b"\x93NUMPY" + bytes([version, rng.choice([0, 0, 0, 0, 1])]) + length + text,
        f"version {version} {told}",
        same,
    )


def make(rng, folder):
    """Write a spoilt .npy."""
    dtype = rng.choice(["u1", "i2", ">u2", "f4", "f8", "?"])
    image = voxels() > 30 if dtype == "?" else voxels(dtype)
    out = io.BytesIO()
    several = dtype != "?" and rng.random() < 0.2
    array = channels(dtype) if several else image
    np.save(out, array)
    data, same = out.getvalue(), ""
    if rng.random() < 0.7:
        header, told, same = _header(rng, dtype, array.shape)
        data = header + array.tobytes()
    else:
        data, told = mutate_bytes(rng, data, last=rng.choice([len(data), 80]))
    path = folder / "a.npy"
    path.write_bytes(data)
    return Case(f"{dtype} {told}", Stored(path, image, same, *((1, 2) if several else ())).check)
