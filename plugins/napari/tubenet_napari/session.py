"""What a person does to one volume, in a folder of its own: boxes, corrections, and every version of the weights.

Nothing of the user's is written to: a session lies in `~/tubenet-sessions` or wherever it is put. `session.json` says
what is there; it is rewritten whole after every step, so that a crash loses nothing.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.core import WEIGHTS, Box, UserError, alone, by, make_folder, read_json, refuse, write_text
from scripts.io import read_header, split_hdf5

from .places import with_found_paths, with_written_paths

FILE, LOCK = "session.json", "session.lock"


@dataclass
class Block:
    """A box of the volume that was segmented, and may have been corrected.

    Attributes:
        name: unique in the session.
        box: in the volume's voxels.
        segmentations: files of these voxels alone, by the version of the weights that made each, the latest last.
        score: of a suggested block, how much it is worth to label it; None for others.
        suggested_by: the version of the weights that it is a score of.
    """

    name: str
    box: Box
    segmentations: dict[str, str] = field(default_factory=dict)
    score: float | None = None
    suggested_by: int | None = None

    @property
    def latest(self) -> Path | None:
        """The file of the latest segmentation, if there is one."""
        return Path(list(self.segmentations.values())[-1]) if self.segmentations else None

    def made_by(self, version: int) -> Path | None:
        """Return the file of the segmentation by a version of the weights, if there is one."""
        found = self.segmentations.get(str(version))
        return Path(found) if found else None

    def add(self, version: int, path: Path) -> None:
        """Note a segmentation by a version of the weights."""
        self.segmentations.pop(str(version), None)
        self.segmentations[str(version)] = str(path)


@dataclass
class Weights:
    """One version of the weights.

    Attributes:
        path: of the checkpoint.
        parent: the version that training began with; None for those that the session began with.
        before: Dice on what was held out before training, if it is known.
        after: Dice there afterwards.
        seconds: that the training took.
        blocks: names of those that taught it.
    """

    path: str
    parent: int | None = None
    before: float | None = None
    after: float | None = None
    seconds: float = 0.0
    blocks: list[str] = field(default_factory=list)


@dataclass
class Session:
    """A session, as its file says.

    Attributes:
        folder: of the session.
        volume: the file that it is about, or a copy in `folder` of a layer that has none.
        channel: of that file.
        origin: which file or layer was opened.
        blocks: by name.
        weights: all versions, the first of which are those that the session began with.
        current: the version in use.
        shape: voxels of the volume along X, Y, Z when the session began; None if that was not noted.
        state: of its files then, as `VolumeInfo.state`.
    """

    folder: Path
    volume: Path
    channel: int | str | None
    origin: str
    blocks: dict[str, Block] = field(default_factory=dict)
    weights: list[Weights] = field(default_factory=lambda: [Weights(str(WEIGHTS))])
    current: int = 0
    shape: tuple[int, int, int] | None = None
    state: tuple[int, int, int] | None = None
    _held: ExitStack = field(default_factory=ExitStack, init=False, repr=False, compare=False)

    @classmethod
    def begin(cls, root: Path, volume: Path, channel: int | str | None, origin: str = "", name: str = "") -> Session:
        """Begin a session in a new folder.

        Args:
            root: the folder of sessions.
            volume: the file that it is about; a relative path is one inside the new folder.
            channel: of that file.
            origin: which file or layer was opened; by default the volume.
            name: to call the folder after.

        Raises:
            UserError: if the folder cannot be made.
        """
        plain = re.sub(r"[^\w.-]+", "_", name or volume.name.split(".")[0]).strip("._") or "volume"
        number, folder = 1, root / plain
        while folder.exists():
            number += 1
            folder = root / f"{plain}-{number}"
        make_folder(folder)
        session = cls(folder, volume if volume.is_absolute() else folder / volume, channel, origin or str(volume))
        session.save()
        return session

    @classmethod
    def open(cls, folder: Path) -> Session:
        """Open a session.

        Raises:
            UserError: for a folder without one, and a damaged file.
        """
        told = read_json(folder / FILE, "choose another folder, or begin a new session")
        try:
            told = with_found_paths(told, folder)
            blocks = {
                name: Block(**{**each, "box": tuple((int(a), int(b)) for a, b in each["box"])})
                for name, each in told["blocks"].items()
            }
            weights = [Weights(**each) for each in told["weights"]]
            session = cls(folder, Path(told["volume"]), told["channel"], told["origin"], blocks, weights)
            session.current = range(len(weights))[told["current"]]
            # sessions of earlier versions do not say it
            session.shape, session.state = (
                tuple(map(int, told[key])) if told.get(key) else None for key in ("shape", "state")
            )
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            refuse(folder / FILE, f"is damaged ({error!r})", "begin a new session")
        return session

    @classmethod
    def latest_of(cls, root: Path, origin: str, channel: int | str | None) -> Session | None:
        """Return the session that was last worked on of a file or layer, or None."""
        files = sorted(root.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for file in files:
            try:
                session = cls.open(file.parent)
            except ValueError:  # damaged: not one to go on with
                continue
            is_there = split_hdf5(session.volume)[0].exists()
            if session.origin == origin and session.channel == channel and is_there:
                return session
        return None

    def save(self) -> None:
        """Write the session's file, whole or not at all."""
        told: dict[str, Any] = {
            "volume": str(self.volume),
            "channel": self.channel,
            "origin": self.origin,
            "blocks": {name: asdict(block) for name, block in self.blocks.items()},
            "weights": [asdict(each) for each in self.weights],
            "current": self.current,
            "shape": self.shape,
            "state": self.state,
        }
        write_text(self.folder / FILE, json.dumps(with_written_paths(told, self.folder), indent=1) + "\n")

    def hold(self) -> None:
        """Let nobody else hold the session until it is released, or this process ends, however it does.

        Each holder keeps what is there in memory and writes `session.json` whole, and so over what another has added.

        Raises:
            UserError: if another viewer holds it, or another widget.
        """
        try:
            self._held.enter_context(alone(self.folder / LOCK, self.folder))
        except UserError:
            problem = "this session is open in another viewer, or in another widget of this one"
            refuse(self.folder, problem, "go on with it there, or close that one")
        except OSError:  # some network disks cannot lock; two viewers of one session are rare, and one must go on
            return

    def release(self) -> None:
        """Let others hold the session."""
        self._held.close()

    def note_volume(self) -> None:
        """Note what the volume is like, now that the session begins.

        Raises:
            UserError: if it cannot be read.
        """
        info = read_header(self.volume, self.channel)
        self.shape, self.state = info.shape, info.state
        self.save()

    def check_volume(self) -> str | None:
        """Return a line if the volume has changed since the session began, else None.

        Raises:
            UserError: if its shape is another, so that no box fits, or it cannot be read.
        """
        info = read_header(self.volume, self.channel)
        if self.shape not in (None, info.shape):
            problem = f"has {by(info.shape)} voxels, and had {by(self.shape)} when this session began"
            refuse(self.volume, problem, "segment a box of it, by which a new session begins")
        if self.state in (None, info.state):
            return None
        return f"{self.volume}: has changed since this session began; look whether its labels still fit"

    @property
    def checkpoint(self) -> Path:
        """The weights in use."""
        return Path(self.weights[self.current].path)

    @property
    def ranges(self) -> Path:
        """The file that keeps the intensity range of the whole volume (`process/cut.py`)."""
        return self.folder / "ranges.json"

    def inverted(self) -> str:
        """Return whether vessels are darker than what is around them; a box was cut out, so that it is known."""
        return str(read_json(self.ranges, "segment a box once more")["inverted"]).lower()

    @property
    def summary(self) -> str:
        """What the session holds, in a few words."""
        trained = len(self.weights) - 1
        counts = ((len(self.blocks), "box", "boxes"), (trained, "fine-tuning", "fine-tunings"))
        return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts)

    def name_of(self, version: int) -> str:
        """Return what a version of the weights is called."""
        if version == 0:
            return "shipped weights" if self.weights[0].path == str(WEIGHTS) else Path(self.weights[0].path).name
        return f"fine-tuning {version}"

    def add_block(self, box: Box, start: str = "box") -> Block:
        """Return the block of a box: the one that is there, or a new one."""
        for block in self.blocks.values():
            if block.box == box:
                return block
        numbers = (f"{start} {number}" for number in range(1, len(self.blocks) + 2))
        name = next(name for name in numbers if name not in self.blocks)
        self.blocks[name] = Block(name, box)
        self.save()
        return self.blocks[name]

    def add_weights(self, weights: Weights) -> None:
        """Take further weights into use."""
        self.weights.append(weights)
        self.current = len(self.weights) - 1
        self.save()

    def use(self, version: int) -> None:
        """Take a version of the weights into use."""
        self.current = version
        self.save()

    def folder_for(self, *names: str) -> Path:
        """Return the path of a folder in the session that does not exist yet: the first name, then -2, -3."""
        plain = [re.sub(r"\W+", "-", name) for name in names]
        path, number = self.folder.joinpath(*plain), 1
        while path.exists():
            number += 1
            path = self.folder.joinpath(*plain[:-1], f"{plain[-1]}-{number}")
        return path

    def file_of(self, block: Block, what: str) -> Path:
        """Return where the corrections (`corrected`) or marks (`labelled`) of a block are kept."""
        return self.folder / "corrections" / f"{re.sub(r'[^0-9a-zA-Z]+', '-', block.name)}_{what}.nii.gz"

    def labels_of(self, block: Block) -> Path | None:
        """Return the file of a block's labels, as they were corrected or else as they were found last; or None."""
        files = (self.file_of(block, "corrected"), block.latest)
        return next((path for path in files if path is not None and path.exists()), None)

    def missing(self) -> list[str]:
        """Return the names of boxes and weights whose files are not there any more."""
        boxes = [each.name for each in self.blocks.values() if each.segmentations and self.labels_of(each) is None]
        return boxes + [self.name_of(at) for at, each in enumerate(self.weights) if not Path(each.path).exists()]
