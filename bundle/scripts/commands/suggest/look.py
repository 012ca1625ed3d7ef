"""Let the network look at blocks of a volume, in eight views each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from math import prod
from pathlib import Path

import numpy as np
import torch
from monai.bundle import ConfigWorkflow
from monai.data import MetaTensor

from scripts.core import WEIGHTS, Box, Progress, advance, counted, foreground_log_odds, grown, inside_of, sha256
from scripts.data import checked_images
from scripts.inference import Described, describe, write_block
from scripts.io import Volume, file_family, read_volume, result_name, split_name, write_volume
from scripts.transforms import ScaleToUnitd, Scaling, scaling_of
from scripts.weights import read_sidecar

from ..loaded import loaded_workflow
from .record import BLOCKS, SuggestedBlock, SuggestRecord

MARGIN = 16  # voxels around a block that its first segmentation sees besides


class Looker:
    """Looks at blocks of one volume with one network.

    Args:
        volume: the volume.
        record: remembers how its intensities are scaled, which takes a look at the whole of it.
        work: a folder for what is written on the way.
        weights: of the network.
        options: of `segment`.
    """

    def __init__(
        self, volume: Volume, record: SuggestRecord, work: Path, weights: Path = WEIGHTS, **options: str
    ) -> None:
        self.volume, self.record, self.work = volume, record, work
        self.results = work / "results"
        network = {f"network_def#{name}": value for name, value in read_sidecar(weights)["network"].items()}
        views = {"tta": True, "save_probability": True, "verbosity": "quiet"}
        given = {"ckpt_path": str(weights), "output_dir": str(self.results), **options}
        self.workflow = loaded_workflow(**views, **network, **given)
        self.scaling = self._scaling(self.workflow)

    def _scaling(self, workflow: ConfigWorkflow) -> Scaling:
        transforms = workflow.parser.get_parsed_content("preprocessing").flatten().transforms
        scaler = next(each for each in transforms if isinstance(each, ScaleToUnitd))
        name = f"{scaler.lower:g} {scaler.upper:g} {scaler.invert}"
        if name not in self.record.scaling:
            with Progress(f"looking at {self.volume.info.path.name}", total=prod(self.volume.info.shape)):
                found = scaling_of(self.volume, scaler.lower, scaler.upper, scaler.invert, advance)
            self.record.scaling[name] = asdict(found)
            self.record.write()
        return Scaling(**self.record.scaling[name])

    def describe(self, boxes: Sequence[Box], most: int) -> list[Described]:
        """Describe blocks, at most so many; those whose voxels are all the same are left out."""
        found: list[Described] = []
        with Progress(f"looking at {counted(min(most, len(boxes)), 'block')}", total=min(most, len(boxes))):
            for box in boxes:
                voxels = self.volume.read(box)  # (x, y, z)
                if len(found) < most and voxels.min() < voxels.max():
                    found.append(self._described(box, self.scaling.apply(voxels)))
                    advance()
        return found

    def _described(self, box: Box, image: np.ndarray) -> Described:
        parser, affine = self.workflow.parser, self.volume.info.affine
        device = torch.device(self.workflow.parser.get_parsed_content("device"))
        seen = MetaTensor(torch.from_numpy(image)[None, None].to(device), affine=affine)  # (1, 1, x, y, z)
        with torch.inference_mode():
            logits = parser.get_parsed_content("inferer")(seen, parser.get_parsed_content("network"))  # (1, K, x, y, z)
            probability = foreground_log_odds(torch.as_tensor(logits)[0]).sigmoid()  # (x, y, z)
        spread = parser.get_parsed_content("views").take_spread()[0, 0]  # (x, y, z)
        return describe(box, image, probability.cpu().numpy(), spread.cpu().numpy(), affine)

    def write(self, boxes: Sequence[tuple[Box, float]]) -> list[SuggestedBlock]:
        """Write blocks with what the network finds in them, which sees a margin around each besides.

        Args:
            boxes: each with its score.
        """
        info, around = self.volume.info, {}
        for box, score in boxes:
            name = "_".join([split_name(info.path)[0], *(str(start) for start, _ in box)])
            around[name] = box, score, grown(box, (MARGIN,) * 3, info.shape)
        images = {name: self.work / f"{name}.nii" for name in around}
        for name, (_, _, wide) in around.items():
            write_block(self.volume, wide, images[name], (self.scaling.low, self.scaling.high))
        self.workflow.dataset.data = checked_images(self.work)
        self.workflow.parser.get_parsed_content("evaluator").run()
        return [self._write(name, box, score, wide) for name, (box, score, wide) in around.items()]

    def _write(self, name: str, box: Box, score: float, wide: Box) -> SuggestedBlock:
        suffix, folder = suffix_of_blocks(self.volume.info.path), self.record.folder / BLOCKS
        image = write_block(self.volume, box, folder / f"{name}{suffix}", (self.scaling.low, self.scaling.high))
        like, found = read_volume(self.results / result_name(self.work / f"{name}.nii", "seg"))
        header, _ = read_volume(image)
        segmentation = folder / f"{name}_seg{suffix}"
        provenance = like.provenance
        write_volume(segmentation, found[inside_of(box, wide)].astype(np.uint8), like=header, provenance=provenance)
        relative = [each.relative_to(self.record.folder).as_posix() for each in (image, segmentation)]
        return SuggestedBlock(name, box, score, *relative, sha256(segmentation))


def suffix_of_blocks(volume: Path) -> str:
    """Return the suffix of files of blocks: the volume's own, if such a file can be written."""
    others = {"zarr": ".ome.tif", "dicom": ".nii.gz"}
    return others.get(file_family(volume)) or split_name(result_name(volume, "seg"))[1]
