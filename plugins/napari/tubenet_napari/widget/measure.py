"""The section that measures: the skeleton coloured by radius, and a branch that is clicked."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Labels, Points

from scripts.core import refuse

from ..background import LONG
from ..jobs import Job, Step, bundle_command
from ..labels import BLOCK, KIND, LABELS, MARK, write_labels
from ..lazy import for_a_thread
from ..workspace import Workspace, saying
from ..writer import write_layer
from .network import Network
from .section import Section, button

SKELETON, SELECTED = "skeleton", "selected branch"
ABOUT = "Centre lines, lengths and radii of a segmentation. Click a branch, in 2-D or 3-D, for its figures."


class MeasureSection(Section):
    """Measure the vessels of a layer of labels."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("4  Measure", workspace, ABOUT)
        self.labels = ComboBox(label="Labels", choices=lambda _: [(each.name, each) for each in self._labels()])
        self.labels.nullable = True
        self.form(self.labels)
        self.go = button("Measure", "find branches, lengths and radii", self.measure)
        self.buttons(self.go)
        self.told = self.say()
        self.branch = self.say()
        self.network: Network | None = None
        self._shown: dict[str, Points] = {}  # by what each is; people may have layers of the same names
        self.unit, self.voxels = "voxels", np.zeros((0, 3))  # along Z, Y, X
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            workspace.listening.connect(event, lambda event: self.labels.reset_choices())
        self.labels.reset_choices()

    def _labels(self) -> list[Labels]:
        return [each for each in self.viewer.layers if isinstance(each, Labels) and each.metadata.get(KIND) != MARK]

    @saying
    def measure(self) -> None:
        """Measure the chosen labels."""
        layer = self.labels.value
        if layer is None:
            refuse("Measure", "there are no labels", "segment something first, under 1")
        session = self.workspace.began()
        out = session.folder_for("measured", layer.name)
        name = out.name
        source = self._file_of(layer, out / f"{name}_seg.nii.gz")
        name = name if source.parent == out else source.name.split("_seg.")[0]
        place = {"scale": layer.scale.copy(), "translate": layer.translate.copy(), "units": layer.units}

        def done() -> None:
            self.show_network(Network.read(out, name), place)

        step = Step("measuring", lambda: bundle_command("analyse", source, out))
        self.workspace.runner.start(Job(f"Measuring {layer.name}", [step], done))

    def _file_of(self, layer: Labels, path: Path) -> Path:
        """Return the file of a layer: its own if it is one that is only looked at, else a new one of its labels."""
        session = self.workspace.session
        folder, name = layer.metadata.get(BLOCK, (None, None))
        block = session.blocks.get(name) if folder == str(session.folder) else None
        if block is not None and layer.metadata[KIND] != LABELS:
            return block.made_by(int(layer.metadata[KIND].split()[1]))
        data = for_a_thread(layer.data) if layer.data.size > LONG else layer.data
        if block is not None:
            write = partial(write_labels, session, path, data, block.box)
        else:
            about = {"scale": layer.scale, "translate": layer.translate, "units": layer.units}
            write = partial(write_layer, path, data, about, labels=True)
        title = f"{layer.name}: is saved to be measured"
        return self.workspace.beside(title, layer.data.size, lambda check: write(check=check))

    def show_network(self, network: Network, place: dict[str, Any]) -> None:
        """Show centre lines coloured by radius, which can be clicked.

        Args:
            network: that was measured.
            place: `scale`, `translate` and `units` of the labels that were measured.
        """
        self.network = network
        unit = str(network.summary["unit"])
        self.unit = "voxels" if unit == "voxel" else unit
        for what in (SKELETON, SELECTED):
            self._remove(what)
        # in voxels, so that each slice shows the points that are nearest to it
        self.voxels = network.points / place["scale"]
        points = self._shown[SKELETON] = self.viewer.add_points(
            self.voxels,
            name=SKELETON,
            features={"radius": network.radii, "branch": network.branch},
            face_color="radius",
            face_colormap="turbo",
            face_contrast_limits=tuple(np.percentile(network.radii, (1, 99))),
            border_width=0,
            size=1.5,
            shading="spherical",
            **place,
        )
        points.editable = False
        points.mouse_drag_callbacks.append(self._clicked)
        self.viewer.layers.selection.active = points
        about = network.summary
        self.told.setText(
            f"<b>{about['branches']} branches, {about['length']:.4g} {self.unit} long together</b>, "
            f"mean radius {about['radius_mean'] or 0:.3g} {self.unit}. Colours: radius from "
            f"{np.percentile(network.radii, 1):.2g} (blue) to {np.percentile(network.radii, 99):.2g} {self.unit} (red)."
        )
        self.branch.setText("")

    def _remove(self, what: str) -> None:
        """Remove a layer that was shown for an earlier measurement or click, if it is still there."""
        if (layer := self._shown.pop(what, None)) is not None and layer in self.viewer.layers:
            self.viewer.layers.remove(layer)

    def _clicked(self, layer: Any, event: Any) -> Any:
        """Select the branch under the mouse, unless it was dragged."""
        yield
        if event.type == "mouse_move":
            return
        view = {"view_direction": event.view_direction, "dims_displayed": event.dims_displayed}
        found = layer.get_value(event.position, **view, world=True)
        if found is not None:
            self.select(int(self.network.branch[found]))

    def select(self, branch: int) -> None:
        """Highlight a branch, and say what it is like."""
        self._remove(SELECTED)
        line = self.voxels[self.network.branch == branch]
        active = self.viewer.layers.selection.active
        skeleton = self._shown[SKELETON]
        shown = self._shown[SELECTED] = self.viewer.add_points(
            line,
            name=SELECTED,
            face_color="white",
            border_width=0,
            size=1.6 * float(np.max(skeleton.size)),
            scale=skeleton.scale,
            translate=skeleton.translate,
            units=skeleton.units,
        )
        skeleton.shown = self.network.branch != branch
        shown.editable = False
        self.viewer.layers.selection.active = active
        row, unit = self.network.rows[branch], self.unit
        tortuosity = "" if np.isnan(row["tortuosity"]) else f", tortuosity {row['tortuosity']:.3f}"
        text = (
            f"branch {branch}: length {row['length']:.4g} {unit}, radius {row['radius_mean']:.3g} {unit} "
            f"({row['radius_min']:.3g} to {row['radius_max']:.3g}){tortuosity}"
        )
        self.branch.setText(text[0].upper() + text[1:])
        self.viewer.status = text
