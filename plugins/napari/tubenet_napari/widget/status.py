"""The job that runs: how far it is, a button that cancels it, and the log."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..jobs import CANCELLED, DONE, Runner

MAX_LINES = 2000  # of the log


class Status(QWidget):
    """Shows the job that runs, below all sections.

    Args:
        runner: that runs it.
    """

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self.runner = runner
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        self.told = QLabel("Nothing runs.")
        self.told.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setMaximumHeight(16)
        self.bar.setTextVisible(False)
        self.cancel = QPushButton("Cancel")
        self.cancel.setEnabled(False)
        self.cancel.clicked.connect(runner.cancel)
        self.show_log = QPushButton("Log")
        self.show_log.setCheckable(True)
        row = QHBoxLayout()
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel)
        row.addWidget(self.show_log)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setMaximumBlockCount(MAX_LINES)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setFixedHeight(150)
        self.log.hide()
        self.show_log.toggled.connect(self.log.setVisible)
        column.addWidget(self.told)
        column.addLayout(row)
        column.addWidget(self.log)
        self.title = ""
        runner.started.connect(self._started)
        runner.progressed.connect(self._progressed)
        runner.said.connect(self.log.appendPlainText)
        runner.ended.connect(self._ended)

    def _started(self, title: str) -> None:
        self.title = title
        self.told.setText(title)
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(True)
        self.cancel.setEnabled(True)

    def _progressed(self, percent: int, words: str) -> None:
        self.bar.setRange(0, 0 if percent < 0 else 100)
        self.bar.setValue(max(0, percent))
        self.told.setText(f"{self.title}: {words}")

    def _ended(self, title: str, outcome: str, problem: str) -> None:
        words = {DONE: "done.", CANCELLED: "cancelled."}.get(outcome, problem.removeprefix("error: "))
        self.told.setText(f"{title}: {words}")
        QTimer.singleShot(0, self._rest)

    def _rest(self) -> None:
        """Take the bar back, unless the next job has begun."""
        if not self.runner.is_busy:
            self.bar.setRange(0, 100)
            self.bar.setValue(0)
            self.bar.setTextVisible(False)
            self.cancel.setEnabled(False)
