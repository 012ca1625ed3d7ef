"""The released implementation's outputs, brought into TubeNet's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "keras"


def channel_first(array: np.ndarray) -> torch.Tensor:
    """Turn `(N, Z, X, Y, C)` into `(N, C, X, Y, Z)`."""
    return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 4, 2, 3, 1)))


def load_array(name: str, entry: str | None = None) -> torch.Tensor:
    """Read an array of the fixture, or one entry of an `.npz`, double precision and channel first."""
    loaded = np.load(FOLDER / name)
    return channel_first(loaded if entry is None else loaded[entry]).double()
