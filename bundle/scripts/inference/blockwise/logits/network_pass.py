"""One run of the network over an image, block by block, into an array of logits on disk.

Only differences of logits matter, so those of the vessel classes are kept, less that of the background: one channel
where there is one vessel class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from monai.inferers import Inferer
from monai.networks.utils import eval_mode

from scripts.core import Box, common, inside_of, is_finite, refuse
from scripts.io import BlockArray

from ..grid import BlockGrid, Index, WindowGrid
from ..image import Image, read_padded
from ..preview import Preview
from ..stages import Apart, Stage, kept_array
from .mail import Mail, Sums

Logits = npt.NDArray[np.float32]


class StoredLogits:
    """Logits of an image on disk, of each vessel class, less that of the background.

    Args:
        arrays: one for each vessel class.
    """

    def __init__(self, arrays: list[BlockArray]) -> None:
        self.arrays = arrays
        self.shape = arrays[0].shape

    @classmethod
    def create(
        cls, folder: Path, name: str, blocks: BlockGrid, classes: int, chunks: tuple[int, int, int]
    ) -> StoredLogits:
        """Make the arrays, or open those that a run before has left.

        Args:
            folder: where they lie.
            name: of the pass.
            blocks: that are written one after another.
            classes: K, the background among them.
            chunks: sides (X, Y, Z) of a chunk.
        """
        paths = [folder / f"{name}-{index}.zarr" for index in range(1, classes)]
        return cls([kept_array(path, blocks.shape, np.float32, chunks, False) for path in paths])

    def read(self, box: Box) -> Logits:
        """Return the logits of a box, `(K - 1, x, y, z)`."""
        return np.stack([array.read(box) for array in self.arrays])


@dataclass
class NetworkPass:
    """The network over an image.

    Attributes:
        name: of the pass, in file names.
        image: what the network sees, without padding.
        grid: its blocks and windows.
        inferer: what is inside the edge padding: runs the network over windows on a regular grid.
        network: the network.
        device: where it computes.
        logits: where the logits go.
        mail: what blocks pass on.
        subject: the volume, for messages.
        preview: shows what is done, where this process does it.
    """

    name: str
    image: Image
    grid: WindowGrid
    inferer: Inferer
    network: Callable[..., torch.Tensor]
    device: torch.device
    logits: StoredLogits
    mail: Mail
    subject: str
    preview: Preview | None = None

    def stage(self) -> Stage:
        """Return this pass as a stage of the work, recorded in the last array of logits."""
        apart = Apart(self.send_all, self.grid.blocks.before, self.merge)
        record = self.logits.arrays[-1]
        steps = self.load, self.compute, self.store, self.after, self.work
        return Stage(self.name, self.grid.blocks, record, *steps, apart, keeps_memory=True)

    def work(self, index: Index) -> int:
        """Return how many voxels the network sees of a block."""
        return self.grid.work(index)

    def load(self, index: Index) -> Any:
        """Return the voxels that a block's windows see, `(x, y, z)`; None without a window."""
        span = self.grid.span(index)
        return None if span is None else read_padded(self.image, span)

    def compute(self, index: Index, voxels: Any) -> Sums | None:
        """Run the network over a block's windows.

        Returns:
            Sums of weighted logits over the windows' span, `(K - 1, x, y, z)`.

        Raises:
            UserError: for logits that are NaN or infinite.
        """
        span = self.grid.span(index)
        if span is None:
            return None
        batch = torch.from_numpy(np.ascontiguousarray(voxels))[None, None].to(self.device)  # (1, 1, x, y, z)
        with eval_mode(self.network), torch.inference_mode():  # type: ignore[arg-type]  # or a plain function
            logits = self.inferer(batch, self.network)[0].float()  # (K, x, y, z)
            del batch
            found = (logits[1:] - logits[:1]).cpu()  # (K - 1, x, y, z)
            del logits
            if not is_finite(found):
                remedy = "use other weights, or train again at a lower --learning_rate"
                refuse(self.subject, "the network's logits for it are NaN or infinite", remedy)
            if self.preview is not None:
                box = common(span, self.grid.blocks.box(index))
                self.preview.add_image(box, voxels[inside_of(box, span)])
            found *= self.grid.weights(span, self.grid.owned(index))  # back to sums, which blocks can add
        return found.numpy()

    def store(self, index: Index, sums: Sums | None) -> None:
        """Pass on what belongs to other blocks, and write the block itself."""
        self.send(index, sums)
        self.merge(index, sums)

    def send_all(self, index: Index, sums: Sums | None) -> None:
        """Pass on what a block's windows say of the blocks after it, and of itself."""
        self.send(index, sums, own=True)

    def send(self, index: Index, sums: Sums | None, own: bool = False) -> None:
        """Pass on what a block's windows say of the blocks after it.

        Args:
            index: of the block.
            sums: of `compute`.
            own: whether to store what they say of the block itself too.
        """
        span = self.grid.span(index)
        if span is None or sums is None:
            return
        for target in self.grid.blocks.after(index):
            box = common(span, self.grid.blocks.box(target))
            if all(start < stop for start, stop in box) and (own or target != index):
                self.mail.send(target, index, sums[(slice(None), *inside_of(box, span))])

    def merge(self, index: Index, sums: Sums | None = None) -> None:
        """Average the logits of all windows over a block, and write them.

        Args:
            index: of the block, after all of `BlockGrid.before`.
            sums: its own, of `compute`; by default those that were sent.
        """
        blocks = self.grid.blocks
        box = blocks.box(index)
        total = np.zeros((len(self.logits.arrays), *(stop - start for start, stop in box)), np.float32)  # (K - 1, ...)
        for source in blocks.before(index):
            span = self.grid.span(source)
            if span is None:
                continue
            shared = common(span, box)
            if any(start >= stop for start, stop in shared):
                continue
            if source == index and sums is not None:
                part = sums[(slice(None), *inside_of(shared, span))]
            else:
                part = self.mail.receive(index, source)
                if part is None:
                    remedy = f"remove {self.mail.folder.parent} and begin again"
                    refuse(self.subject, f"what block {source} passed on to {index} is missing", remedy)
            total[(slice(None), *inside_of(shared, box))] += part
        total /= self.grid.weights(box).numpy()
        for array, channel in zip(self.logits.arrays, total, strict=True):
            array.write(box, channel)
        if self.preview is not None:
            self.preview.add_logits(box, total)

    def after(self, index: Index) -> None:
        """Remove what was passed on to a block that is recorded as done."""
        self.mail.discard(index, self.grid.blocks.before(index))
