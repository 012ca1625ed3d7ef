"""What is measured. Each case runs in a process of its own, so that its peak of memory is its own too."""

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
from scripts.core import BUNDLE, keep_freed_memory, refuse
from scripts.inference import autocast, with_rounded_weights
from scripts.weights import save_weights

PRECISIONS = {"float32": False, "bfloat16": True}
OVERLAYS: dict[str, list[str]] = {"shipped": [], "published": ["overlays/published"]}
PATCH = (64, 64, 64)
REPEATS = 5


def forward(network: str, amp: bool, size: tuple[int, ...], batch: int) -> dict[str, Any]:
    """Run the network on a batch of windows, as prediction does."""
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
    """Forward, loss, backward and the optimiser's step on a batch of patches."""
    keep_freed_memory()
    parser = parser_of("train", *OVERLAYS[network])
    net, loss = parser.get_parsed_content("network").train(), parser.get_parsed_content("loss")
    run = autocast(net, amp)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    image = torch.rand(batch, 1, *PATCH)
    label = (image > 0.9).long()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss(run(image), label).backward()
        optimizer.step()

    with FlopCounterMode(display=False) as counter:
        step()
    return {"seconds": seconds_of(step, REPEATS), "flop": counter.get_total_flops(), "voxels": image.numel()}


def prediction(network: str, amp: bool, shape: tuple[int, ...]) -> dict[str, Any]:
    """Segment a volume with the command that a user types, from the file to the file."""
    with dataset_of(shape) as dataset, tempfile.TemporaryDirectory() as out:
        options = {"dataset_dir": dataset / "images", "output_dir": out, "overlap": 0.5, "amp": amp}
        if OVERLAYS[network]:  # of these no weights are shipped, and time does not depend on them
            net = parser_of("inference", *OVERLAYS[network]).get_parsed_content("network")
            sidecar = {"network": net.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.5}
            options["ckpt_path"] = Path(out) / "weights.pt"
            save_weights(options["ckpt_path"], net, sidecar)
        peaks: list[int] = []
        times = seconds_of(lambda: peaks.append(_bundle(["inference", *OVERLAYS[network]], **options)), 1, warm_up=0)
    return {"seconds": times, "voxels": shape[0] * shape[1] * shape[2], "peak_bytes": max(peaks)}


def loading() -> dict[str, Any]:
    """Draw and augment patches as training does, without a network."""
    with dataset_of((160, 160, 96), count=4) as dataset:
        parser = parser_of("train", dataset_dir=str(dataset), iterations_per_epoch=10, batch_size=2)
        loader = parser.get_parsed_content("train#dataloader")
        times = seconds_of(lambda: list(loader), repeats=3)
    return {"seconds": times, "patches": 20}


def start_up(words: list[str]) -> dict[str, Any]:
    """Start Python and import something."""
    command = [sys.executable, *words]
    return {"seconds": seconds_of(lambda: subprocess.run(command, check=True, capture_output=True), REPEATS)}


def first_voxel() -> dict[str, Any]:
    """Segment next to nothing with the shipped weights: what a user waits for before any work is done."""
    with dataset_of((32, 32, 32)) as dataset, tempfile.TemporaryDirectory() as out:
        options = {"dataset_dir": dataset / "images", "output_dir": out}
        peaks: list[int] = []
        times = seconds_of(lambda: peaks.append(_bundle(["inference"], **options)), repeats=3)
        return {"seconds": times, "peak_bytes": max(peaks)}


def parser_of(*names: str, **options: Any) -> ConfigParser:
    """Read configs, laid over one another, with options."""
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / f"{name}.json") for name in names])
    parser.update({"bundle_root": str(BUNDLE), **options})
    return parser


@contextmanager
def dataset_of(shape: tuple[int, ...], count: int = 1) -> Iterator[Path]:
    """Make a synthetic dataset, there for as long as the context lasts."""
    with tempfile.TemporaryDirectory() as folder:
        yield write_dataset(folder, count=count, shape=shape, style="tree")


def _bundle(configs: list[str], **options: Any) -> int:
    """Run a bundle's command and return its peak of memory in bytes."""
    files = [f"configs/{name}.json" for name in configs]
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(files), *words]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, cwd=BUNDLE, stdout=subprocess.DEVNULL, stderr=told)
        status, peak = ended(process)
        if status:
            told.seek(0)
            refuse("the command", told.read().strip().splitlines()[-1], "run it alone to see more", OSError)
    return peak


def _all() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
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
            shapes = [(128, 128, 64), (256, 256, 256)]
            if (network, amp) == ("shipped", True):
                shapes.append((512, 512, 512))
            for shape in shapes:
                name = f"prediction: {network}, {precision}, {'×'.join(map(str, shape))}"
                yield name, partial(prediction, network, amp, shape)


CASES = dict(_all())
