"""Segment what arrives in a folder, for as long as the process runs: `configs/inference.json`, loaded once."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from monai.bundle import ConfigWorkflow

from scripts.core import (
    BUNDLE,
    CONFIGS,
    bfloat16,
    check_overrides,
    check_writable,
    most_telling,
    one_line,
    read_boolean,
    refuse,
)
from scripts.data import checked_images
from scripts.io import split_name

from .inbox import Inbox

logger = logging.getLogger(__name__)


def watch(
    input_dir: str | Path,
    output_dir: str | Path,
    interval: float = 5.0,
    overlays: str | Sequence[str] = (),
    ckpt_path: str | Path | None = None,
    device: str | None = None,
    amp: bool | str | None = None,
    threshold: float | None = None,
    save_probability: bool | None = None,
    channel: int | None = None,
    patch_size: Sequence[int] | None = None,
    overlap: float | None = None,
    scale: float | str | None = None,
    batch_size: int | None = None,
) -> None:
    """Segment every volume that is copied into a folder, until the process is stopped (Ctrl-C or SIGTERM).

    A file is taken up when it has not changed for a while. One that cannot be read is named in one line and left alone
    until it changes; one that the disk or the network failed is tried again. What has an output that is not older than
    itself is not done again, so the process may be stopped and started at any time.

    Args:
        input_dir: is watched; folders in it are not.
        output_dir: becomes NAME_seg.EXT, and NAME_prob.EXT with save_probability, for each NAME.EXT.
        interval: seconds between two looks at the folder, and without a change after which a file is complete.
        overlays: one or several configs to put over configs/inference.json.
        ckpt_path: weights; the shipped ones by default. This and the rest are the options of configs/inference.json.
        device: `cpu`, `cuda` or `cuda:1`.
        amp: compute in bfloat16: true, false or `auto`.
        threshold: probability above which a voxel is vessel.
        save_probability: write NAME_prob.EXT too.
        channel: which channel of files that have several.
        patch_size: X, Y, Z of the window in voxels, multiples of 32.
        overlap: of neighbouring windows, as a fraction of their side.
        scale: the size at which the network sees the image, 0.5 for half, or `auto`.
        batch_size: windows at a time.

    Raises:
        UserError: where input_dir, weights or configs are missing.
        UserError: where output_dir cannot be written.
        UserError: for both folders the same, an interval or an option out of range, or weights that do not fit.
    """
    source, target = _checked(input_dir, output_dir, interval)
    probability = read_boolean("save_probability", save_probability or False)
    bfloat16("auto" if amp is None else amp, "cpu")  # refused now and not file by file
    options = {
        "ckpt_path": ckpt_path if ckpt_path is None else str(Path(str(ckpt_path)).resolve()),
        **{"device": device, "amp": amp, "threshold": threshold, "save_probability": save_probability},
        **{"channel": channel, "patch_size": patch_size, "overlap": overlap, "scale": scale, "batch_size": batch_size},
    }
    given = {name: value for name, value in options.items() if value is not None}
    with _stopped_by_signals() as stopped:
        workflow = _workflow([overlays] if isinstance(overlays, str) else overlays, output_dir=str(target), **given)
        check_writable(target)
        postfixes = ("seg", "prob") if probability else ("seg",)
        watcher = _Watcher(Inbox(source, interval, apart=[target]), workflow, target, postfixes, channel)
        logger.info("watching %s, every %g s; stop with Ctrl-C", source, interval)
        while not stopped.is_set():
            for path in watcher.look():
                watcher.take_up(path)
                if stopped.is_set():
                    break
            stopped.wait(interval)


def _checked(input_dir: str | Path, output_dir: str | Path, interval: float) -> tuple[Path, Path]:
    source, target = Path(str(input_dir)).resolve(), Path(str(output_dir)).resolve()
    if not source.is_dir():
        refuse(input_dir, "no such folder", "check --input_dir", FileNotFoundError)
    if source == target:
        refuse(output_dir, "is the watched folder itself", "choose another --output_dir")
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= 3600:
        refuse(f"--interval {interval}", "is not a number of seconds up to 3600", "give one such as 5")
    return source, target


def _workflow(overlays: Sequence[str], **options: Any) -> ConfigWorkflow:
    base = str(CONFIGS / "inference.json")
    check_overrides(
        ["run", "--config_file", base, *(word for name in options for word in (f"--{name}", str(options[name])))]
    )
    for overlay in overlays:
        if not Path(overlay).is_file():
            refuse(overlay, "no such config", "check --overlays", FileNotFoundError)
    # the volume of the moment takes the place of a list of them, and a log that of a screen
    workflow = ConfigWorkflow(
        [base, *overlays],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type="inference",
        bundle_root=str(BUNDLE),
        **{
            **options,
            "dataset#data": [{}],
            "windows#progress": False,
        },
    )
    workflow.initialize()
    return workflow


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """End what is inside at the first SIGINT or SIGTERM, wherever it is: no output is ever seen half written."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not stopped.is_set():
            stopped.set()  # for where Python drops the exception, as in a __del__
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    logger.info("stopped")


class _Watcher:
    """Takes up what an `Inbox` offers.

    Args:
        inbox: of the watched folder.
        workflow: initialised; its dataset is a list, and the weights are in its network.
        target: the folder of the outputs.
        postfixes: of the outputs of one volume.
        channel: of the volumes.
    """

    def __init__(
        self, inbox: Inbox, workflow: ConfigWorkflow, target: Path, postfixes: Sequence[str], channel: int | None
    ) -> None:
        self.inbox, self.workflow, self.channel = inbox, workflow, channel
        self.target, self.postfixes = target, postfixes
        self.told: dict[Path, str] = {}
        self.overtaken: set[Path] = set()  # changed while they were segmented: their output is newer, and of before

    def look(self) -> list[Path]:
        """List what can be taken up; where the folder cannot be read for the moment, nothing."""
        try:
            paths = self.inbox.complete()
        except OSError as error:
            self._tell(self.inbox.folder, f"{one_line(error)}; looking again")
            return []
        self.told.pop(self.inbox.folder, None)
        return paths

    def take_up(self, path: Path) -> None:
        """Segment a file, or say why not."""
        if not self.inbox.unchanged(path):  # while others were segmented
            return
        try:
            if path in self.overtaken or not self._is_done(path):
                started = time.monotonic()
                self._segment(path)
                logger.info("%s: segmented in %.1f s", path, time.monotonic() - started)
        except Exception as error:  # whatever is wrong with one file, the others have to be segmented
            if not self.inbox.unchanged(path):  # it was still being written, or is gone
                return
            if isinstance(most_telling(error), OSError):
                self.inbox.put_off(path)
                self._tell(path, f"{one_line(error)}; will be tried again")
                return
            logger.error("%s; left alone until it changes", one_line(error))
        self.told.pop(path, None)
        if self.inbox.unchanged(path):
            self.inbox.deal_with(path)
            self.overtaken.discard(path)
        else:
            self.overtaken.add(path)

    def _outputs(self, path: Path) -> list[Path]:
        stem, suffix = split_name(path)
        return [self.target / f"{stem}_{postfix}{suffix}" for postfix in self.postfixes]

    def _is_done(self, path: Path) -> bool:
        changed = path.stat().st_mtime
        return all(output.is_file() and output.stat().st_mtime >= changed for output in self._outputs(path))

    def _segment(self, path: Path) -> None:
        self.workflow.dataset.data = checked_images(path, channel=self.channel)
        # an engine that has failed once (Ignite 0.5.5) does nothing when run again, and says nothing
        self.workflow.parser.ref_resolver.remove_resolved_content("evaluator")
        self.workflow.parser.get_parsed_content("evaluator").run()
        if missing := [output for output in self._outputs(path) if not output.is_file()]:
            raise RuntimeError(f"{missing[0]}: was not written, though nothing failed")

    def _tell(self, path: Path, line: str) -> None:
        if self.told.get(path) != line:  # not at each try
            logger.error(line)
        self.told[path] = line
