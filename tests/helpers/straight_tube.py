"""A straight vessel of one radius."""

import numpy as np

from scripts.synthesis.segments import Segment


def straight_tube(start, end, radius, samples=400, parent=-1):
    points = np.linspace(start, end, samples)
    return Segment(points, np.full(samples, float(radius)), float(radius), parent)
