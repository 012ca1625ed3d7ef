"""The part of the page about one volume: what is drawn, what is said, and what is missing."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

import numpy as np

from scripts.core import UNLABELLED, refuse, region_box
from scripts.data import check_pair
from scripts.io import VolumeInfo, in_unit, level_of_label, of_label, read_header

from ..label import vessel_or_not
from .case import Case, as_text
from .chart import Chart, branch_charts, calibration_chart, curve_chart
from .picture import Painter, Picture, Shown, legends, limits
from .scene import MAX_TRIANGLES, Surface, figure, packed
from .summary import summary_rows
from .voxels import MAX_SHOWN, read_points, read_shown, steps_for


@dataclass(frozen=True)
class Reading:
    """How the volumes of a page are read and drawn.

    Attributes:
        channel: of images that have several.
        level: which resolution of a pyramid was segmented.
        unlabelled_value: of labels, besides negative ones.
        region: the box of voxels that count as labelled, as text.
        class_names: of the values 1, 2, ... of segmentations.
        side: pixels along each side that a picture has at most.
        triangles: that a surface has at most.
        output: the folder of results, as commands name it.
    """

    channel: int | str | None = None
    level: int = 0
    unlabelled_value: float | None = None
    region: str | None = None
    class_names: Sequence[str] = ()
    side: int = 640
    triangles: int = MAX_TRIANGLES
    output: str = "OUT"


@dataclass
class Section:
    """What the page shows of one volume.

    Attributes:
        case: the volume.
        facts: pairs of a word and what it says.
        slices: rows of pictures.
        projections: likewise.
        skeleton: a picture, and the first and the last radius of its colours.
        legend: pairs of colour and words, for `slices` and `projections`.
        depth: what the colours by depth mean, from the first to the last.
        charts: curves and histograms.
        summary: pairs of a word and a number.
        scene: the view in three dimensions, packed; empty for none.
        scene_words: below it.
        notes: sentences about what is shown in part, and why.
        missing: what is missing, and the command that makes it.
        made: pairs of a word and what the segmentation says of how it was made.
        failed: why the volume could not be read.
    """

    case: Case
    facts: list[tuple[str, str]] = field(default_factory=list)
    slices: list[list[Picture]] = field(default_factory=list)
    projections: list[list[Picture]] = field(default_factory=list)
    skeleton: tuple[Picture, str, str] | None = None
    legend: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    depth: tuple[str, str] | None = None
    charts: list[Chart] = field(default_factory=list)
    summary: list[tuple[str, str]] = field(default_factory=list)
    scene: str = ""
    scene_words: str = ""
    notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)
    failed: str = ""

    def pictures(self) -> list[Picture]:
        """Return all pictures."""
        several = [picture for row in (*self.slices, *self.projections) for picture in row]
        return [*several, *([self.skeleton[0]] if self.skeleton else [])]


def section_of(case: Case, reading: Reading) -> Section:
    """Make the section of a case.

    Args:
        case: what there is of the volume.
        reading: how it is read and drawn.

    Raises:
        UserError: for a file that cannot be read, or has other voxels than the others of the volume.
    """
    section = Section(case)
    unit = str(case.summary.get("unit") or "").replace("voxel", "voxels")
    for kind in ("roc", "precision_recall"):
        if (chart := curve_chart(kind, {case.name: case.curves})) is not None:
            section.charts.append(chart)
    error = case.curves.get("expected_calibration_error")
    words = "" if error is None else f"{case.name}: error {error:.3f}"
    if (chart := calibration_chart(case.curves.get("calibration"), words)) is not None:
        section.charts.append(chart)
    section.charts += branch_charts(case, unit or "voxels")
    section.summary = summary_rows(case.summary, unit or "voxels")
    info = _checked(case, reading)
    if info is not None:
        _add_volume(section, info, reading, unit)
    _tell_missing(section, reading)
    return section


def _checked(case: Case, reading: Reading) -> VolumeInfo | None:
    """Return the header of a case's voxels, which have to be alike; None without any."""
    if case.image is not None:
        info = read_header(case.image, reading.channel, reading.level)
        if case.label is not None:
            check_pair(str(case.image), str(case.label), reading.region, reading.channel, level=reading.level)
        if case.segmentation is not None:
            pair = str(case.image), str(case.segmentation)
            check_pair(*pair, channel=reading.channel, level=reading.level, label_level=0)
    elif case.segmentation is not None:
        info = read_header(case.segmentation)
    else:
        return None
    for path in (case.probability, case.skeleton):
        if path is not None and (shape := read_header(path, 0).shape) != info.shape:
            refuse(path, f"has {shape} voxels (X, Y, Z), its volume has {info.shape}", "make it anew")
    return info


def _add_volume(section: Section, info: VolumeInfo, reading: Reading, unit: str) -> None:
    """Add pictures, the view in three dimensions, and what the files say."""
    case = section.case
    spacing = [in_unit(length, info.unit) for length in info.voxel_size] if info.unit else [1.0] * 3
    section.facts.append(("volume", info.description))
    shown = _shown(section, info, spacing, reading)
    painter = Painter(shown, reading.side)
    section.slices, section.projections, section.legend = painter.slices(), painter.projections(), legends(shown)
    if shown.mask is not None:
        share = 100 * np.count_nonzero(shown.mask) / shown.mask.size
        section.facts.append(("vessel", f"{share:.3g} % of the voxels are segmented"))
        if not shown.classes:
            section.depth = ("0", f"{info.shape[2] - 1}")
    if reading.region and shown.label is not None:
        section.facts.append(("region", f"{reading.region} counts as labelled"))
    skeleton = None
    if case.skeleton is not None:
        skeleton = read_points(case.skeleton)
        if len(skeleton[0]):
            low, high = limits(skeleton[1])
            words = unit or "voxels"
            section.skeleton = (painter.skeleton(*skeleton), f"{low:.3g}", f"{high:.3g} {words}")
    if case.segmentation is not None:
        _add_scene(section, info, spacing, skeleton, reading)
        provenance = read_header(case.segmentation).provenance
        section.made = [(name.replace("_", " "), as_text(value)) for name, value in provenance.items()]


def _shown(section: Section, info: VolumeInfo, spacing: Sequence[float], reading: Reading) -> Shown:
    """Read what pictures are made of: all voxels, or of a large volume every so many."""
    case = section.case
    steps = steps_for(info.shape, spacing, MAX_SHOWN)
    if max(steps) > 1:
        every = ", ".join(f"{step} along {axis}" for step, axis in zip(steps, "XYZ", strict=True))
        told = f"The volume is large: of its {np.prod(info.shape, dtype=float):.2g} voxels, pictures show every so many"
        section.notes.append(f"{told} ({every}), so thin vessels may look broken; scores and surface are of all.")
    image = None if case.image is None else read_shown(case.image, steps, reading.channel, reading.level)
    label = probability = mask = None
    if case.label is not None:
        level = level_of_label(case.label, reading.level)
        voxels = read_shown(case.label, steps, of_label(reading.channel), level)
        box = region_box(reading.region, info.shape, case.name)
        box = tuple((-(-low // step), -(-high // step)) for (low, high), step in zip(box, steps, strict=True))
        label = vessel_or_not(voxels, reading.unlabelled_value, box)
        labelled = 100 * np.count_nonzero(label != UNLABELLED) / label.size
        section.facts.append(("label", "all voxels" if labelled == 100 else f"{labelled:.3g} % of the voxels"))
    classes: dict[int, str] = {}
    if case.segmentation is not None:
        mask = read_shown(case.segmentation, steps)
        values = [int(value) for value in np.unique(mask) if value > 0] if mask.dtype.kind in "iu" else []
        if len(values) > 1:
            names = [str(name) for name in reading.class_names]
            classes = {each: names[each - 1] if each <= len(names) else f"class {each}" for each in values}
    if case.probability is not None:
        if read_header(case.probability, 0).channel is None:
            probability = read_shown(case.probability, steps)
        else:
            section.notes.append("The probabilities of several classes are not drawn.")
    apart = [length * step for length, step in zip(spacing, steps, strict=True)]
    return Shown(image, label, mask, probability, apart, info.unit, steps, classes)


def _add_scene(
    section: Section,
    info: VolumeInfo,
    spacing: Sequence[float],
    skeleton: tuple[np.ndarray, np.ndarray] | None,
    reading: Reading,
) -> None:
    """Add the view in three dimensions, if there is a vessel and Plotly."""
    if find_spec("plotly") is None:
        section.notes.append("There is no view in three dimensions, for the package plotly is not installed.")
        return
    surface = Surface(section.case.segmentation, spacing, info.shape, reading.triangles)  # type: ignore[arg-type]
    if not len(surface.triangles):
        section.notes.append("No voxel is segmented, so there is no view in three dimensions.")
        return
    view = figure(surface, skeleton, spacing, str(info.unit))
    section.scene = packed(json.dumps(view))
    count = f"{len(surface.triangles):,}".replace(",", " ")
    told = f"Around what was found: {count} triangles"
    if max(surface.sides) > 1:
        sides = " × ".join(map(str, surface.sides))
        told += f", found in cells of {sides} voxels; what is thinner than these is drawn, but not to scale"
    section.scene_words = f"{told}. Drag to turn, pinch or use the buttons to come nearer."


def _tell_missing(section: Section, reading: Reading) -> None:
    """List what the page would show if there were more files."""
    case, out = section.case, reading.output
    if case.image is None:
        words = "the image, in slices and projections"
        section.missing.append((words, f"tubenet report {out} --dataset_dir DATASET"))
    elif case.label is None:
        words = "truth and error, for which DATASET needs labels/NAME.EXT"
        section.missing.append((words, f"tubenet report {out} --dataset_dir DATASET"))
    if case.segmentation is None:
        section.missing.append(("the segmentation, its projections and surface", f"tubenet segment DATASET {out}"))
    if case.probability is None:
        section.missing.append(("probabilities", f"tubenet segment DATASET {out} --save_probability true"))
    if not case.scores:
        section.missing.append(("scores and curves, for which labels are needed", f"tubenet evaluate DATASET {out}"))
    elif not case.curves.get("calibration"):
        section.missing.append(("calibration", f"tubenet evaluate DATASET {out}"))
    if case.branches is None or case.skeleton is None:
        section.missing.append(("branches, radii and the skeleton", f"tubenet analyse {out} {out}"))


def as_data(picture: bytes) -> str:
    """Return a PNG as the address of itself, which needs no file."""
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
