"""What was suggested of a volume so far: `blocks.json`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from scripts.core import Box, box_text, by, counted, parse_region, read_json, refuse, refuse_failures, write_text
from scripts.data import DECATHLON
from scripts.io import Volume, VolumeInfo, read_volume

logger = logging.getLogger(__name__)

RECORD = "blocks.json"
BLOCKS = "blocks"
"""Folder of the blocks, each with its first segmentation."""
OTHERS = (DECATHLON, "images", "labels", "imagesTr", "labelsTr")
"""What a dataset has that somebody else made."""
_REMEDY = "choose another folder, or put it back as it was"
_ANEW = "put the volume back as it was, or begin anew in another folder"


@dataclass(frozen=True)
class SuggestedBlock:
    """A block that was suggested.

    Attributes:
        name: of its file, without the suffix.
        box: where it lies in the volume.
        score: share of all that the network was unsure of that it stands for.
        image: its file, relative to the folder.
        segmentation: the file with what was found in it, to correct.
        sha256: of that file as it was written or read to be added, by which it shows that it was corrected since;
            `""` if it was corrected before that could be noted.
        added: whether it is labelled.
    """

    name: str
    box: Box
    score: float
    image: str
    segmentation: str
    sha256: str
    added: bool = False


@dataclass
class SuggestRecord:
    """All that was suggested of one volume into one folder.

    Attributes:
        folder: where it lies.
        volume: path of the volume.
        state: of its file, which changes with it.
        channel: which of its channels, or None.
        level: which of its resolutions.
        scaling: arguments of `scripts.transforms.Scaling` by the percentiles they are of; `{}` if not looked up.
        blocks: in the order in which they were suggested.
        label: the file of what is labelled, relative to the folder; `""` before anything is.
    """

    folder: Path
    volume: str
    state: list[int]
    channel: int | str | None = None
    level: int = 0
    scaling: dict[str, dict[str, Any]] = field(default_factory=dict)
    blocks: list[SuggestedBlock] = field(default_factory=list)
    label: str = ""

    @classmethod
    def of(cls, folder: Path, info: VolumeInfo, channel: int | str | None, level: int) -> SuggestRecord:
        """Read the record in a folder, or begin one.

        A volume that was moved or copied may be the same if it has as many bytes; `take` looks.

        Raises:
            UserError: if it is of another volume or channel, or damaged; if the volume has another size; if the folder
                holds a dataset that is not of such a record.
        """
        path, volume = folder / RECORD, str(info.path.resolve())
        new = cls(folder, volume, list(info.state), channel, level)
        if not path.is_file():
            if there := next((name for name in OTHERS if (folder / name).exists()), None):
                refuse(folder, f"holds a dataset already, {there}", "choose a new folder for blocks and their labels")
            return new
        stated = read_json(path, _REMEDY)
        with refuse_failures(path, "is no record of suggested blocks", _REMEDY):
            blocks = [{**each, "box": _box(path, each["box"], info)} for each in stated["blocks"]]
            found = cls(folder, **{**stated, "blocks": [SuggestedBlock(**each) for each in blocks]})
        same_name = Path(found.volume).name == info.path.name
        if (found.channel, found.level) != (channel, level) or not (same_name or found.state == new.state):
            what = f"{found.volume}, channel {found.channel}, level {found.level}"
            refuse(folder, f"holds blocks of {what}", "choose another folder for this one")
        if found.state[:2] != new.state[:2]:
            refuse(volume, f"has changed since blocks of it were suggested into {folder}", _ANEW)
        return found

    def take(self, volume: Volume) -> None:
        """Take a volume for the one that it tells of.

        Its file is as it was, or holds the voxels of the blocks: one that is as large may be another animal's, or the
        same one filtered.

        Raises:
            UserError: if the voxels of a block have changed.
        """
        path, state = volume.info.path, list(volume.info.state)
        if self.state != state:
            images = [(block, image) for block in self.blocks if (image := self.folder / block.image).is_file()]
            for block, image in images:
                if not holds(volume, block.box, image):
                    refuse(path, f"does not hold the voxels of {image}, which was cut out of {self.volume}", _ANEW)
            if not images:
                self.scaling = {}
            told = "%s: is another file than %s was; taken for the same, by the voxels of %s"
            logger.warning(told, path, self.volume, counted(len(images), "block"))
        self.volume, self.state = str(path.resolve()), state

    def write(self) -> None:
        """Write it into its folder."""
        content = asdict(self)
        del content["folder"]
        content["blocks"] = [{**asdict(block), "box": box_text(block.box)} for block in self.blocks]
        write_text(self.folder / RECORD, json.dumps(content, indent=1) + "\n")

    def labelled(self) -> Iterator[SuggestedBlock]:
        """Yield the blocks that were added."""
        return (block for block in self.blocks if block.added)

    def mark_added(self, name: str, own: str | None) -> None:
        """Note that a block is labelled.

        Args:
            name: of the block.
            own: SHA-256 of its own file as that was read; None if it was labelled by another.
        """
        for at, block in enumerate(self.blocks):
            if block.name == name:
                self.blocks[at] = replace(block, added=True, sha256=own or block.sha256)


def holds(volume: Volume, box: Box, image: Path) -> bool:
    """Return whether the voxels of a box are those of a block's file."""
    _, voxels = read_volume(image)
    found = volume.read(box)
    return found.shape == voxels.shape and np.allclose(found, voxels, atol=0)


def _box(path: Path, text: Any, info: VolumeInfo) -> Box:
    """Read where a block lies; a file that is as large as the volume was may have another shape."""
    box = tuple((start or 0, stop or 0) for start, stop in parse_region(text))
    if any(not start < stop <= size for (start, stop), size in zip(box, info.shape, strict=True)):
        problem = f"tells of a block {text}, and {info.path.name} has {by(info.shape)} voxels"
        refuse(path, problem, _ANEW)
    return box
