"""Synthetic vessel volumes with exact labels, to train a network without any real image.

Vessels grow as centre lines with radii, become voxels, and are imaged by a simulated microscope. It also sees
distractors, which are bright and no vessels. Everything is drawn from a seed:

>>> image, label = synthesise(seed=0, shape=(48, 40, 16), style="tree")
>>> image.shape, image.dtype.name, label.dtype.name, sorted(set(label.flat)) == [0, 1]
((48, 40, 16), 'float32', 'uint8', True)
"""

from .generator import DRAWN_STYLES, PARTS, check_parts, draw_style, synthesise
from .rasterise import stamp_balls
from .segments import MIN_RADIUS, sample_step

__all__ = [
    "DRAWN_STYLES",
    "MIN_RADIUS",
    "PARTS",
    "check_parts",
    "draw_style",
    "sample_step",
    "stamp_balls",
    "synthesise",
]
