"""The tUbe net authors' own volumes: microscopy, CT and MRI (DOI 10.5522/04/25715604).

Layout, from their page: `Image data/NAME.tif` and `Labels/NAME_labels.tif`.
"""

from __future__ import annotations

from pathlib import Path

from .copying import copy_cases, pair_up

LICENCE = "CC BY: name the authors where weights that were trained on it ship"


def convert(source: Path, output_dir: Path) -> None:
    """Copy the files as they are; see `import_dataset`."""
    cases = pair_up(source / "Image data", source / "Labels", label_ending="_labels")
    copy_cases(source, output_dir, cases)
