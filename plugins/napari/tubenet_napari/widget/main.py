"""The dock widget `Vessels (tUbe net)`."""

from __future__ import annotations

import napari
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QApplication, QFrame, QScrollArea, QVBoxLayout, QWidget

from ..workspace import Workspace
from .correct import CorrectSection
from .export import ExportSection
from .finetune import FinetuneSection
from .measure import MeasureSection
from .segment import SegmentSection
from .status import Status
from .suggest import SuggestSection

WIDTH = 370  # pixels


class VesselsWidget(QWidget):
    """Segment, correct, fine-tune, measure, export: the sections stand in the order of the work.

    Args:
        napari_viewer: the viewer, which napari gives to a parameter of this name.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        self.workspace = workspace = Workspace(napari_viewer)
        self.correct = CorrectSection(workspace)
        self.segment = SegmentSection(workspace)
        self.finetune = FinetuneSection(workspace, self.segment, self.correct)
        self.measure, self.export = MeasureSection(workspace), ExportSection(workspace)
        self.suggest = SuggestSection(workspace, self.correct)
        self.status = Status(workspace.runner)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(2)
        for section in (self.segment, self.correct, self.finetune, self.measure, self.export, self.suggest):
            column.addWidget(section)
        column.addStretch(1)
        self.segment.unfold(True)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        workspace.beside.held.connect(lambda held: inner.setEnabled(not held))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area, 1)
        whole.addWidget(self.status)
        self.setMinimumWidth(WIDTH)
        QApplication.instance().aboutToQuit.connect(workspace.close)
        self.destroyed.connect(lambda: workspace.close())

    def event(self, event: QEvent) -> bool:
        """End the job and save what was painted when the dock is closed: napari takes the widget out of it."""
        # destroyed it is when Python finds nobody who knows it, which may be never: its sections listen to the viewer
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.workspace.close(is_shown=True)
        return super().event(event)
