"""The section that takes results out of the session: labels, and the weights that were taught."""

from __future__ import annotations

import shutil
from pathlib import Path

from magicgui.widgets import ComboBox
from napari.layers import Labels
from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFileDialog

from scripts.core import refuse
from scripts.core.files import write_together
from scripts.io import result_name, split_hdf5
from scripts.weights import sidecar_path

from ..background import LONG, write_beside
from ..labels import KIND, MARK, write_labels
from ..lazy import for_a_thread
from ..workspace import Workspace, saying
from ..writer import write_layer
from .section import Section, button

ABOUT = "Save labels in the volume's own format, with its voxel size, and the weights for other volumes."


class ExportSection(Section):
    """Save labels and weights."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__("5  Export", workspace, ABOUT)
        self.labels = ComboBox(label="Labels", choices=lambda _: [(each.name, each) for each in self._labels()])
        self.labels.nullable = True
        self.form(self.labels)
        self.buttons(
            button("Save labels …", "as a file of the volume's own kind, or of another", self._ask_labels),
            button("Save weights …", "those in use, with what is needed to use them", self._ask_weights),
        )
        self.told = self.say()
        for event in (self.viewer.layers.events.inserted, self.viewer.layers.events.removed):
            workspace.listening.connect(event, lambda event: self.labels.reset_choices())
        workspace.changed.connect(self._tell)
        self.labels.reset_choices()

    def _labels(self) -> list[Labels]:
        return [each for each in self.viewer.layers if isinstance(each, Labels) and each.metadata.get(KIND) != MARK]

    def _tell(self) -> None:
        session = self.workspace.session
        self.told.setText("" if session is None else f"All of this session lies in {session.folder}")

    @saying
    def _ask_labels(self) -> None:
        if self.labels.value is None:
            refuse("Save labels", "there are none", "segment something first, under 1")
        chosen, _ = QFileDialog.getSaveFileName(self, "Save labels", str(self._start()))
        if chosen:
            self.save_labels(Path(chosen))

    def _start(self) -> Path:
        """Return the file that is proposed for the chosen labels: beside the volume, and of its kind."""
        layer, session = self.labels.value, self.workspace.session
        box = self.workspace.box_of(layer)
        if session is None or box is None:
            return Path.home() / f"{layer.name}.ome.tif"
        origin = Path(session.origin)
        source = origin if split_hdf5(origin)[0].exists() else session.volume
        postfix = "seg" if box == self.workspace.frame.whole else layer.name.replace(" ", "-")
        # a data set lies inside its HDF5 file, and its result beside that
        return split_hdf5(source)[0].with_name(result_name(source, postfix))

    @saying
    def _ask_weights(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Save weights", str(Path.home() / "vessels.pt"), "Weights (*.pt)")
        if chosen:
            self.save_weights(Path(chosen))

    @saying
    def save_labels(self, path: Path) -> None:
        """Save the chosen labels; the format stands in the name."""
        layer, session = self.labels.value, self.workspace.session
        box, data = self.workspace.box_of(layer), layer.data
        about = {"scale": layer.scale, "translate": layer.translate, "units": layer.units}
        is_large = data.size > LONG
        if is_large:
            data = for_a_thread(data)  # as it is now

        def write() -> None:
            if box is not None:
                write_labels(session, path, data, box)
            else:
                write_layer(path, data, about, labels=True)

        if is_large:
            write_beside(str(path), write)
        else:
            write()
            show_info(f"Saved {path}")

    @saying
    def save_weights(self, path: Path) -> None:
        """Copy the weights in use, and their sidecar, to a file that ends in .pt."""
        if path.suffix != ".pt":
            refuse(path, "is no name of weights", "let it end in .pt")
        session = self.workspace.session
        if session is None or session.current == 0:
            refuse("Save weights", "nothing was taught in this session yet", "fine-tune first, under 3")
        pairs = [(session.checkpoint, path), (sidecar_path(session.checkpoint), sidecar_path(path))]
        write_together([(to, lambda temporary, start=start: shutil.copyfile(start, temporary)) for start, to in pairs])
        show_info(f"Saved {path} and {sidecar_path(path).name}. Use it as tubenet segment VOLUME --ckpt_path {path}")
