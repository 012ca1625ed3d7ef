"""What the sections of the widget have in common."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QCollapsible

from ..workspace import Workspace


class Section(QCollapsible):
    """A part of the widget that can be folded away.

    Args:
        title: of the section.
        workspace: that all sections share.
        about: what to do here, in a sentence or two.
    """

    def __init__(self, title: str, workspace: Workspace, about: str) -> None:
        super().__init__(title)
        self.workspace = workspace
        self.setDuration(0)  # an animation would fight with the scroll bar
        self._inner = QWidget()
        self.column = QVBoxLayout(self._inner)
        self.column.setContentsMargins(2, 0, 2, 4)
        self.column.setSpacing(4)
        self.setContent(self._inner)
        self.say(about).setStyleSheet("font-style: italic")

    @property
    def viewer(self) -> Any:
        """The viewer of napari."""
        return self.workspace.viewer

    def say(self, text: str = "") -> QLabel:
        """Add a line of text, and return it."""
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.addWidget(label)
        return label

    def form(self, *widgets: Any) -> Container:
        """Add named fields below one another, and return them."""
        container = Container(widgets=widgets, labels=True)
        container.margins = (0, 0, 0, 0)
        self.column.addWidget(container.native)
        return container

    def buttons(self, *buttons: PushButton) -> None:
        """Add buttons side by side."""
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in buttons:
            row.addWidget(button.native, 1)
        self.column.addLayout(row)


def button(text: str, tip: str, clicked: Any, checkable: bool = False) -> PushButton:
    """Return a button with a tip that is called when it is clicked."""
    made = PushButton(text=text, tooltip=tip)
    made.native.setCheckable(checkable)
    made.native.clicked.connect(lambda checked: clicked(checked) if checkable else clicked())
    return made
