"""Cuts a box out of a volume into a small file that states the intensity range of the whole volume.

`cut.py VOLUME --box x0:x1,y0:y1,z0:z1 --to FILE --ckpt_path WEIGHTS --ranges FILE [--channel N]`. The range is found as
`tubenet segment` finds it, which takes a pass over the volume, once: it is kept in the file of ranges.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tubenet import bundle_folder

sys.path[0] = str(bundle_folder())  # in place of this file's own folder

from scripts.core import CLOCK, LINE, Progress, advance, read_json, region_box, set_up_process, write_text  # noqa: E402
from scripts.inference import write_block  # noqa: E402
from scripts.io import open_volume  # noqa: E402
from scripts.transforms import Scaling, scaling_of  # noqa: E402
from scripts.weights import read_cleaning, read_sidecar  # noqa: E402

if TYPE_CHECKING:
    from scripts.io import Volume


def main() -> None:
    """Cut the box that the command line names."""
    logging.basicConfig(format=LINE, datefmt=CLOCK, level=logging.INFO)
    set_up_process()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("volume", type=Path)
    for name in ("--box", "--to", "--ckpt_path", "--ranges"):
        parser.add_argument(name, required=True)
    parser.add_argument("--channel")
    asked = parser.parse_args()
    channel = int(asked.channel) if (asked.channel or "").isdigit() else asked.channel
    with open_volume(asked.volume, channel) as volume:
        scaling = range_of(volume, Path(asked.ckpt_path), Path(asked.ranges))
        box = region_box(asked.box, volume.info.shape, asked.volume)
        write_block(volume, box, asked.to, (scaling.low, scaling.high))
    print(f"wrote {asked.to}")


def range_of(volume: Volume, weights: Path, ranges: Path) -> Scaling:
    """Return how the whole volume is scaled for some weights, from the file of ranges if it stands there."""
    sidecar = read_sidecar(weights)
    lower, upper = (float(sidecar["normalisation"][key]) for key in ("lower", "upper"))
    invert = read_cleaning(sidecar.get("cleaning")).invert
    key = f"{lower:g} {upper:g} {invert} {volume.info.state}"
    known: dict[str, Any] = read_json(ranges, "remove it") if ranges.is_file() else {}
    if key not in known:
        with Progress("finding the intensity range of the whole volume", prod(volume.info.shape)):
            scaling = scaling_of(volume, lower, upper, invert, done=advance)
        known = {**known, key: asdict(scaling), "inverted": scaling.inverted}
    known["inverted"] = known[key]["inverted"]  # of the weights that were asked for last
    write_text(ranges, json.dumps(known, indent=1) + "\n")
    return Scaling(**known[key])


if __name__ == "__main__":
    main()
