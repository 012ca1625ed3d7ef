"""The weights that a server uses, `models/model.pt`: replaced by better ones, and brought back to those shipped."""

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
    """Put trained weights and their sidecar in the place of the active ones, which are kept if they are the first.

    Args:
        trained: `X.pt`.
        active: `models/model.pt`; the first time it is replaced it is kept beside it as `model_foundation.pt`.

    Of several processes the first does so.

    Raises:
        UserError: where the trained weights or a sidecar are missing, where weights are not those that their sidecar
            describes, or where the folder cannot be written; the active weights are then as they were.
    """
    trained, active = Path(trained), Path(active)
    if not trained.is_file():
        problem = f"is not there, for no epoch had a Dice to be chosen by, so {active} is kept"
        refuse(trained, problem, "label vessels where it validates", FileNotFoundError)
    foundation = active.with_name(FOUNDATION)
    if not (foundation.is_file() and sidecar_path(foundation).is_file()):
        copy_pair(active, foundation)
    copy_pair(trained, active)
    logger.info("%s: replaced by the weights just trained; those shipped are %s", active, foundation.name)


def restore_foundation(app: str | Path, model: str = "tubenet") -> Path:
    """Make the weights that the bundle was shipped with the active ones again.

    Args:
        app: folder of the MONAI Label app.
        model: name of the bundle in it.

    Returns:
        The active weights; a running server uses them from the next request on.

    Raises:
        UserError: where there is no such app, nothing was ever trained in it, the weights kept are not those that their
            sidecar describes, or they cannot be written.
    """
    models = Path(app) / "model" / model / "models"
    if not models.is_dir():
        refuse(models, "no such folder", "give --app, the folder that the server was started with", FileNotFoundError)
    if not (models / FOUNDATION).is_file():
        problem, remedy = (
            "is not there, for nothing was trained here yet",
            "use the active weights: they are the shipped ones",
        )
        refuse(models / FOUNDATION, problem, remedy, FileNotFoundError)
    copy_pair(models / FOUNDATION, models / "model.pt")
    return models / "model.pt"


def copy_pair(source: Path, target: Path) -> None:
    """Copy weights and sidecar, both whole before the first gets its name.

    Raises:
        UserError: where one of them is missing, where they do not belong together, or where they cannot be written.
    """
    checkpoint = Checkpoint(source)
    checkpoint.check()
    copies = [(target, checkpoint.content), (sidecar_path(target), sidecar_path(source).read_bytes())]
    write_together(
        [(path, lambda temporary, content=content: temporary.write_bytes(content)) for path, content in copies]
    )
