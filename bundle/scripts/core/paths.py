"""Paths of the bundle and its main parts."""

from pathlib import Path

BUNDLE = Path(__file__).resolve().parents[2]
CONFIGS = BUNDLE / "configs"
WEIGHTS = BUNDLE / "models" / "model.pt"
