"""The cases that are measured: network, training, prediction, loading and start-up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch.utils.flop_counter import FlopCounterMode

from bench.limits import ended, seconds_of
from scripts.commands.synthesise import write_dataset
from scripts.core import BUNDLE, INT8, keep_freed_memory, refuse
from scripts.inference import autocast, with_rounded_weights
from scripts.inference.engine import OPENVINO, TORCH, has_openvino
from scripts.io import read_header
from scripts.weights import save_weights

PRECISIONS = {"float32": False, "bfloat16": True}
OVERLAYS: dict[str, list[str]] = {"shipped": [], "published": ["overlays/published"]}
PATCH = (64, 64, 64)
SHAPES = (128, 128, 64), (256, 256, 256), (512, 512, 512)  # of volumes that are segmented
REPEATS = 5


def forward(network: str, amp: bool, size: tuple[int, ...], batch: int) -> dict[str, Any]:
    """Run the network on a batch of windows, as prediction does.

    Args:
        network: one of `OVERLAYS`.
        amp: whether in bfloat16.
        size: sides of a window along X, Y, Z, in voxels.
        batch: number of windows.
    """
    keep_freed_memory()
    net = parser_of("inference", *OVERLAYS[network]).get_parsed_content("network").eval()
    image = torch.rand(batch, 1, *size)
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            net(image)
        run = autocast(with_rounded_weights(net) if amp else net, amp)
        times = seconds_of(lambda: run(image), REPEATS, warm_up=2)
    return {"seconds": times, "flop": counter.get_total_flops(), "voxels": image.numel()}


def training_step(network: str, amp: bool, batch: int) -> dict[str, Any]:
    """Take a step of training, from the forward pass to the optimiser, on a batch of patches.

    Args:
        network: one of `OVERLAYS`.
        amp: whether in bfloat16.
        batch: number of patches.
    """
    keep_freed_memory()
    parser = parser_of("train", *OVERLAYS[network])
    net, loss = parser.get_parsed_content("network").train(), parser.get_parsed_content("loss")
    run = autocast(net, amp)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    image = torch.rand(batch, 1, *PATCH)
    label = (image > 0.9).long()

    def step() -> None:
        """Take one step."""
        optimizer.zero_grad(set_to_none=True)
        loss(run(image), label).backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    return {"seconds": seconds_of(step, REPEATS), "flop": counter.get_total_flops(), "voxels": image.numel()}


def prediction(network: str, amp: bool | str, shape: tuple[int, ...], side: int | None = None) -> dict[str, Any]:
    """Segment a volume with the command that a user types, from file to file.

    Args:
        network: one of `OVERLAYS`.
        amp: whether in bfloat16, or `int8`, by OpenVINO.
        shape: of the volume, voxels along X, Y, Z.
        side: of the blocks by which it is done, voxels; None does it in memory.
    """
    with dataset_of(shape) as dataset, tempfile.TemporaryDirectory() as out:
        options = {"dataset_dir": dataset / "images", "output_dir": out, "overlap": 0.5, "amp": amp}
        options["engine"] = OPENVINO if amp == INT8 else TORCH
        if side is not None:
            options |= {"blocks": True, "blockwise#side": side}
        if OVERLAYS[network]:  # no weights are shipped for these, and any will do: time does not depend on them
            net = parser_of("inference", *OVERLAYS[network]).get_parsed_content("network")
            # hardly surer of one voxel than of another, so that int8 is close to float32, and is taken
            torch.nn.init.normal_(net.head.weight, std=1e-3)
            sidecar = {"network": net.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.25}
            options["ckpt_path"] = Path(out) / "weights.pt"
            save_weights(options["ckpt_path"], net, sidecar)
        peaks: list[int] = []
        calibrates = amp == INT8 and bool(OVERLAYS[network])  # the first time alone, as after fine-tuning
        run = partial(_bundle, ["inference", *OVERLAYS[network]], **options)
        times = seconds_of(lambda: peaks.append(run()), 1, warm_up=int(calibrates))
        (result,) = Path(out).glob("*_seg.*")
        engine = read_header(result).provenance["computed_by"]
        if (amp == INT8) != (INT8 in engine):
            refuse(f"{network} in {amp}", f"was computed by {engine}", "see what the log of its prediction says")
    return {"seconds": times, "voxels": shape[0] * shape[1] * shape[2], "peak_bytes": max(peaks)}


def loading() -> dict[str, Any]:
    """Draw and augment patches as training does, without a network."""
    with dataset_of((160, 160, 96), count=4) as dataset:
        parser = parser_of("train", dataset_dir=str(dataset), iterations_per_epoch=10, batch_size=2)
        loader = parser.get_parsed_content("train#dataloader")
        times = seconds_of(lambda: list(loader), repeats=3)
    return {"seconds": times, "patches": 20}


def start_up(words: list[str]) -> dict[str, Any]:
    """Start Python with some words, such as an import."""
    command = [sys.executable, *words]
    return {"seconds": seconds_of(lambda: subprocess.run(command, check=True, capture_output=True), REPEATS)}


def first_voxel() -> dict[str, Any]:
    """Segment a tiny volume: how long a user waits before the real work begins."""
    with dataset_of((32, 32, 32)) as dataset, tempfile.TemporaryDirectory() as out:
        options = {"dataset_dir": dataset / "images", "output_dir": out}
        peaks: list[int] = []
        times = seconds_of(lambda: peaks.append(_bundle(["inference"], **options)), repeats=3)
        return {"seconds": times, "peak_bytes": max(peaks)}


def parser_of(*names: str, **options: Any) -> ConfigParser:
    """Return a parser of configs, by name, laid over one another, with options."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / f"{name}.json") for name in names])
    parser.update({"bundle_root": str(BUNDLE), **options})
    return parser


@contextmanager
def dataset_of(shape: tuple[int, ...], count: int = 1) -> Iterator[Path]:
    """Yield a dataset of synthetic volumes of a shape (X, Y, Z), deleted after the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield write_dataset(folder, count=count, shape=shape, style="tree")


def _bundle(configs: list[str], **options: Any) -> int:
    """Run a command of the bundle in its own process; return its peak of memory in bytes."""
    files = [f"configs/{name}.json" for name in configs]
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files), *words]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=BUNDLE, stdout=subprocess.DEVNULL, stderr=said)
        status, peak = ended(process)
        if status:
            said.seek(0)
            line = said.read().strip().splitlines()[-1].removeprefix("error: ")
            refuse(f"the run of {files[-1]}", f"failed ({line})", "do what the message in parentheses says", OSError)
    return peak


def _all() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield the name of each case and the function that measures it."""
    yield "start: python", partial(start_up, ["-c", "pass"])
    yield "start: import torch", partial(start_up, ["-c", "import torch"])
    yield "start: import monai.bundle", partial(start_up, ["-c", "import monai.bundle"])
    yield "start: monai.bundle run on 32³", first_voxel
    yield "loading: patches of 64³", loading
    for network in OVERLAYS:
        for precision, amp in PRECISIONS.items():
            for size, batch in (((64, 64, 32), 1), (PATCH, 1), (PATCH, 2), (PATCH, 4)):
                name = f"forward: {network}, {precision}, {'×'.join(map(str, size))}, batch {batch}"
                yield name, partial(forward, network, amp, size, batch)
            for batch in (2, 6):
                name = f"training step: {network}, {precision}, batch {batch}"
                yield name, partial(training_step, network, amp, batch)
            for shape in SHAPES if (network, amp) == ("shipped", True) else SHAPES[:2]:
                name = f"prediction: {network}, {precision}, {'×'.join(map(str, shape))}"
                yield name, partial(prediction, network, amp, shape)
    if has_openvino():
        for shape in SHAPES[1:]:
            yield f"prediction: shipped, int8, {'×'.join(map(str, shape))}", partial(prediction, "shipped", INT8, shape)
        shape = SHAPES[1]
        yield f"prediction: published, int8, {'×'.join(map(str, shape))}", partial(prediction, "published", INT8, shape)
    # 27 blocks of a volume that is done in memory above
    yield (
        "prediction by blocks of 96³: shipped, bfloat16, 256×256×256",
        partial(prediction, "shipped", True, (256,) * 3, 96),
    )


CASES = dict(_all())
