"""What the sections of the widget have in common."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import Container, PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ..workspace import Workspace


class Fold(QWidget):
    """A headed part of the widget that can be folded away.

    Args:
        title: of its header.
        is_open: whether it is unfolded.

    Attributes:
        column: what it holds, one below the other.
    """

    def __init__(self, title: str, is_open: bool = False) -> None:
        super().__init__()
        self.header = QToolButton(text=title, checkable=True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.header.toggled.connect(self.unfold)
        self.inner = QWidget()
        self.column = QVBoxLayout(self.inner)
        self.column.setContentsMargins(6, 2, 2, 6)
        self.column.setSpacing(4)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addWidget(self.header)
        whole.addWidget(self.inner)
        self.unfold(is_open)

    def unfold(self, is_open: bool) -> None:
        """Show what it holds, or not."""
        self.header.setChecked(is_open)
        self.header.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self.inner.setVisible(is_open)

    def form(self, *widgets: Any) -> Container:
        """Add named fields below one another, and return them."""
        container = Container(widgets=widgets, labels=True)
        container.margins = (0, 0, 0, 0)
        for widget in widgets:  # a long name of a layer must not make the whole widget wide
            widget.native.setMinimumWidth(60)
            widget.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column.addWidget(container.native)
        return container

    def buttons(self, *buttons: PushButton) -> None:
        """Add buttons side by side."""
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in buttons:
            button.native.setMinimumWidth(40)
            row.addWidget(button.native, 1)
        self.column.addLayout(row)

    def say(self, text: str = "") -> QLabel:
        """Add a line of text, and return it."""
        label = QLabel(text)
        label.setWordWrap(True)
        label.setMinimumWidth(60)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.column.addWidget(label)
        return label


class Section(Fold):
    """A section of the widget.

    Args:
        title: of the section.
        workspace: that all sections share.
        about: what to do here, in a sentence or two.
    """

    def __init__(self, title: str, workspace: Workspace, about: str) -> None:
        super().__init__(title)
        self.header.setStyleSheet("font-weight: bold; padding: 4px; text-align: left")
        self.workspace = workspace
        self.say(about).setStyleSheet("font-style: italic")

    @property
    def viewer(self) -> Any:
        """The viewer of napari."""
        return self.workspace.viewer

    def more(self, *widgets: Any) -> None:
        """Add named fields that most people leave as they are, folded away."""
        fold = Fold("More")
        fold.header.setStyleSheet("padding: 2px; border: none; background: transparent")
        fold.form(*widgets)
        self.column.addWidget(fold)


def button(text: str, tip: str, clicked: Any, checkable: bool = False) -> PushButton:
    """Return a button with a tip that is called when it is clicked."""
    made = PushButton(text=text, tooltip=tip)
    made.native.setCheckable(checkable)
    made.native.clicked.connect(lambda checked: clicked(checked) if checkable else clicked())
    return made
