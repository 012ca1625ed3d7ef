"""Patches from synthetic volumes that are made during training, each volume only once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import Dataset, MetaTensor
from monai.transforms import Compose, RandomizableTrait, Transform

from scripts.core import refuse
from scripts.synthesis import check_parts, draw_style, synthesise

LANES = 16  # volumes from which patches are drawn at the same time


def training_shape(seed: int, style: str) -> tuple[int, int, int]:
    """Draw the size of a synthetic volume: a cube, a slab or a thin stack of 10 to 30 slices.

    Args:
        seed: a non-negative integer.
        style: style of the vessels: stems need a wide field, a plexus is flat.

    Returns:
        Number of voxels along X, Y and Z.
    """
    rng = np.random.default_rng([seed, 1])
    kinds = {"stack": (0.0, 0.25, 0.75), "plexus": (0.2, 0.7, 0.1), "mask": (0.5, 0.3, 0.2)}
    kind = rng.choice(["cube", "slab", "thin"], p=kinds.get(style, (0.55, 0.3, 0.15)))
    if kind == "cube":
        side = int(rng.integers(88, 113))
        return side, side, side
    if kind == "slab":
        side = int(rng.integers(120, 161))
        return side, side, int(rng.integers(36, 65))
    side = int(rng.integers(160, 225))
    return side, side, int(rng.integers(10, 31))


class Synthesised(Transform):
    """Make a synthetic volume from a seed.

    Args:
        without: parts to leave out, see `scripts.synthesis.synthesise`.
        masks: real vessel masks, see `scripts.synthesis.synthesise`.

    Raises:
        UserError: if a part is unknown, or if no style is left.
    """

    def __init__(self, without: Sequence[str] = (), masks: Sequence[np.ndarray] = ()) -> None:
        check_parts(without, masks)
        self.without = tuple(without)
        self.masks = masks

    def __call__(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Add `image` (float32), `label` (int8), both `(1, X, Y, Z)`, and `style` to a `seed` item.

        Their size is the item's `shape` if it has one, else it is drawn.
        """
        seed = data["seed"]
        style = draw_style(seed, self.without, self.masks)
        shape = data.get("shape") or training_shape(seed, style)
        image, label = synthesise(seed, shape, style, self.without, self.masks)
        return {
            **data,
            "style": style,
            "image": MetaTensor(torch.from_numpy(image)[None]),  # (1, X, Y, Z)
            "label": MetaTensor(torch.from_numpy(label.astype(np.int8))[None]),  # (1, X, Y, Z)
        }


def seeds(first: int, count: int) -> list[dict[str, Any]]:
    """Return the items of a fixed set of volumes to validate on; training seeds are far larger."""
    return [{"seed": seed, "name": f"synthetic_{seed}"} for seed in range(first, first + count)]


class SyntheticPatches(Dataset):
    """Patches from ever new synthetic volumes; each depends only on the seed and its index.

    Patches are drawn from `LANES` volumes in turn, so that those in a batch differ. After `per_volume` patches a volume
    is replaced by a new one, in one lane after the other, so that no step waits for many. A DataLoader worker keeps the
    volumes it draws from; with batches of two, and 1, 2, 4 or 8 workers that persist across epochs, no volume is made
    twice.

    Args:
        draw: makes a volume from a seed.
        transform: preprocessing; the first random transform and those after it run for every patch.
        length: patches per epoch.
        seed: seed of the random draws.
        per_volume: patches to cut from each volume.
        progress: has no effect, because nothing is loaded in advance; the configs for several processes set it.

    Raises:
        UserError: if `length` or `per_volume` is below 1.
    """

    def __init__(
        self,
        draw: Synthesised,
        transform: Compose,
        length: int,
        seed: int = 0,
        per_volume: int = 8,
        progress: bool = True,
    ) -> None:
        super().__init__(data=[], transform=transform)
        if length < 1 or per_volume < 1:
            refuse(
                "the training",
                f"has {length} patches an epoch, {per_volume} from each volume",
                "give at least one of each",
            )
        self.draw = draw
        self.length = length
        self.seed = seed
        self.per_volume = per_volume
        self.first_random = transform.get_index_of_first(lambda each: isinstance(each, RandomizableTrait))
        self._volumes: OrderedDict[int, Any] = OrderedDict()

    def __len__(self) -> int:
        """Return the number of patches per epoch."""
        return self.length

    def volume_of(self, index: int) -> int:
        """Return the number of the volume that a patch is cut from."""
        turn, lane = divmod(index, LANES)
        # lanes replace their volume one after the other
        return (turn + lane * self.per_volume // LANES) // self.per_volume * LANES + lane

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Draw a patch; `index` keeps counting from one epoch to the next (`EpochSampler`)."""
        generator = np.random.default_rng((self.seed, index))
        volume = self._volume(self.volume_of(index))
        self.transform.set_random_state(seed=int(generator.integers(2**32)))
        patch = self.transform(volume, start=self.first_random)
        return patch[0] if isinstance(patch, list) else patch

    def _volume(self, number: int) -> Any:
        if number not in self._volumes:
            drawn = int(np.random.SeedSequence((self.seed, number)).generate_state(1, np.uint64)[0])
            self._volumes[number] = self.transform(self.draw({"seed": drawn}), end=self.first_random)
            while len(self._volumes) > LANES:
                self._volumes.popitem(last=False)
        self._volumes.move_to_end(number)
        return self._volumes[number]
