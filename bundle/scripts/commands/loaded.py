"""What `segment` runs, loaded once in this process for volumes that come later."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow

from scripts.core import BUNDLE, CONFIGS, check_overrides, refuse


def loaded_workflow(overlays: Sequence[str] = (), **options: Any) -> ConfigWorkflow:
    """Return the workflow of `configs/inference.json`, initialised, its dataset an empty list.

    Args:
        overlays: configs to lay over it.
        options: of `segment`.

    Raises:
        UserError: for an overlay that is not there, options out of range, and weights that are missing or do not fit.
    """
    base = str(CONFIGS / "inference.json")
    check_overrides(
        ["run", "--config_file", base, *(word for name in options for word in (f"--{name}", str(options[name])))]
    )
    for overlay in overlays:
        if not Path(overlay).is_file():
            refuse(overlay, "no such config", "check --overlays", FileNotFoundError)
    # one volume at a time instead of a list
    workflow = ConfigWorkflow(
        [base, *overlays],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type="inference",
        bundle_root=str(BUNDLE),
        **{
            **options,
            "dataset#data": [{}],
            "dataset#empty": True,
        },
    )
    workflow.initialize()
    return workflow
