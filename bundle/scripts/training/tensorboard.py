"""TensorBoard: the event files of a training, and in them a picture of every validation.

Used by `overlays/tensorboard.json` alone, so that a run without it needs no TensorBoard.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from scripts.core import check_writable, foreground_log_odds, refuse, voxel_size
from scripts.io import in_unit
from scripts.report import pixels_of, slice_figure

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def open_events(log_dir: str | Path) -> SummaryWriter:
    """Open an event file in a folder; where a resumed run finds earlier ones, TensorBoard shows all as one run.

    Of several processes the first has one, and the others' writer writes nothing.

    Raises:
        UserError: where TensorBoard is not installed; where the folder cannot be written.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        refuse("overlays/tensorboard.json", "TensorBoard is not installed", "pip install -r requirements/tracking.txt")
    return _NoEvents() if idist.get_rank() else SummaryWriter(str(check_writable(log_dir)))


class _NoEvents:
    """A writer without a file."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class CloseEvents:
    """Handler: close the event file when the engine has completed, be it early.

    Args:
        writer: of the file.
    """

    def __init__(self, writer: SummaryWriter) -> None:
        self.writer = writer

    def attach(self, engine: Engine) -> None:
        """Close at the end of `engine`, the trainer."""
        engine.add_event_handler(Events.COMPLETED, self.writer.close)


class SliceImages:
    """Handler: draw the first volume of every validation, label and prediction outlined; nothing of it is kept.

    Of several processes the first draws.

    Predicted is what `scripts.metrics.VoxelScores` counts for the validation's Dice: voxels whose probability
    of being vessel, of any class, exceeds `threshold`. (The threshold that the validation chooses is known only when
    all volumes have been seen.)

    Args:
        writer: of an event file.
        threshold: between 0 and 1.
        tag: name of the picture; its step is the epoch.
    """

    def __init__(self, writer: SummaryWriter, threshold: float = 0.5, tag: str = "validation") -> None:
        self.writer = writer
        self.threshold = threshold
        self.tag = tag

    def attach(self, engine: Engine) -> None:
        """Draw after the first iteration of every run of `engine`, the validator."""
        engine.add_event_handler(Events.ITERATION_COMPLETED(once=1), self)

    @idist.one_rank_only()
    def __call__(self, engine: Engine) -> None:
        """Draw image and label `(1, X, Y, Z)` with logits `(K, X, Y, Z)`, background first."""
        volume = engine.state.output[0]
        least = torch.logit(torch.tensor(self.threshold, dtype=torch.float64)).item()
        predicted = foreground_log_odds(volume["pred"]) > least  # (X, Y, Z)
        figure = slice_figure(
            volume["image"][0].cpu().numpy(),  # (X, Y, Z)
            volume["label"][0].cpu().numpy(),  # (X, Y, Z)
            predicted.to(torch.uint8).cpu().numpy(),
            **_words_and_scale(volume["image"], engine.state.epoch),
        )
        self.writer.add_image(self.tag, pixels_of(figure), engine.state.epoch, dataformats="HWC")
        self.writer.flush()


def _words_and_scale(image: torch.Tensor, epoch: int) -> dict[str, Any]:
    """Title, and voxel size if the file states one; images that did not come from a file have neither."""
    meta = getattr(image, "meta", {})
    title = f"{Path(meta.get('filename_or_obj', '')).name}  ·  epoch {epoch}".lstrip(" ·")
    if not meta.get("unit"):
        return {"title": title}
    unit = meta["unit"]
    return {"title": title, "spacing": [in_unit(mm, unit) for mm in voxel_size(meta["affine"])], "unit": unit}
