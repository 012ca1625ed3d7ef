"""What a score in fine-tuning tells of the rest, and what the strip that it is measured on costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.few_labels.trial import WITHOUT_INT8, evaluate, scores_in
from experiments.kinds import DATASET
from scripts.commands import FINETUNE, TRAIN, run_bundle
from scripts.core import WEIGHTS, check_writable, refuse, region_box
from scripts.data import find_dataset
from scripts.study import NOT_LABELLED, LabelledVolume, Part, write_part
from scripts.weights import read_sidecar

BLOCKS = {
    "octa_retina": "32:96,0:64,:",
    "two_photon_tgmouse": "224:288,224:288,:",
    "two_photon_lowres": "128:192,128:192,:",
    "two_photon_bbb": "224:288,224:288,:",
}
"""Of each volume the block to fine-tune on: 64 voxels wide, in the middle, or in the half of the retina that trains."""
ALL_TRAINS = "$dict.fromkeys(('train', 'validate'), [{**each, 'region': each['scan'].labelled} for each in @volumes])"
"""A `split` that holds nothing out."""
COLUMNS = ("block", "seed", "shown in training", "of", "before, on the rest", "Dice, AUROC on the rest")


def run_held_out(
    dataset_dir: str | Path = DATASET,
    output_dir: str | Path = "held_out",
    blocks: Mapping[str, str] | None = None,
    seeds: Sequence[int] = (0,),
    scale: float | str = 1,
) -> None:
    """Fine-tune on a block with and without a part held out, score the rest of the volume, and print a table.

    Args:
        dataset_dir: the dataset.
        output_dir: becomes `NAME/` with what the trainings and evaluations write; nothing is done twice.
        blocks: a region for each volume, "{'NAME': 'x0:x1,y0:y1,z0:z1'}".
        seeds: seeds of the trainings, "[0,1]".
        scale: of the scores on the rest; in training it is 1.

    Raises:
        UserError: if the dataset or a volume is missing, a region does not fit, or a command fails.
    """
    volumes = {volume["name"]: volume for volume in find_dataset(Path(dataset_dir).resolve())}
    folder = check_writable(Path(output_dir).resolve())
    blocks = {name: region for name, region in BLOCKS.items() if name in volumes} if blocks is None else blocks
    if unknown := [name for name in blocks if name not in volumes]:
        refuse("--blocks", f"there is no volume {unknown[0]!r} in the dataset", f"it has {', '.join(volumes)}")
    rows = []
    for name, region in blocks.items():
        block, rest = block_and_rest(folder / name, volumes[name], region)
        before = _score(folder / name / "before", rest, scale)
        for seed in seeds:
            for kind, split in (("strip", {}), ("all", {"split": ALL_TRAINS})):
                out = folder / name / f"{kind}_{seed}"
                if not (out / "model_best.pt").is_file():
                    options = {"unlabelled_value": NOT_LABELLED, "ckpt_dir": out, "seed": seed, **split}
                    options |= WITHOUT_INT8
                    run_bundle([TRAIN, FINETUNE], dataset_dir=block, **options)
                sidecar = read_sidecar(out / "model_best.pt")
                after = _score(out / "rest", rest, scale, out / "model_best.pt")
                shown = next(f"{key} {value:.3f}" for key, value in sidecar["validation"].items())
                rows.append([f"{name} `{region}`", seed, shown, sidecar["validated_on"], _told(before), _told(after)])
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *rows)))


def _told(scores: Mapping[str, float]) -> str:
    return f"{scores['dice']:.3f}, {scores['auroc']:.3f}"


def _score(out: Path, dataset: Path, scale: float | str, weights: Path = WEIGHTS) -> dict[str, float]:
    """Score the rest of a volume, unless it has been; return the scores."""
    if (out / "metrics.json").is_file():
        return scores_in(out)
    return evaluate(out, dataset, weights, scale=scale)


def block_and_rest(folder: Path, volume: Mapping[str, Any], region: str) -> tuple[Path, Path]:
    """Write two datasets of one volume: with the label of a block alone, and with that of the rest alone."""
    read, box = LabelledVolume.read(volume), region_box(region, volume["shape"], volume["name"])
    return write_part(folder / "block", read, Part(box)), write_part(folder / "rest", read, Part(box, inside=False))
