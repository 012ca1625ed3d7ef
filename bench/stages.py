"""Where the time of a prediction and of a fine-tuning goes, from start to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from matplotlib.figure import Figure
from monai.bundle import ConfigWorkflow
from monai.engines import IterationEvents
from torch.profiler import ProfilerActivity, profile

from bench.cases import BUNDLE, dataset_of
from scripts.core import check_writable, refuse, write_whole

START_UP, EXIT, WINDOWS, STEPS = "start-up", "exit", "windows", "steps"
APART = "measuring"  # what this file itself does in that process
# the stage that each event ends; what lies between two of them belongs to the later one
PREDICTION = {
    Events.STARTED: START_UP,
    Events.GET_BATCH_COMPLETED: "reading",
    IterationEvents.FORWARD_COMPLETED: WINDOWS,
    Events.COMPLETED: "threshold, writing",
}
TRAINING = {
    Events.STARTED: START_UP,
    Events.GET_BATCH_COMPLETED: "drawing patches",
    IterationEvents.FORWARD_COMPLETED: "forward",
    IterationEvents.LOSS_COMPLETED: "loss",
    IterationEvents.BACKWARD_COMPLETED: "backward",
    IterationEvents.MODEL_COMPLETED: "optimiser",
    Events.EPOCH_COMPLETED: "validation, saving",
    Events.COMPLETED: "validation, saving",
}
OPERATIONS = {
    "convolution": "convolution",
    "group_norm": "normalisation",
    "leaky_relu": "activation",
    "pool": "pooling",
    "cat": "concatenation",
}


class Stages:
    """Handler that measures how long each stage of a run takes.

    Args:
        ends: the stage that each event ends.
        started: when the process started, by `time.time`.

    Attributes:
        seconds: seconds of each stage, summed over the run.
    """

    def __init__(self, ends: Mapping[Any, str], started: float) -> None:
        self.ends = ends
        self.seconds: dict[str, float] = defaultdict(float)
        self.last = started

    def attach(self, engine: Engine) -> None:
        """Read the clock at each event of an engine, after the handlers that are already attached."""
        for event, stage in self.ends.items():
            engine.add_event_handler(event, self._end, stage)

    def _end(self, stage: str) -> None:
        """Add the time since the last event to a stage."""
        now = time.time()
        self.seconds[stage] += now - self.last
        self.last = now


def picture(output_path: str | Path = "stages.png", side: int = 512) -> str:
    """Draw where the time of a prediction and of a fine-tuning goes.

    Args:
        output_path: the picture to write, X.png.
        side: side of the cube to segment, in voxels.

    Returns:
        The seconds of each stage, as text.

    Raises:
        UserError: for a name that does not end in .png, or a side below 32; if prediction or fine-tuning fails, or
            the picture cannot be written.
    """
    path = Path(output_path)
    check_writable(path.parent)
    if path.suffix != ".png":
        refuse(f"--output_path {output_path}", "is not the name of a PNG", "give one that ends in .png")
    if not isinstance(side, int) or side < 32:
        refuse(f"--side {side}", "is not a whole number of at least 32", "give one such as 256")
    with dataset_of((side,) * 3) as dataset:
        prediction = _in_a_process("prediction", dataset)
    with dataset_of((160, 160, 96)) as dataset:
        tuning = _in_a_process("tuning", dataset)
    steps = tuning.pop(STEPS)
    stepping = sum(tuning[stage] for stage in ("drawing patches", "forward", "loss", "backward", "optimiser"))
    bars = {
        f"{side}³ voxels: {sum(prediction.values()):.0f} s": prediction,
        f"{steps} steps of fine-tuning: {sum(tuning.values()):.0f} s, {steps / stepping:.1f} steps/s": tuning,
    }
    write_whole(path, lambda temporary: _draw(temporary, bars))
    lines = [
        title + "\n" + "\n".join(f"  {s:8.2f} s  {name}" for name, s in bar.items()) for title, bar in bars.items()
    ]
    return "\n".join(lines)


def stages_of(kind: str, dataset: str, started: float) -> str:
    """Measure the stages of one run in this process; `picture` starts this for each.

    Args:
        kind: prediction or tuning.
        dataset: the folder of the dataset.
        started: when the process was started, by `time.time`.

    Returns:
        The seconds of each stage as JSON; of a fine-tuning, the number of steps too.
    """
    with tempfile.TemporaryDirectory() as out:
        if kind == "prediction":
            workflow = _workflow("inference", dataset_dir=f"{dataset}/images", output_dir=out)
            stages, engine = Stages(PREDICTION, started), "evaluator"
        else:
            workflow = _workflow("train", "finetune", dataset_dir=dataset, ckpt_dir=out, region="32:96,32:96,16:80")
            stages, engine = Stages(TRAINING, started), "train#trainer"
        parsed = workflow.parser.get_parsed_content(engine)
        stages.attach(parsed)
        workflow.run()
        workflow.finalize()
    seconds = dict(stages.seconds)
    if kind == "prediction":
        windows, ended = seconds.pop(WINDOWS), time.time()
        seconds |= {name: share * windows for name, share in _operations(workflow).items()}
        seconds[APART] = time.time() - ended
    else:
        seconds[STEPS] = parsed.state.iteration
    return json.dumps(seconds)


def _workflow(*configs: str, **options: Any) -> ConfigWorkflow:
    """Return an initialised workflow of configs, by name, with options."""
    os.chdir(BUNDLE)
    workflow = ConfigWorkflow(
        config_file=[f"configs/{name}.json" for name in configs],
        meta_file="configs/metadata.json",
        logging_file="configs/logging.conf",
        **options,
    )
    workflow.initialize()
    return workflow


def _operations(workflow: ConfigWorkflow) -> dict[str, float]:
    """Return the share of each kind of operation in the inferer's work.

    It is measured by the profiler on a cube of 3 x 3 x 3 windows.
    """
    inferer, network = (workflow.parser.get_parsed_content(name) for name in ("inferer", "network"))
    image = torch.rand(1, 1, 128, 128, 128)
    with torch.inference_mode():
        inferer(image, network)
        with profile(activities=[ProfilerActivity.CPU]) as profiler:
            inferer(image, network)
    seconds: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        kind = next((title for word, title in OPERATIONS.items() if word in event.key), "rest of the windows")
        seconds[kind] += event.self_cpu_time_total
    return {kind: each / sum(seconds.values()) for kind, each in sorted(seconds.items(), key=lambda item: -item[1])}


def _in_a_process(kind: str, dataset: Path) -> dict[str, float]:
    """Measure the stages of one run in a process of its own, from its start to its end."""
    started = time.time()
    command = [sys.executable, "-m", "bench", "stages_of", kind, str(dataset), repr(started)]
    done = subprocess.run(command, cwd=BUNDLE.parent, capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode:
        line = done.stderr.strip().splitlines()[-1].removeprefix("error: ")
        refuse(f"the {kind}", f"failed ({line})", "do what the message in parentheses says", OSError)
    seconds = json.loads(done.stdout.strip().splitlines()[-1])
    measured = sum(value for stage, value in seconds.items() if stage != STEPS)
    seconds.pop(APART, None)
    return {**seconds, EXIT: ended - started - measured}


def _draw(path: Path, bars: Mapping[str, Mapping[str, float]]) -> None:
    """Draw a bar for each run, by its title, of parts as long as its stages."""
    figure = Figure(figsize=(9, 1.9 * len(bars)), layout="constrained")
    for axes, (title, stages) in zip(figure.subplots(len(bars), 1), bars.items(), strict=True):
        left, total = 0.0, sum(stages.values())
        for index, (name, seconds) in enumerate(stages.items()):
            label = f"{name} {seconds:.3g} s"
            axes.barh(0, seconds, left=left, height=0.6, color=f"C{index}", label=label)
            if seconds > 0.06 * total:
                axes.text(left + seconds / 2, 0, f"{seconds / total:.0%}", ha="center", va="center", color="white")
            left += seconds
        axes.set(title=title, yticks=[], xlim=(0, total), xlabel="s")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize="small")
        axes.spines[["top", "right", "left"]].set_visible(False)
    figure.savefig(path, dpi=120, format="png")
