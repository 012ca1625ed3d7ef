"""The section that teaches the network from what was marked, and goes back if that was no good."""

from __future__ import annotations

import re
import shutil
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from magicgui.widgets import CheckBox, ComboBox, SpinBox
from napari.utils.notifications import show_info

from scripts.core import Box, counted, refuse, write_whole
from scripts.weights import read_sidecar

from ..geometry import inside, overlap
from ..jobs import Job, Step, bundle_command
from ..labels import KEPT_AS, KIND, LABELS, open_labels, write_labels
from ..session import Block, Weights
from ..workspace import Workspace, saying
from ..writer import NOT_LABELLED, as_labels
from .correct import CorrectSection, Marked
from .curve import Curve
from .section import Section, button
from .segment import SegmentSection

SECONDS = re.compile(r"trained in ([\d.]+) s|trained in (\d+) min(?: (\d+) s)?")
ABOUT = "Teach the network from all that is marked, in minutes. Earlier weights are kept."
MIN_MARKED = 1000  # voxels; of fewer nothing is learnt


class FinetuneSection(Section):
    """Teach the network, compare before and after, and undo."""

    def __init__(self, workspace: Workspace, segment: SegmentSection, correct: CorrectSection) -> None:
        super().__init__("3  Fine-tune", workspace, ABOUT)
        self.segment_section, self.correct = segment, correct
        self.epochs = SpinBox(label="Epochs", value=10, min=1, max=1000, tooltip="how often all is learnt from")
        self.form(self.epochs)
        self.steps = SpinBox(label="Steps in each", value=15, min=1, max=10000)
        self.again = CheckBox(text="segment the marked boxes again afterwards", value=True)
        self.more(self.steps, self.again)
        self.go = button("Fine-tune", "teach the network from what is marked in all boxes", self.finetune)
        self.buttons(self.go)
        self.curve = Curve()
        self.column.addWidget(self.curve)
        self.told = self.say()
        self.versions = ComboBox(label="In use", choices=lambda _: self._choices())
        self.form(self.versions)
        self.compare = button("Compare", "before and after, in turn", self._compare, checkable=True)
        self.undo = button("Undo", "go back to the weights before the last fine-tuning", self.undo_training)
        self.take = button("Correct the new result", "in the box chosen under 2; what is marked stays", self.take_over)
        self.buttons(self.compare, self.undo)
        self.buttons(self.take)
        self.versions.changed.connect(self._use)
        workspace.changed.connect(self._changed)
        self._changed()

    # -- training ------------------------------------------------------------------------------------------------------

    @saying
    def finetune(self) -> None:
        """Teach the network from what is marked."""
        workspace, session = self.workspace, self.workspace.session
        for each in self.correct.marked():
            workspace.touch(each.block.name)
        workspace.save_corrections()
        workspace.check_chosen(session)
        marked = self.correct.marked()
        voxels = sum(int(np.count_nonzero(each.mark)) for each in marked)
        if voxels < MIN_MARKED:
            problem = f"{voxels} voxels are marked as labelled" if voxels else "nothing is marked as labelled"
            refuse("Fine-tune", problem, "mark the part in which every voxel is right, under 2")
        dataset, weights = session.folder_for("datasets", "labelled"), session.folder_for("weights", "fine-tuned")
        parent = session.current
        classes = self._classes(session.checkpoint, marked)
        steps = []
        for number, (block, labels, mark, bounds) in enumerate(marked):
            outer = workspace.around(bounds)
            name = f"block_{number}.nii.gz"
            label = labels_to_learn(labels, mark, block.box, outer)
            write = partial(write_labels, session, dataset / "labels" / name, label, outer, NOT_LABELLED)
            title = f"{block.name}: what is marked is saved"
            workspace.beside(title, label.size, lambda check, write=write: write(check=check))
            workspace.check_chosen(session)
            steps.append(workspace.cut(outer, dataset / "images" / name))
        more = ["--network_def#out_channels", classes] if classes > 2 else []
        epochs = int(self.epochs.value)
        words = ["finetune", dataset, weights, "--ckpt_path", session.checkpoint, "--unlabelled_value", NOT_LABELLED]
        words += ["--epochs", epochs, "--iterations_per_epoch", int(self.steps.value), *more]
        steps.append(Step("learning", lambda: bundle_command(*words, "--invert", session.inverted()), 10.0))
        seconds: list[float] = []

        def told(line: str) -> None:
            if match := SECONDS.search(line):
                minutes = 60 * float(match[2]) + float(match[3] or 0) if match[2] else float(match[1])
                seconds.append(minutes)

        def done() -> None:
            self.curve.rest()
            scores = read_sidecar(weights / "model_best.pt")
            before, after = (_dice(scores.get(key)) for key in ("validation_before", "validation"))
            taught = [each.block.name for each in marked]
            path = str(weights / "model_best.pt")
            self.curve.show_before(before)
            session.add_weights(Weights(path, parent, before, after, sum(seconds), taught))
            workspace.changed.emit()
            if self.again.value and session is workspace.session:
                self._segment_again(taught)

        workspace.runner.start(Job("Fine-tuning", steps, done, told, failed=self.curve.rest))
        self.curve.follow(weights, epochs)

    def _classes(self, checkpoint: Path, marked: list[Marked]) -> int:
        """Return how many classes are to be learnt, the background among them.

        Raises:
            UserError: if there is no vessel, or nothing else, in what is marked.
        """
        values: set[int] = set()
        for block, labels, mark, _ in marked:
            values |= set(np.unique(as_labels(f"{block.name} labels", labels[mark])).tolist())
        if values <= {0} or 0 not in values:
            problem = "there is no vessel in what is marked" if values <= {0} else "all that is marked is vessel"
            refuse("Fine-tune", problem, "mark a part that has vessels and background")
        return max(len(values), int(read_sidecar(checkpoint)["network"].get("out_channels", 2)))

    def _segment_again(self, names: list[str]) -> None:
        """Segment blocks one after the other with the new weights."""
        workspace = self.workspace
        if names:
            block = workspace.session.blocks[names[0]]
            self.segment_section.start(block, then=lambda: self._segment_again(names[1:]))
            return
        for layer in workspace.viewer.layers:  # only what is new is to be seen
            if workspace.box_of(layer) is not None:
                layer.visible = layer.metadata[KIND] == f"result {workspace.session.current}"

    # -- versions ------------------------------------------------------------------------------------------------------

    def _choices(self) -> list[tuple[str, int]]:
        session = self.workspace.session
        if session is None:
            return [("shipped weights", 0)]
        return [(session.name_of(at), at) for at in range(len(session.weights))]

    def _changed(self) -> None:
        session = self.workspace.session
        with self.versions.changed.blocked():
            self.versions.reset_choices()
            self.versions.value = session.current if session else 0
        self.undo.enabled = bool(session) and session.weights[session.current].parent is not None
        self.compare.enabled = self.take.enabled = bool(self._pairs())
        self.told.setText(self._scores())

    def _scores(self) -> str:
        """Say what the fine-tuning in use has gained."""
        session = self.workspace.session
        made = session.weights[session.current] if session else None
        if made is None or made.after is None:
            return ""
        before = "" if made.before is None else f"{made.before:.3f} before, "
        taken = f" It took {made.seconds:.0f} s." if made.seconds else ""
        return f"<b>Dice on what was held out: {before}{made.after:.3f} after.</b>{taken}"

    @saying
    def _use(self, version: int) -> None:
        if self.workspace.session is not None and version is not None:
            self.workspace.session.use(version)
            self.workspace.changed.emit()

    @saying
    def undo_training(self) -> None:
        """Go back to the weights before the last fine-tuning; the later ones stay in the list."""
        session = self.workspace.session
        if session is None or session.weights[session.current].parent is None:
            refuse("Undo", "these are the weights that the session began with", "fine-tune first")
        self._use(session.weights[session.current].parent)

    # -- before and after ----------------------------------------------------------------------------------------------

    def _pairs(self) -> list[tuple[Block, int, int]]:
        """Return the blocks that two versions have segmented, and these: the latest one and the one before."""
        session = self.workspace.session
        found = []
        for block in session.blocks.values() if session else ():
            if len(block.segmentations) > 1:
                before, after = (int(each) for each in list(block.segmentations)[-2:])
                found.append((block, before, after))
        return found

    @saying
    def _compare(self, after: bool) -> None:
        """Show the results before a fine-tuning, or those after it, in the place of all labels."""
        for block, first, second in self._pairs():
            for version in (first, second):
                self.workspace.show_result(block, version).visible = (version == second) == after
            if (labels := self.workspace.layer_of(block)) is not None:
                labels.visible = False
        self.compare.text = "After (click: before)" if after else "Before (click: after)"

    @saying
    def take_over(self) -> None:
        """Paint in the new result of the chosen box from now on, but for what is marked, which keeps its labels."""
        workspace, block = self.workspace, self.correct.chosen()
        *earlier, version = map(int, block.segmentations)
        if not earlier:
            refuse(block.name, "was segmented once only", "choose another box under 2, or segment this one once more")
        new, shown = workspace.show_result(block, version), self.correct.layers_of(block)
        session, labels = shown.session, shown.labels
        workspace.touch(block.name)
        workspace.save_corrections()
        workspace.check_chosen(session)
        new.visible, labels.visible = False, True
        self.viewer.layers.selection.active = labels
        replaced = (shown.mark.data == 0) & (labels.data != new.data)
        if not replaced.any():  # as after a second click, which needs no second copy
            show_info(f"{block.name}: its new result changes nothing outside of what is marked")
            return
        kept = session.file_of(block, KEPT_AS[LABELS])
        numbered = (session.file_of(block, f"{KEPT_AS[LABELS]}-{number}") for number in count(1))
        copy = next(path for path in numbered if not path.exists())
        write_whole(copy, lambda temporary: shutil.copyfile(kept, temporary))
        painted = self._painted(block, earlier, labels.data, replaced)
        labels.data_setitem(np.nonzero(replaced), new.data[replaced])  # as a stroke is, so that it can be undone
        words = f"its new result is painted in now, in place of {counted(painted, 'painted voxel')} that had no mark"
        show_info(f"{block.name}: {words}; Ctrl+Z undoes it, and {copy} keeps the labels of before")

    def _painted(self, block: Block, versions: list[int], labels: np.ndarray, where: np.ndarray) -> int:
        """Return how many labels in a part of a block are by hand, and not of the segmentation they began with."""
        found = [np.asarray(open_labels(path)[1]) for path in map(block.made_by, versions) if path.exists()]
        # which one that was is not noted: the one that they are most like
        counts = [np.count_nonzero(where & (labels != each)) for each in found]
        return int(min(counts, default=np.count_nonzero(where)))


def labels_to_learn(labels: np.ndarray, marked: np.ndarray, box: Box, outer: Box) -> np.ndarray:
    """Return the labels of a larger box, or a shifted one, that says nothing outside of what is marked.

    Args:
        labels: `(Z, Y, X)` of a box.
        marked: bool, of the same voxels.
        box: that box.
        outer: the box of what is returned, uint8, `NOT_LABELLED` where nothing is marked.
    """
    told = np.full([stop - start for start, stop in outer][::-1], NOT_LABELLED, np.uint8)  # (Z, Y, X)
    if (shared := overlap(box, outer)) is not None:
        here, there = inside(shared, box), inside(shared, outer)
        told[there] = np.where(marked[here], labels[here], NOT_LABELLED)
    return told


def _dice(scores: dict[str, float] | None) -> float | None:
    return next((value for name, value in (scores or {}).items() if name.endswith("dice")), None)
