"""The published data sets that can be made into datasets, and the command that does it.

Where each is found, and what its licence allows: docs/reference/datasets.md.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType

from scripts.core import refuse

from . import deepvesselnet, hip_ct, minivess, smile_uhura, topcow, tube_net

logger = logging.getLogger(__name__)

KINDS: dict[str, ModuleType] = {
    "tube_net": tube_net,
    "deepvesselnet": deepvesselnet,
    "hip_ct": hip_ct,
    "minivess": minivess,
    "smile_uhura": smile_uhura,
    "topcow": topcow,
}
"""A module for each, with its `LICENCE`, and `convert(source, output_dir)`, which makes the dataset."""


def import_dataset(data_dir: str | Path, output_dir: str | Path, kind: str = "tube_net", classes: bool = False) -> Path:
    """Make a dataset of a published data set that was downloaded and unpacked.

    Args:
        data_dir: the downloaded and unpacked data set.
        output_dir: folder to write `images/NAME.EXT` and `labels/NAME.EXT` to; it must be empty or not exist yet.
        kind: tube_net (the authors' own), deepvesselnet, hip_ct, minivess, smile_uhura or topcow.
        classes: keep the several classes that topcow has; otherwise they are all vessel.

    Returns:
        The dataset. It appears only when complete, after the header of every image was checked against its label's.

    Raises:
        UserError: if a folder, or the image or label of a pair, is missing; if two files have the same name or the
            voxels of a pair do not match; if `output_dir` is not empty, lies in the data set or cannot be written; for
            a kind that is not known, and for `classes` where there is one.
    """
    if not isinstance(kind, str) or kind not in KINDS:
        refuse(f"--kind {kind}", "no such data set is known", f"give one of {', '.join(KINDS)}")
    if classes and kind != "topcow":
        refuse("--classes", f"{kind} has one class, vessel", "leave it out")
    source, target = Path(data_dir), Path(output_dir)
    module = KINDS[kind]
    module.convert(source, target, **({"classes": True} if classes else {}))
    logger.info("licence of %s: %s", kind, module.LICENCE)
    return target.resolve()
