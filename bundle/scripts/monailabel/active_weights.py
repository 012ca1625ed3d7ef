"""The weights that a server uses: replace them by trained ones, or restore the shipped ones."""

from __future__ import annotations

import logging
from pathlib import Path

import ignite.distributed as idist

from scripts.core import refuse, write_together
from scripts.weights import Checkpoint, sidecar_path

logger = logging.getLogger(__name__)

FOUNDATION = "model_foundation.pt"


@idist.one_rank_only()
def activate(trained: str | Path, active: str | Path) -> None:
    """Replace the active weights and their sidecar by trained ones, keeping the shipped ones.

    With several processes, only the first does so.

    Args:
        trained: `X.pt` to make active.
        active: `models/model.pt`; the first time it is replaced, a copy is kept beside it as `model_foundation.pt`.

    Raises:
        UserError: if the trained weights or a sidecar are missing, weights do not match their sidecar, or the folder
            cannot be written to; the active weights then stay as they were.
    """
    trained, active = Path(trained), Path(active)
    if not trained.is_file():
        problem = f"does not exist, because the Dice was undefined in every epoch, so {active} is kept"
        refuse(trained, problem, "label vessels in the part that validates", FileNotFoundError)
    foundation = active.with_name(FOUNDATION)
    if not (foundation.is_file() and sidecar_path(foundation).is_file()):
        copy_pair(active, foundation)
    copy_pair(trained, active)
    logger.info("%s: replaced by the weights just trained; the shipped ones are kept as %s", active, foundation.name)


def restore_foundation(app: str | Path, model: str = "tubenet") -> Path:
    """Make the weights that the bundle was shipped with the active ones again.

    Args:
        app: folder of the MONAI Label app.
        model: name of the bundle in the app.

    Returns:
        Path of the active weights; a running server uses them from the next request on.

    Raises:
        UserError: if there is no such app, nothing was ever trained in it, the shipped weights do not match their
            sidecar, or they cannot be written.
    """
    models = Path(app) / "model" / model / "models"
    if not models.is_dir():
        refuse(models, "no such folder", "give --app, the folder that the server was started with", FileNotFoundError)
    if not (models / FOUNDATION).is_file():
        problem, remedy = (
            "does not exist, because nothing was trained here yet",
            "use the active weights: they are the shipped ones",
        )
        refuse(models / FOUNDATION, problem, remedy, FileNotFoundError)
    copy_pair(models / FOUNDATION, models / "model.pt")
    return models / "model.pt"


def copy_pair(source: Path, target: Path) -> None:
    """Copy weights and sidecar; neither appears before both are complete.

    Raises:
        UserError: if one of them is missing, if they do not match, or if they cannot be written.
    """
    checkpoint = Checkpoint(source)
    checkpoint.check()
    copies = [(target, checkpoint.content), (sidecar_path(target), sidecar_path(source).read_bytes())]
    write_together(
        [(path, lambda temporary, content=content: temporary.write_bytes(content)) for path, content in copies]
    )
