"""TIFF, spoilt in its directories, its descriptions or anywhere."""

import functools
import io
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from .mutations import FLOATS, NUMBERS, TEXTS, mutate_bytes, mutate_text, number_bytes
from .properties import Case, Stored
from .volumes import channels, stored, voxels

IMAGEJ = "ImageJ=1.54f\nimages=3\nslices=3\nhyperstack=false\nunit=um\nspacing=2.0\nloop=false\nmin=1.0\nmax=60.0\n"
OME = (
    '<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
    'UUID="urn:uuid:11111111-2222-3333-4444-555555555555"><Image ID="Image:0" Name="a"><Pixels ID="Pixels:0" '
    'DimensionOrder="XYZCT" Type="uint8" BigEndian="false" SizeX="5" SizeY="4" SizeZ="3" SizeC="1" SizeT="1" '
    'PhysicalSizeX="0.5" PhysicalSizeXUnit="µm" PhysicalSizeY="0.5" PhysicalSizeYUnit="µm" PhysicalSizeZ="2.0" '
    'PhysicalSizeZUnit="µm"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
    '<TiffData IFD="0" PlaneCount="3" FirstZ="0" FirstC="0" FirstT="0">'
    '<UUID FileName="a.ome.tif">urn:uuid:11111111-2222-3333-4444-555555555555</UUID></TiffData></Pixels></Image></OME>'
)
SHAPED = '{"shape": [3, 4, 5], "axes": "ZYX", "spacing": 2.0, "unit": "um"}'
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8, 18: 8}
ABOUT = {270, 271, 272, 282, 283, 285, 296, 305, 306, 315, 316, 33432}  # tags that change no voxel: makers, resolution


@dataclass(frozen=True)
class Seed:
    """A good file."""

    name: str
    data: bytes
    dtype: str = "u1"
    plain: bool = True  # not compressed, so that sizes can be compared
    counted: bool = True  # its description says how many pages there are
    channels: int = 1


def _file(array=None, description=None, **how):
    out = io.BytesIO()
    array = stored() if array is None else array
    with tifffile.TiffWriter(
        out, **{key: how.pop(key) for key in ("bigtiff", "byteorder", "imagej", "ome") if key in how}
    ) as tif:
        tif.write(array, photometric="minisblack", description=description, **how)
    return out.getvalue()


def described(text, **how):
    """Return a file with this description and no other metadata."""
    text = text.encode("utf-8", "replace").replace(b"\0", b" ") if isinstance(text, str) else text
    return _file(description=text, metadata=None, resolution=(2, 2), **how)


def _channels(axes):
    array = channels().transpose(0, 3, 2, 1)  # (C, X, Y, Z) -> (C, Z, Y, X)
    return array if axes == "CZYX" else array.swapaxes(0, 1)


def _pages(**how):
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as tif:
        for page in stored():
            tif.write(page, metadata=None, contiguous=False, photometric="minisblack", **how)
    return out.getvalue()


@functools.cache
def seeds():
    """Return good files of every dialect."""
    size = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0, "axes": "ZYX"}
    ij = {"imagej": True, "resolution": (2, 2), "metadata": {"axes": "ZYX", "spacing": 2.0, "unit": "um"}}
    return (
        Seed("imagej", _file(**ij)),
        Seed("imagej16", _file(stored("u2"), byteorder=">", **ij), "u2"),
        Seed("imagej-lzw", _file(compression="lzw", **ij), plain=False),
        Seed("ome", _file(ome=True, metadata=size)),
        Seed("ome-float", _file(stored("f4"), ome=True, byteorder=">", metadata=size), "f4"),
        Seed(
            "shaped",
            _file(stored("i2"), metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"}, resolution=(2, 2)),
            "i2",
        ),
        Seed("big", _file(bigtiff=True)),
        Seed("big-ome", _file(stored("f8"), bigtiff=True, ome=True, metadata=size, byteorder=">"), "f8"),
        Seed("tiled", _file(tile=(16, 16)), plain=False),
        Seed("strips", _file(rowsperstrip=1)),
        Seed("zlib", _file(compression="zlib", predictor=True), plain=False),
        Seed("zstd", _file(compression="zstd"), plain=False),
        Seed("packbits", _file(compression="packbits"), plain=False),
        Seed("jpeg2000", _file(compression="jpeg2000"), plain=False),
        Seed("pages", _pages(), counted=False),
        Seed("imagej-channels", _file(_channels("ZCYX"), **ij | {"metadata": {"axes": "ZCYX"}}), channels=2),
        Seed("ome-channels", _file(_channels("CZYX"), ome=True, metadata=size | {"axes": "CZYX"}), channels=2),
        Seed("bilevel", _file(stored() > 30), "?", plain=False),
    )


def fields(data):
    """List every number of a TIFF's header and directories: (name, offset, bytes, tag)."""
    order, big = ("<" if data[:2] == b"II" else ">"), data[2:4] in (b"+\0", b"\0+")
    size, n, entry = (8, 8, 20) if big else (4, 2, 12)
    code, found = (
        {2: "H", 4: "I", 8: "Q"},
        [("magic", 0, 2, None), ("version", 2, 2, None), ("first", 8 if big else 4, size, None)],
    )
    (at,) = struct.unpack_from(order + code[size], data, found[-1][1])
    page = 0
    while at:
        (count,) = struct.unpack_from(order + code[n], data, at)
        found.append((f"page {page} entries", at, n, None))
        for place in range(at + n, at + n + count * entry, entry):
            tag, kind = struct.unpack_from(order + "HH", data, place)
            (values,) = struct.unpack_from(order + code[size], data, place + 4)
            name = f"page {page} tag {tag}"
            found += [(f"{name} number", place, 2, -1), (f"{name} type", place + 2, 2, tag)]
            found += [(f"{name} count", place + 4, size, tag), (f"{name} value", place + 4 + size, size, tag)]
            if (length := SIZES.get(kind, 1)) * values > size and length in code:
                (start,) = struct.unpack_from(order + code[size], data, place + 4 + size)
                found += [(f"{name} value {i}", start + i * length, length, tag) for i in range(min(values, 4))]
        found.append((f"page {page} next", at + n + count * entry, size, None))
        (at,) = struct.unpack_from(order + code[size], data, at + n + count * entry)
        page += 1
    return found


def _directory(rng, seed):
    """Spoil one number of a header or a directory."""
    data = bytearray(seed.data)
    name, at, size, tag = rng.choice(fields(seed.data))
    order = "<" if data[:2] == b"II" else ">"
    if rng.random() < 0.3:  # a little more or less
        old = int.from_bytes(data[at : at + size], "little" if order == "<" else "big")
        number = (old + rng.choice([-8, -2, -1, 1, 2, 8])) % 256**size
        data[at : at + size] = number.to_bytes(size, "little" if order == "<" else "big")
    else:
        data[at : at + size], number = number_bytes(rng, size, order)
    same = "bytes" if seed.plain and (seed.counted or tag is not None) else ""
    if tag in ABOUT and name.split()[1] and "number" not in name:
        same = "order" if tag != 270 else same
    return bytes(data), f"{name} = {number}", same


def _number_in(rng, text):
    """Put another number in place of one in a description."""
    match = rng.choice(list(re.finditer(r"-?\d+\.?\d*", text)))
    number = rng.choice([*map(str, NUMBERS), *map(str, FLOATS), *TEXTS[:20], str(rng.randrange(1, 13))])
    line = re.split(r"[\s;,{]", text[: match.start()])[-1][-20:]
    return text[: match.start()] + number + text[match.end() :], f"{line}{number!r:.40} instead of {match[0]}"


def _description(rng, _):
    text = kind = rng.choice(
        [IMAGEJ, IMAGEJ.replace("slices=3\n", "channels=1\nslices=3\nframes=1\n"), OME, OME, SHAPED]
    )
    told = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        if rng.random() < 0.7:
            text, each = _number_in(rng, text)
        else:
            new = mutate_text(rng, text)
            text, each = new, f"text {len(new)}"
        told.append(each)
        if not re.search(r"\d", text):
            break
    how = {"bigtiff": True} if rng.random() < 0.1 else {}
    return described(text, **how), f"{kind[:6]!r} {', '.join(told)}", "values"


def _other_file(rng, folder):
    """Let OME's description name a file elsewhere, or one that is none."""
    secret = folder.parent / "here" / "secret.ome.tif"
    secret.parent.mkdir(exist_ok=True)
    secret.write_bytes(described(OME.replace("a.ome.tif", secret.name), array=stored() + 100))
    os.mkfifo(folder / "pipe.ome.tif")
    name = rng.choice([str(secret), f"../here/{secret.name}", "pipe.ome.tif", "/dev/zero", ".", "none.ome.tif", ""])
    text = OME.replace('FileName="a.ome.tif"', f'FileName="{name}"')
    if rng.random() < 0.5:  # another identity, so that it cannot be this file
        text = text.replace(">urn:uuid:1", ">urn:uuid:2")
    return described(text), f"FileName {Path(name).name!r}", secret


def make(rng, folder):
    """Write a spoilt TIFF."""
    if rng.random() < 0.04:
        path = folder / "a.ome.tif"
        data, told, secret = _other_file(rng, folder)
        path.write_bytes(data)
        return Case(f"description: {told}", Stored(path, voxels(), "values").check, (secret,))
    seed = rng.choice(seeds())
    way = rng.randrange(10)
    if way < 5:
        data, told, same = _directory(rng, seed)
    elif way < 8:
        data, told, same = _description(rng, seed)
    else:
        data, told = mutate_bytes(rng, seed.data)
        same = ""
    suffix = ".ome.tif" if b"<OME" in data else ".tif"
    path = folder / f"a{suffix}"
    path.write_bytes(data)
    dtype = "u1" if way in (5, 6, 7) else seed.dtype
    image = voxels() > 30 if dtype == "?" else voxels(np.dtype(dtype))
    name = "description" if 5 <= way < 8 else seed.name
    several = seed.channels if name == seed.name else 1
    channel = 1 if several > 1 else rng.choice([None] * 5 + [0, 1])
    same = "" if channel is not None and several == 1 else same
    return Case(f"{name}: {told}", Stored(path, image, same, channel, several).check)
