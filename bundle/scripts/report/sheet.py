"""The panels that show one volume: their sizes, what is painted on them, the legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .figure import Entry, Panel
from .overlay import LEAST_LIGHT, draw_hatch, draw_outline, draw_picture, local_contrast, tinted
from .projection import EXTRA, FOUND, MISSED, Projection
from .theme import (
    CLASS_COLOURS,
    EXTRA_COLOUR,
    FOUND_COLOUR,
    MISSED_COLOUR,
    NOT_LABELLED_COLOUR,
    OUTLINE_COLOUR,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = "XYZ"
AGREEMENT = {FOUND: FOUND_COLOUR, EXTRA: EXTRA_COLOUR, MISSED: MISSED_COLOUR}
LEAST_SIDE, USUAL_SIDE, MAX_SIDE = 56, 448, 640  # pixels
DEPTH_MAP, DEPTH_FROM, DEPTH_STEPS = "viridis", 0.35, 70  # its darkest third would be lost on black
OPAQUE, PALEST = 32, 0.35  # vessel through a 32nd of the slices is opaque, and what is thinner at least this
NOTE = "grey: local contrast, for display only"


@dataclass
class Cut:
    """What one view shows; arrays are (rows, columns).

    Attributes:
        image: grey values of any scale.
        mask: what is outlined, vessel above 0; None for nothing.
        agreement: of mask and label; None without both.
        unlabelled: true where nothing is labelled.
        magnified: how many times as large as the others it is drawn.
    """

    image: np.ndarray
    mask: np.ndarray | None
    agreement: np.ndarray | None
    unlabelled: np.ndarray
    magnified: float = 1.0


def usual_side(voxels: int) -> int:
    """Return how many pixels long so many voxels are drawn, whole ones a voxel if possible."""
    whole = max(1, round(USUAL_SIDE / voxels)) * voxels
    if 0.85 * USUAL_SIDE <= whole <= 1.25 * USUAL_SIDE:
        return whole
    return min(voxels, MAX_SIDE) if voxels > USUAL_SIDE else USUAL_SIDE


class Scale:
    """How many pixels a voxel takes along each axis.

    Args:
        shape: voxels along X, Y, Z.
        spacing: voxel size along them in any unit; by default voxels are cubes.
    """

    def __init__(self, shape: Sequence[int], spacing: Sequence[float] | None) -> None:
        step = np.ones(3) if spacing is None else np.asarray(spacing, float)
        lengths = np.array(shape) * step
        longest = int(lengths[:2].argmax())
        self.pixels = step * usual_side(shape[longest]) / lengths[longest]  # a voxel, along X, Y, Z
        # a volume that is much deeper than wide is seen from the side at a smaller scale
        self.from_the_side = min(1.0, 1.5 * MAX_SIDE / float(shape[2] * self.pixels[2]))

    def panel(
        self, view: np.ndarray, across: int, down: int, caption: str, magnified: float = 1.0
    ) -> tuple[Panel, int]:
        """Return a panel for a view, and by how much the view has to be shrunk before it is drawn.

        Args:
            view: (rows, columns).
            across: the axis from left to right: 0, 1 or 2 for X, Y or Z.
            down: the axis from top to bottom.
            caption: of the panel.
            magnified: how many times as large as the others it is drawn.
        """
        factor = self.from_the_side if down == 2 else magnified
        sides = []
        for axis, voxels in ((across, view.shape[1]), (down, view.shape[0])):
            pixels = voxels * self.pixels[axis] * factor
            sides.append(max(LEAST_SIDE, round(pixels)))
            # fifteen slices of unknown depth would be a hairline
            if pixels < LEAST_SIDE * 0.95:
                caption += f", {AXES[axis]} stretched {LEAST_SIDE / pixels:.2g} ×"
        if factor < 1:
            caption += f", at {factor:.2f} of the scale"
        shrink = max(1, int(min(view.shape[1] / sides[0], view.shape[0] / sides[1])))
        return Panel(sides[0], sides[1], caption), shrink


class Sheet:
    """Collects panels in groups, with a painter for each panel.

    Args:
        scale: of all panels.
        found: the volume along Z.
        segmented: whether the mask is a segmentation; else it is a label.
        names: the name of each value of the mask, where it holds several.
        depth: words for the depth, and its first and last value.
    """

    def __init__(self, scale: Scale, found: Projection, segmented: bool, names: Mapping[int, str], depth: str) -> None:
        self.scale, self.found, self.names, self.depth = scale, found, names, depth
        self.kind = "segmentation" if segmented else "label"
        self.colours = {value: CLASS_COLOURS[i % len(CLASS_COLOURS)] for i, value in enumerate(names)}
        self.groups: list[list[Panel]] = []
        self.painters: list[Callable[[Axes, str], None]] = []
        self.bars: dict[int, int] = {}  # which panels get a scale bar, and how many voxels they are wide
        self.heat: list[Entry] = []
        self.used: set[str] = set()

    def add_slice(self, view: Cut, caption: str) -> None:
        """Add a slice across Z: as it is, outlined, and by agreement."""
        self.groups.append([])
        self.bars[len(self.painters)] = view.image.shape[1]
        self._add(caption, 0, 1, view.image, magnified=view.magnified)
        if view.mask is not None:
            words = "outlined" if (view.mask > 0).any() else "nothing here"
            self._add(f"{self.kind}, {words}", 0, 1, view.image, (), view, view.unlabelled, magnified=view.magnified)
        if view.agreement is not None:
            self._add_agreement("slice: segmentation and label", 0, 1, view)

    def add_projection(self) -> None:
        """Add the volume along Z: as it is, tinted by depth or class, and by agreement."""
        found, image = self.found, self.found.brightest.T
        self.groups.append([])
        self.bars[len(self.painters)] = image.shape[1]
        self._add("maximum along Z", 0, 1, image)
        opacity = self._opacity(found.thickness.T)
        hatched = found.unlabelled.T if self.kind == "label" else None
        if found.segmented and self.names:
            tints = [((found.value == value).T * opacity, colour) for value, colour in self.colours.items()]
            self._add(f"{self.kind} along Z, by class", 0, 1, image, tints, unlabelled=hatched)
        elif found.segmented:
            share = found.depth.T / max(1, found.slices - 1)
            tints = [(opacity, depth_colours(share))]
            self._add(f"{self.kind} along Z, by depth", 0, 1, image, tints, unlabelled=hatched, least=0.35)
            self.used.add("depth")
        elif found.masked:
            self._add(f"{self.kind}: empty", 0, 1, image)
        if found.judged:
            view = Cut(image, None, found.agreement.T, found.unlabelled.T)
            self._add_agreement("along Z: segmentation and label", 0, 1, view, self._opacity(found.agreeing.T))

    def add_heat(self, view: np.ndarray, words: str, limits: tuple[float, float]) -> None:
        """Add a picture of numbers along Z as colours.

        Args:
            view: (rows, columns).
            words: what the numbers are.
            limits: the numbers of the first and the last colour.
        """
        from matplotlib import colormaps

        panel, shrink = self.scale.panel(view, 0, 1, f"{words}, maximum along Z")
        share = np.clip((np.nan_to_num(view) - limits[0]) / max(limits[1] - limits[0], 1e-9), 0, 1)
        picture = tinted(np.ones(view.shape, np.float32), [(np.ones(view.shape), colormaps["inferno"](share)[..., :3])],
                         shrink)  # fmt: skip
        self.groups.append([panel])
        self.painters.append(lambda axes, frame: draw_picture(axes, picture, frame))
        colours = tuple(map(tuple, colormaps["inferno"](np.linspace(0, 1, DEPTH_STEPS))))
        self.heat.append(Entry(f"{words} {limits[0]:g} to {limits[1]:.3g}", colours))

    def add_sides(self, views: Mapping[int, Cut], at: Sequence[int]) -> None:
        """Add cuts along Z, by agreement where there is a label, else outlined.

        Args:
            views: for each axis, the slice across it, in the order in which they are drawn.
            at: where the slices lie.
        """
        self.groups.append([])
        for axis, view in views.items():
            across = 1 - axis
            caption = f"{AXES[across]}Z at {AXES[axis]} = {at[axis]}"
            if view.agreement is not None:
                self._add_agreement(caption, across, 2, view)
            else:
                self._add(caption, across, 2, view.image, outlined=view, unlabelled=view.unlabelled)

    def legend(self) -> list[Entry]:
        """Return what the colours on the panels mean."""
        entries = []
        if "outline" in self.used or self.names:
            several = [Entry(name, (self.colours[value],)) for value, name in self.names.items()]
            entries += several or [Entry(self.kind, (OUTLINE_COLOUR,))]
        if "depth" in self.used:
            colours = depth_colours(np.linspace(0, 1, DEPTH_STEPS))
            entries.append(Entry(self.depth, tuple(map(tuple, colours))))
        if "agreement" in self.used:
            words = ("in both", "segmentation only (false)", "label only (missed)")
            entries += [Entry(each, (colour,)) for each, colour in zip(words, AGREEMENT.values(), strict=True)]
        if "unlabelled" in self.used:
            entries.append(Entry("not labelled", (NOT_LABELLED_COLOUR,)))
        pale = [Entry(f"along Z: paler where vessel is less than {self.found.slices // OPAQUE + 1} slices thick")]
        deep = self.found.slices > OPAQUE and self.used & {"depth", "agreement"}
        return [*entries, *self.heat, Entry(NOTE), *(pale if deep else [])]

    def _opacity(self, voxels: np.ndarray) -> np.ndarray:
        """Return the opacity of so many voxels behind one another; single specks are pale."""
        return np.where(voxels > 0, np.clip(voxels * OPAQUE / self.found.slices, PALEST, 1), 0).astype(np.float32)

    def _add_agreement(
        self, caption: str, across: int, down: int, view: Cut, opacity: np.ndarray | float = 1.0
    ) -> None:
        """Add a panel tinted by how far mask and label agree."""
        tints = [((view.agreement == kind) * opacity, colour) for kind, colour in AGREEMENT.items()]
        self._add(caption, across, down, view.image, tints, unlabelled=view.unlabelled, magnified=view.magnified)
        self.used.add("agreement")

    def _add(
        self,
        caption: str,
        across: int,
        down: int,
        image: np.ndarray,
        tints: Sequence[tuple[np.ndarray, object]] = (),
        outlined: Cut | None = None,
        unlabelled: np.ndarray | None = None,
        least: float = LEAST_LIGHT,
        magnified: float = 1.0,
    ) -> None:
        """Add a panel to the last group.

        Args:
            caption: above it.
            across: axis from left to right.
            down: axis from top to bottom.
            image: (rows, columns).
            tints: over the image.
            outlined: of which the mask is outlined.
            unlabelled: what to hatch.
            least: how light tints are over black.
            magnified: how many times as large as the others it is drawn.
        """
        panel, shrink = self.scale.panel(image, across, down, caption, magnified)
        picture = tinted(local_contrast(image), tints, shrink, least)
        colours = self.colours or {None: OUTLINE_COLOUR}

        def paint(axes: Axes, frame: str) -> None:
            """Draw the panel."""
            draw_picture(axes, picture, frame)
            if unlabelled is not None:
                draw_hatch(axes, unlabelled[::shrink, ::shrink], (panel.width, panel.height))
            if outlined is not None and outlined.mask is not None:
                for value, colour in colours.items():
                    mask = outlined.mask > 0 if value is None else outlined.mask == value
                    draw_outline(axes, mask, colour, shrink)

        self.groups[-1].append(panel)
        self.painters.append(paint)
        if outlined is not None and outlined.mask is not None and (outlined.mask > 0).any():
            self.used.add("outline")
        if unlabelled is not None and unlabelled.any():
            self.used.add("unlabelled")


def depth_colours(share: np.ndarray) -> np.ndarray:
    """Return a colour (..., RGB) for each depth from 0, at the top, to 1."""
    from matplotlib import colormaps

    return np.asarray(colormaps[DEPTH_MAP](DEPTH_FROM + (1 - DEPTH_FROM) * share)[..., :3], np.float32)
