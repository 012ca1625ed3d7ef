"""The pictures of one volume: slices across X, Y and Z, and the maximum along each."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from scripts.core import AXES

from ..overlay import HATCH_PERIOD, HATCH_WIDTH, local_contrast, shrunk, tinted
from ..projection import EXTRA, FOUND, MISSED, Projection, agreement, project
from ..sheet import AGREEMENT, OPAQUE, PALEST, depth_colours
from ..slices import fullest_slices
from ..theme import CLASS_COLOURS, NOT_LABELLED_COLOUR, OUTLINE_COLOUR, PURPLE

TRUTH_COLOUR, PREDICTION_COLOUR = PURPLE, OUTLINE_COLOUR
COLOURS = 128  # of a picture: half the bytes of all, and no eye tells the two apart
HEAT = "inferno"
MOST_COVERED = 0.4  # of the picture by the skeleton, unless a line would be three pixels wide or one voxel
VIEWS = {2: (0, 1), 1: (0, 2), 0: (1, 2)}  # across which axis one looks: what runs to the right, and down


@dataclass(frozen=True)
class Shown:
    """The voxels of one volume that pictures are made of, all of one shape `(X, Y, Z)`.

    Attributes:
        image: intensities of any scale; None where there is no image.
        label: vessel above 0, background 0, not labelled below; None where there is none.
        mask: what was found, vessel above 0; None where there is nothing.
        probability: from 0 to 1.
        spacing: size along X, Y, Z of what is between one voxel shown and the next.
        unit: of the spacing, `""` for voxels.
        steps: every so many voxels are shown, along X, Y, Z.
        classes: names by value where the mask holds several.
    """

    image: np.ndarray | None
    label: np.ndarray | None
    mask: np.ndarray | None
    probability: np.ndarray | None
    spacing: Sequence[float]
    unit: str
    steps: Sequence[int] = (1, 1, 1)
    classes: Mapping[int, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels shown along X, Y, Z."""
        there = (self.image, self.mask, self.label, self.probability)
        return next((each.shape for each in there if each is not None), (0, 0, 0))

    @property
    def grey(self) -> np.ndarray:
        """The image; where there is none, darkness."""
        return np.zeros(self.shape, np.uint8) if self.image is None else self.image

    @property
    def judged(self) -> bool:
        """Whether there is a mask and a label to compare it with."""
        return self.mask is not None and self.label is not None


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        what: its name beside that of the volume, such as `xy_error`.
        caption: in plain words.
        pixels: `(rows, columns)` or `(rows, columns, 3)`, 8 bits.
        size: its width and height in `unit`.
        unit: `""` for voxels.
    """

    what: str
    caption: str
    pixels: np.ndarray
    size: tuple[float, float]
    unit: str

    @property
    def png(self) -> bytes:
        """The picture as a PNG."""
        from PIL import Image

        picture = Image.fromarray(self.pixels)
        if self.pixels.ndim == 3:
            picture = picture.quantize(COLOURS, dither=Image.Dither.NONE)
        file = io.BytesIO()
        picture.save(file, "PNG", optimize=True)
        return file.getvalue()

    @property
    def bar(self) -> tuple[float, str]:
        """How much of the width a scale bar takes in per cent, and what it says."""
        power = 10 ** np.floor(np.log10(0.3 * self.size[0]))
        length = max(each * power for each in (1, 2, 5) if each * power <= 0.3 * self.size[0] * 1.0001)
        return round(100 * length / self.size[0], 2), f"{length:g} {self.unit or 'voxels'}"


class Painter:
    """Paints views of a volume, each as the image, the truth, what was found, and the error.

    Args:
        shown: the voxels.
        side: pixels along each side that a picture has at most.
    """

    def __init__(self, shown: Shown, side: int) -> None:
        self.shown, self.side = shown, side

    def slices(self) -> list[list[Picture]]:
        """Return a row of pictures for each of three slices, those with most vessel."""
        shown, rows = self.shown, []
        at = fullest_slices(shown.grey, shown.label, shown.mask, shown.probability)
        for axis, (across, down) in VIEWS.items():
            if min(shown.shape[across], shown.shape[down]) < 2:
                continue
            image, label, mask = (
                None if each is None else np.take(each, at[axis], axis).T
                for each in (shown.image, shown.label, shown.mask)
            )
            place = f"{AXES[axis]} = {at[axis] * shown.steps[axis]}"
            rows.append([*self._row(axis, image, label, mask, place)])
        return rows

    def _row(
        self, axis: int, image: np.ndarray | None, label: np.ndarray | None, mask: np.ndarray | None, place: str
    ) -> Iterator[Picture]:
        """Yield a slice as image, truth, prediction and error, as far as there is each."""
        plane = self._plane(axis)
        shape = next(each.shape for each in (image, label, mask) if each is not None)
        grey = np.zeros(shape, np.float32) if image is None else local_contrast(image)
        hatch = [] if label is None else [(_stripes(label < 0), NOT_LABELLED_COLOUR)]
        if image is not None:
            yield self._picture(axis, f"{plane}_image", f"Image, {place}", grey)
        if label is not None:
            tints = [(label > 0, TRUTH_COLOUR), *hatch]
            yield self._picture(axis, f"{plane}_truth", "Truth: the label", grey, tints)
        if mask is not None:
            tints = [(mask > 0, PREDICTION_COLOUR)] if not self.shown.classes else self._by_class(mask)
            yield self._picture(axis, f"{plane}_prediction", "Prediction", grey, tints)
        if label is not None and mask is not None:
            kinds = agreement(mask, label)
            tints = [*((kinds == kind, colour) for kind, colour in AGREEMENT.items()), *hatch]
            yield self._picture(axis, f"{plane}_error", "Error", grey, tints)

    def projections(self) -> list[list[Picture]]:
        """Return a row of pictures for the maximum along each axis."""
        rows = []
        for axis, (across, down) in VIEWS.items():
            if self.shown.shape[axis] > 1 and min(self.shown.shape[across], self.shown.shape[down]) > 1:
                rows.append([*self._projected(axis)])
        return rows

    def _projected(self, axis: int) -> Iterator[Picture]:
        """Yield the maximum along an axis as image, by depth, error and probability."""
        shown, what = self.shown, f"along_{AXES[axis].lower()}"
        seen = (None if each is None else np.moveaxis(each, axis, 2) for each in (shown.grey, shown.mask, shown.label))
        grey, mask, label = seen  # (across, down, along)
        found = project(grey, mask, label, judged=shown.judged)
        light = np.zeros(found.brightest.T.shape, np.float32)
        if shown.image is not None:
            light = local_contrast(found.brightest.T)
            yield self._picture(axis, f"{what}_image", f"Image, highest along {AXES[axis]}", light)
        if mask is not None:
            if shown.classes:
                tints, words = self._by_class(found.value.T, _opacity(found, found.thickness)), "by class"
            else:
                share = found.depth.T / max(1, found.slices - 1)
                tints, words = [(_opacity(found, found.thickness), depth_colours(share))], "by depth"
            yield self._picture(
                axis, f"{what}_prediction", f"Prediction along {AXES[axis]}, {words}", light, tints, 0.4
            )
        if shown.judged:
            opacity = _opacity(found, found.agreeing)
            tints = [((found.agreement == kind).T * opacity, colour) for kind, colour in AGREEMENT.items()]
            tints.append((_stripes(found.unlabelled.T), NOT_LABELLED_COLOUR))
            yield self._picture(axis, f"{what}_error", f"Error along {AXES[axis]}", light, tints)
        if shown.probability is not None:
            highest = np.clip(shown.probability.max(axis=axis).T, 0, 1)
            yield self._heat(axis, f"{what}_probability", f"Probability, highest along {AXES[axis]}", highest)

    def skeleton(self, places: np.ndarray, radii: np.ndarray) -> Picture:
        """Return the skeleton along Z, coloured by radius, over the dimmed image.

        Args:
            places: `(N, 3)`, where it is, in voxels of the whole volume.
            radii: `(N,)`, from which `viridis` takes its colours.
        """
        from matplotlib import colormaps

        width, height = self.shown.shape[0], self.shown.shape[1]
        light = 0.35 * local_contrast(self.shown.grey.max(axis=2).T)
        factor = self._factor(width, height)
        grow = 1 if factor > 1 else max(1, self.side // max(width, height))
        grey = np.kron(shrunk(light, factor), np.ones((grow, grow), np.float32))
        picture = np.repeat(grey[..., None], 3, axis=2)
        low, high = limits(radii)
        order = np.argsort(radii)  # the widest over the others
        colours = colormaps["viridis"](np.clip((radii[order] - low) / max(high - low, 1e-9), 0, 1))[:, :3]
        x, y = ((places[order, at] / self.shown.steps[at] / factor + 0.5) * grow - 0.5 for at in (0, 1))
        thick = max(1, grow // 2, min(picture.shape[:2]) // 160)  # pixels to each side: seen on a phone
        room = MOST_COVERED * picture[..., 0].size * factor / (grow * max(1, len(places)))  # many have less each
        thick = min(thick, max(1, (grow + 1) // 2, round((room - 1) / 2)))
        for dy in range(-thick, thick + 1):
            for dx in range(-thick, thick + 1):
                if dx * dx + dy * dy <= thick * thick + 1:
                    rows = np.clip(np.floor(y + dy + 0.5), 0, picture.shape[0] - 1).astype(int)
                    columns = np.clip(np.floor(x + dx + 0.5), 0, picture.shape[1] - 1).astype(int)
                    picture[rows, columns] = colours
        return self._finished(2, "skeleton", "Skeleton along Z, by radius", picture)

    def _by_class(self, values: np.ndarray, opacity: np.ndarray | float = 1.0) -> list[tuple[np.ndarray, object]]:
        """Return a tint for each class of a view."""
        return [((values == value) * opacity, colour) for value, colour in class_colours(self.shown.classes).items()]

    def _heat(self, axis: int, what: str, caption: str, share: np.ndarray) -> Picture:
        """Return a picture of numbers from 0 to 1 as colours."""
        from matplotlib import colormaps

        colours = colormaps[HEAT](shrunk(share, self._factor(*share.shape)))[..., :3]
        return self._finished(axis, what, caption, colours)

    def _picture(
        self,
        axis: int,
        what: str,
        caption: str,
        grey: np.ndarray,
        tints: Sequence[tuple[np.ndarray, object]] = (),
        least: float = 0.5,
    ) -> Picture:
        """Return grey values `(rows, columns)` with tints over them as a picture."""
        factor = self._factor(*grey.shape)
        picture = tinted(grey, tints, factor, least) if len(tints) else shrunk(grey, factor)
        return self._finished(axis, what, caption, picture)

    def _finished(self, axis: int, what: str, caption: str, picture: np.ndarray) -> Picture:
        """Return values in [0, 1] as a picture with the size of its view."""
        across, down = VIEWS[axis]
        size = [self.shown.shape[at] * self.shown.spacing[at] for at in (across, down)]
        # where voxels are oblong, a picture opened on its own should not be squeezed
        ratio = (size[1] / picture.shape[0]) / (size[0] / picture.shape[1])
        tall, wide = max(1, round(ratio)), max(1, round(1 / ratio))
        pixels = np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)
        pixels = pixels.repeat(min(tall, 16), axis=0).repeat(min(wide, 16), axis=1)
        return Picture(what, caption, pixels, (size[0], size[1]), self.shown.unit)

    def _plane(self, axis: int) -> str:
        return "".join(AXES[at] for at in VIEWS[axis]).lower()

    def _factor(self, *sides: int) -> int:
        return max(1, -(-max(sides) // self.side))


def limits(numbers: np.ndarray) -> tuple[float, float]:
    """Return what the first and the last colour mean: all but a per cent at either end."""
    if not numbers.size:
        return 0.0, 1.0
    low, high = np.percentile(numbers, (1, 99))
    return float(low), float(high)


def class_colours(classes: Mapping[int, str]) -> dict[int, str]:
    """Return a colour for the value of each class."""
    return {value: CLASS_COLOURS[at % len(CLASS_COLOURS)] for at, value in enumerate(classes)}


def legends(shown: Shown) -> Mapping[str, list[tuple[str, str]]]:
    """Return what the colours mean: pairs of a colour and words, for slices and projections."""
    classes = [(colour, shown.classes[value]) for value, colour in class_colours(shown.classes).items()]
    words = {FOUND: "in both", EXTRA: "prediction only: false", MISSED: "truth only: missed"}
    error = [(AGREEMENT[kind], words[kind]) for kind in words] if shown.judged else []
    if shown.label is not None and (shown.label < 0).any():
        error.append((NOT_LABELLED_COLOUR, "striped: not labelled"))
    truth = [(TRUTH_COLOUR, "truth")] if shown.label is not None else []
    found = [] if shown.mask is None else classes or [(PREDICTION_COLOUR, "prediction")]
    return {"slices": [*truth, *found, *error], "projections": [*classes, *error]}


def _opacity(found: Projection, voxels: np.ndarray) -> np.ndarray:
    """Return the opacity of so many voxels behind one another; single specks are pale."""
    return np.where(voxels > 0, np.clip(voxels * OPAQUE / found.slices, PALEST, 1), 0).T.astype(np.float32)


def _stripes(where: np.ndarray) -> np.ndarray:
    """Return stripes where something is true."""
    down, across = np.indices(where.shape)
    return where & ((down + across) % HATCH_PERIOD < HATCH_WIDTH)
