"""NIfTI-1 and NIfTI-2, plain and compressed, spoilt in a field of the header or anywhere."""

import functools
import gzip
import io

import nibabel as nib
import numpy as np

from .mutations import mutate_bytes, number_bytes
from .properties import Case, Stored
from .volumes import channels, voxels

CLASSES = {1: (nib.Nifti1Image, nib.Nifti1Header), 2: (nib.Nifti2Image, nib.Nifti2Header)}
AFFINE = np.array([[0.3, 0.1, 0, 5], [0, -0.7, 0.2, 1], [0.05, 0, 2, 3], [0, 0, 0, 1]])
DECIDE = {"sizeof_hdr": "bytes", "dim": "bytes", "datatype": "bytes", "scl_slope": "scaled", "scl_inter": "scaled"}
"""What can be known after a field was spoilt; of any other field, that it changes no voxel."""


@functools.cache
def large():
    """Return (X, Y, Z) of more bytes than gzip reads at a time."""
    return np.random.default_rng(0).integers(0, 60000, (50, 40, 30)).astype("u2")


@functools.cache
def seed(version, dtype, endianness, volumes, comment):
    """Return a good file, not compressed, with so many volumes along a fourth axis, or without such an axis."""
    image_class, header_class = CLASSES[version]
    header = header_class(endianness=endianness)
    array = {
        0: voxels(dtype),
        1: voxels(dtype)[..., None],
        2: np.moveaxis(channels(dtype), 0, -1),
        "large": large(),
        "several large": np.stack([large()[::-1], large()], -1),
    }[volumes]
    header.set_data_dtype(array.dtype)
    header.set_data_shape(array.shape)
    header.set_sform(AFFINE, 1)
    header.set_qform(AFFINE, 1, strip_shears=True)
    header.set_xyzt_units("mm")
    image = image_class(array, None, header)
    if comment:
        image.header.extensions.append(
            nib.nifti1.Nifti1Extension(6, b'{"provenance": {"a": 1}, "intensity_range": [0, 9]}')
        )
    out = io.BytesIO()
    image.to_file_map({"image": nib.FileHolder(fileobj=out), "header": nib.FileHolder(fileobj=out)})
    return out.getvalue()


def _field(rng, data, version, order):
    template = CLASSES[version][1].template_dtype
    name = rng.choice(template.names)
    kind, offset = template.fields[name][:2]
    size, count = kind.base.itemsize, int(np.prod(kind.shape, dtype=int))
    at = offset + rng.randrange(count) * size
    if kind.base.kind == "S" or len(data) < at + size:  # a field before may have been cut
        data, told = mutate_bytes(rng, data, min(offset, len(data) - 1), min(offset + size, len(data)))
        return data, f"{name} {told}", ""  # it may be longer now, and all behind it elsewhere
    data = bytearray(data)
    if rng.random() < 0.3 and kind.base.kind in "iu":
        number = int(np.frombuffer(data, kind.base.newbyteorder(order), 1, at)[0]) + rng.choice([-8, -1, 1, 2, 8, 16])
        data[at : at + size] = (number % 256**size).to_bytes(size, "little" if order == "<" else "big")
    else:
        data[at : at + size], number = number_bytes(rng, size, order)
    return bytes(data), f"{name}[{(at - offset) // size}] = {number}", DECIDE.get(name, "order")


def make(rng, folder):
    """Write a spoilt NIfTI file."""
    version, order = rng.choice([1, 1, 2]), rng.choice("<<>")
    dtype = rng.choice(["u1", "i2", "u2", "i4", "f4", "f8"])
    way, zipped = rng.randrange(10), rng.random() < 0.5
    volumes = rng.choice([0, 0, 0, 1, 2])
    if zipped and way > 7:
        dtype, volumes = "u2", rng.choice(["large", "large", "several large"])
    data = seed(version, dtype, order, volumes, rng.random() < 0.3)
    header, told, same = 348 if version == 1 else 540, [], "order"
    if way < 6:
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            data, each, known = _field(rng, data, version, order)
            same = min(same, known, key=["scaled", "", "bytes", "order"].index)
            told.append(each)
    elif way < 8 or not zipped:
        data, each = mutate_bytes(rng, data, 0 if way == 6 else header)
        told.append(each)
        same = ""
    if zipped:
        data = gzip.compress(data, 1, mtime=0)
    if not told:
        data, each = mutate_bytes(rng, data)  # the checksum tells any difference
        told.append(f"compressed: {each}")
    path = folder / ("a.nii.gz" if zipped else "a.nii")
    path.write_bytes(data)
    if rng.random() < 0.05:
        path = path.rename(path.with_name("A.NII" + ".GZ" * zipped))
    image = large() if "large" in str(volumes) else voxels(dtype)
    checked = Stored(path, image, same, *((1, 2) if volumes in (2, "several large") else ()))
    return Case(f"NIfTI-{version} {dtype}{order} {path.suffix}: {', '.join(told)}", checked.check)
