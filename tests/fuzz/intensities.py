"""Voxels of any type with extreme ones among them, as an image and as a label."""

import functools
import math

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor

from scripts.core import BUNDLE, CONFIGS
from scripts.data import scan_labels
from scripts.transforms import MapLabelsd

from .properties import Case, Finding, Refused, told

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "?"]
EXTREMES = [
    1e39,
    -1e39,
    3.4e38,
    -3.4e38,
    1e308,
    -1e308,
    1e-45,
    5e-324,
    65535,
    2**24,
    2**24 + 1,
    2**40,
    2**53 + 1,
    2**63,
]
SHAPE = (6, 5, 4)


def _voxels(rng):
    dtype, drawn = np.dtype(rng.choice(DTYPES)), np.random.default_rng(rng.randrange(2**32))
    image = drawn.integers(0, rng.choice([1, 2, 10, 100, 250]) + 1, SHAPE).astype("f8")
    image = image * rng.choice([1, 1, 1, 1e-30, 1e-40, 1e30]) + rng.choice([0, 0, 0, 1e6, 3e9, 2.0**40, -1e5])
    for _ in range(rng.choice([0, 0, 1, 2])):
        image[tuple(rng.randrange(side) for side in SHAPE)] = rng.choice(EXTREMES)
    if dtype.kind in "iu":
        kept = np.iinfo(dtype)
        image = np.clip(image, float(kept.min), float(kept.max) * (1 - 1e-15)).astype(dtype)
    with np.errstate(over="ignore"):
        return image.astype(dtype)


@functools.cache
def preprocessing(lower, upper):
    """Return what `inference.json` does to an image before the network, with these percentiles."""
    parser = ConfigParser()
    parser.read_config(str(CONFIGS / "inference.json"))
    steps = parser["preprocessing"]["transforms"]
    at = next(i for i, step in enumerate(steps) if step["_target_"].endswith("ScaleToUnitd"))
    parser["bundle_root"] = str(BUNDLE)
    parser[f"preprocessing#transforms#{at}#invert"] = False
    parser[f"preprocessing#transforms#{at}#lower"], parser[f"preprocessing#transforms#{at}#upper"] = lower, upper
    return parser.get_parsed_content("preprocessing")


def _is_ordinary(voxels):
    """Whether nothing speaks against an image: two values or more that any type of numbers holds."""
    low, high = float(voxels.min()), float(voxels.max())
    return (
        np.isfinite(voxels).all()
        and high > low
        and abs(low) < 1e15
        and 1e-20 < high < 1e15
        and high - low > 1e-3 * high
    )


def image(rng, folder):
    """Scale an image; the exact answer is that of whole numbers and double precision."""
    voxels, path = _voxels(rng), folder / "a.npy"
    lower, upper = rng.choice([(0, 100), (0, 100), (0.05, 99.95), (1, 99), (0, 99.9)])
    np.save(path, voxels)
    preprocess = preprocessing(lower, upper)

    def check():
        try:
            with told(path), np.errstate(all="ignore"):
                scaled = preprocess({"image": str(path)})["image"].numpy()[0]  # (X, Y, Z)
        except Refused:
            if _is_ordinary(voxels):
                raise Finding(
                    "an ordinary image was refused", f"{voxels.dtype} {voxels.min()} {voxels.max()}"
                ) from None
            raise
        if not np.isfinite(scaled).all() or scaled.min() < 0 or scaled.max() > 1:
            raise Finding("a scaled image outside 0 to 1", f"{voxels.dtype} {scaled.min()} {scaled.max()}")
        if (lower, upper) == (0, 100):
            exact = _exact(voxels)
            if (error := np.abs(scaled - exact).max()) > 1e-5:
                raise Finding("a scaled image that is not exact", f"{voxels.dtype} off by {error:.3g}")

    ends = f"{voxels.min()} to {voxels.max()}"
    return Case(f"{voxels.dtype} from {ends}, percentiles {lower} and {upper}", check)


def _exact(voxels):
    whole = voxels.dtype.kind in "iub"
    numbers = [int(value) if whole else float(value) for value in voxels.ravel()]
    low, high = min(numbers), max(numbers)
    if whole:
        return np.array([(number - low) / (high - low) for number in numbers]).reshape(voxels.shape)
    half = high / 2 - low / 2  # of doubles near the end of their range
    return np.array([(number / 2 - low / 2) / half for number in numbers]).reshape(voxels.shape)


def label(rng, folder):
    """Scan a label and map it; every value that is kept must come out as its own class."""
    voxels = _voxels(rng)
    if rng.random() < 0.6:  # few values
        values = [
            0,
            1,
            rng.choice([2, 255, 65535, 2**24, 2**31, 2**53]),
            rng.choice([3, 2**24 + 1, -1, 2**53 + 1, 0.9999999 * rng.choice([1, 1, 0])]),
        ]
        drawn = np.array([rng.choice(values) for _ in range(math.prod(SHAPE))], dtype=object).reshape(SHAPE)
        voxels = drawn.astype("f8").astype(rng.choice(["f8", "f4"])) if rng.random() < 0.4 else drawn.astype("i8")
    if not np.isfinite(voxels).all():
        voxels = np.nan_to_num(voxels, posinf=0, neginf=0)
    path = folder / "a.npy"
    np.save(path, voxels)
    unlabelled = rng.choice([None, None, 0, 255, 2.0**24])

    def check():
        with told(path):
            box = tuple((0, side) for side in SHAPE)
            (scanned,) = scan_labels([{"label": str(path), "region": box}], unlabelled)
        values = scanned["scan"].values
        kept = {int(value) for value in np.unique(voxels).tolist() if value >= 0 and value != unlabelled}
        if set(values) != kept or any(value != int(value) for value in np.unique(voxels).tolist() if value >= 0):
            raise Finding("other label values than are stored", f"{sorted(values)} {sorted(kept)} {voxels.dtype}")
        meta = {"filename_or_obj": str(path)}
        with told(path):
            mapped = MapLabelsd("label", values, unlabelled)(
                {"label": MetaTensor(torch.as_tensor(voxels[None]), meta=meta)}
            )["label"]
        place = {value: index for index, value in enumerate(sorted(values))}
        wanted = [-1 if each < 0 or each == unlabelled else place[int(each)] for each in voxels.ravel().tolist()]
        if mapped.ravel().tolist() != wanted:
            raise Finding("a label mapped to another class", f"{voxels.dtype} {sorted(values)}")

    return Case(f"{voxels.dtype} {np.unique(voxels)[:5].tolist()}, not labelled {unlabelled}", check)
