"""Write TensorBoard's event files during training, with a picture of every validation.

Only `overlays/tensorboard.json` uses this, so that a run without it does not need TensorBoard.
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
    """Open an event file in a folder; TensorBoard shows it and earlier ones as one run.

    With several processes, only the first has a file; the writer of the others does nothing.

    Raises:
        UserError: if TensorBoard is not installed, or the folder cannot be written to.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        remedy = "pip install -r requirements/tracking.txt, or 'tubenet[tracking]'"
        refuse("overlays/tensorboard.json", "TensorBoard is not installed", remedy)
    return _NoEvents() if idist.get_rank() else SummaryWriter(str(check_writable(log_dir)))


class _NoEvents:
    """A writer that does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class CloseEvents:
    """Handler that closes the event file when the engine has finished, even if early.

    Args:
        writer: writer of the event file.
    """

    def __init__(self, writer: SummaryWriter) -> None:
        self.writer = writer

    def attach(self, engine: Engine) -> None:
        """Close at the end of `engine`, the trainer."""
        engine.add_event_handler(Events.COMPLETED, self.writer.close)


class SliceImages:
    """Handler that draws the first volume of every validation, label and prediction outlined.

    With several processes, only the first draws. No volume is kept in memory.

    As in the validation's Dice (`scripts.metrics.VoxelScores`), the prediction is where the probability of vessel, of
    any class, exceeds `threshold`. (The threshold that the validation chooses is known only after all volumes.)

    Args:
        writer: writer of the event file.
        threshold: probability between 0 and 1.
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
    """Return the title, and the voxel size and unit if the file states them."""
    meta = getattr(image, "meta", {})
    title = f"{Path(meta.get('filename_or_obj', '')).name}  ·  epoch {epoch}".lstrip(" ·")
    if not meta.get("unit"):
        return {"title": title}
    unit = meta["unit"]
    return {"title": title, "spacing": [in_unit(mm, unit) for mm in voxel_size(meta["affine"])], "unit": unit}
