"""Paths of the bundle and its main parts, and its version."""

import json
from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[2]
CONFIGS = BUNDLE / "configs"
WEIGHTS = BUNDLE / "models" / "model.pt"


def version() -> str:
    """Return the version of the bundle, which configs/metadata.json states."""
    return str(json.loads((CONFIGS / "metadata.json").read_text(encoding="utf-8"))["version"])
