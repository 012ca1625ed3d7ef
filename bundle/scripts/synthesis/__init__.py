"""Synthetic vessel volumes with exact labels: what a network can learn from before it has seen a real image.

`growth.py` grows vessels of `segments.py`, `variations.py` alters them, `scenes.py` puts them together, `rasterise.py`
makes voxels of them (`real_masks.py` cuts real ones out instead) and `rendering.py` looks at them, and at the
`distractors.py`, through the microscope that `appearance.py` draws. Start at `generator.py`.
"""

from .generator import DRAWN_STYLES, PARTS, STYLES, check_parts, draw_style, synthesise

__all__ = [
    "DRAWN_STYLES",
    "PARTS",
    "STYLES",
    "check_parts",
    "draw_style",
    "synthesise",
]
