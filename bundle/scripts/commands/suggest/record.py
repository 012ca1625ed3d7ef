"""What was suggested of a volume so far: `blocks.json`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.core import Box, box_text, read_json, refuse, refuse_failures, region_box, sha256, write_text
from scripts.data import DECATHLON
from scripts.io import VolumeInfo

logger = logging.getLogger(__name__)

RECORD = "blocks.json"
BLOCKS = "blocks"
"""Folder of the blocks, each with its first segmentation."""
OTHERS = (DECATHLON, "images", "labels", "imagesTr", "labelsTr")
"""What a dataset has that somebody else made."""
_REMEDY = "choose another folder, or put it back as it was"


@dataclass(frozen=True)
class SuggestedBlock:
    """A block that was suggested.

    Attributes:
        name: of its file, without the suffix.
        box: where it lies in the volume.
        score: share of all that the network was unsure of that it stands for.
        image: its file, relative to the folder.
        segmentation: the file with what was found in it, to correct.
        sha256: of that file as it was written or last added, by which it shows that it was corrected since.
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

        A volume that was moved or copied is the same if it has as many bytes.

        Raises:
            UserError: if it is of another volume or channel, or damaged; if the volume has changed since; if the folder
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
            boxes = [region_box(each["box"], info.shape, f"the volume of {path}") for each in stated["blocks"]]
            blocks = [SuggestedBlock(**{**each, "box": box}) for each, box in zip(stated["blocks"], boxes, strict=True)]
            found = cls(folder, **{**stated, "blocks": blocks})
        same_name = Path(found.volume).name == info.path.name
        if (found.channel, found.level) != (channel, level) or not (same_name or found.state == new.state):
            what = f"{found.volume}, channel {found.channel}, level {found.level}"
            refuse(folder, f"holds blocks of {what}", "choose another folder for this one")
        if found.state[:2] != new.state[:2]:
            problem = f"has changed since blocks of it were suggested into {folder}"
            refuse(volume, problem, "put it back as it was, or begin anew in another folder")
        if found.state != new.state:
            logger.warning("%s: is newer than its blocks, and as large: taken for the same", volume)
        found.volume, found.state = volume, new.state
        return found

    def write(self) -> None:
        """Write it into its folder."""
        content = asdict(self)
        del content["folder"]
        content["blocks"] = [{**asdict(block), "box": box_text(block.box)} for block in self.blocks]
        write_text(self.folder / RECORD, json.dumps(content, indent=1) + "\n")

    def labelled(self) -> Iterator[SuggestedBlock]:
        """Yield the blocks that were added."""
        return (block for block in self.blocks if block.added)

    def mark_added(self, name: str) -> None:
        """Note that a block is labelled, and its own file as it is now."""
        for at, block in enumerate(self.blocks):
            if block.name == name:
                own = self.folder / block.segmentation
                known = sha256(own) if own.is_file() else block.sha256
                self.blocks[at] = replace(block, added=True, sha256=known)
