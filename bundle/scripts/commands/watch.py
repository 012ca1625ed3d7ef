"""The command `watch`: segment what arrives in a folder, with weights loaded once."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from monai.bundle import ConfigWorkflow

from scripts.core import (
    AUTO,
    BUNDLE,
    CONFIGS,
    bfloat16,
    check_overrides,
    check_writable,
    duration,
    most_telling,
    one_line,
    read_boolean,
    refuse,
    tell_result,
)
from scripts.data import checked_images
from scripts.inference import EarlierResults, check_volume_fits, told_volumes
from scripts.io import result_name

from .inbox import Inbox, state_of
from .option_table import with_options_of

logger = logging.getLogger(__name__)


@with_options_of("inference", apart=["dataset_dir", "num_workers"])
def watch(
    input_dir: str | Path,
    output_dir: str | Path,
    interval: float = 5.0,
    overlays: str | Sequence[str] = (),
    **options: Any,
) -> None:
    """Segment every volume that is copied into a folder, until you stop it.

    Stop it with Ctrl-C or SIGTERM, and start it again at any time: a volume whose segmentation is newer than itself is
    not segmented again. A file is taken up when it has not changed for a while. One that cannot be read is named in one
    line and left alone until it changes; one that the disk or the network failed is tried again.

    Args:
        input_dir: the folder to watch; folders inside it are not watched.
        output_dir: the folder to write NAME_seg.EXT into for each NAME.EXT.
        interval: seconds between two looks at the folder; a file that has not changed for as long is complete.
        overlays: one config, or a list of them, to lay over configs/inference.json.
        options: those of `segment`, which are the same for all volumes.

    Raises:
        UserError: if input_dir, weights or configs are missing, where output_dir is input_dir or cannot be written,
            for an interval or an option out of range, and for weights that do not fit.
    """
    source, target = _checked(input_dir, output_dir, interval)
    given = {name: value for name, value in options.items() if value is not None}
    if str(amp := given.get("amp", AUTO)).lower() != AUTO:
        bfloat16(amp, "cpu")  # to refuse it now and not file by file
    if "ckpt_path" in given:
        given["ckpt_path"] = str(Path(str(given["ckpt_path"])).resolve())
    postfixes = ["seg"]
    if read_boolean("save_probability", given.get("save_probability", False)):
        postfixes += ["prob", "std"] if read_boolean("tta", given.get("tta", False)) else ["prob"]
    with _stopped_by_signals() as stopped:
        workflow = _workflow([overlays] if isinstance(overlays, str) else overlays, output_dir=str(target), **given)
        check_writable(target)
        chosen = {name: given[name] for name in ("channel", "level") if name in given}
        watcher = _Watcher(Inbox(source, interval, apart=[target]), workflow, target, postfixes, chosen)
        logger.info("watching %s, every %g s; stop with Ctrl-C", source, interval)
        while not stopped.is_set():
            for path in watcher.look():
                watcher.take_up(path)
                if stopped.is_set():
                    break
            stopped.wait(interval)


def _checked(input_dir: str | Path, output_dir: str | Path, interval: float) -> tuple[Path, Path]:
    """Return both folders as absolute paths, if they and the interval can be used."""
    source, target = Path(str(input_dir)).resolve(), Path(str(output_dir)).resolve()
    if not source.is_dir():
        refuse(input_dir, "no such folder", "check --input_dir", FileNotFoundError)
    if source == target:
        refuse(output_dir, "is the watched folder itself", "choose another --output_dir")
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= 3600:
        refuse(f"--interval {interval}", "is not a number of seconds up to 3600", "give one such as 5")
    return source, target


def _workflow(overlays: Sequence[str], **options: Any) -> ConfigWorkflow:
    """Return the initialised workflow of `configs/inference.json` with overlays and options."""
    base = str(CONFIGS / "inference.json")
    check_overrides(
        ["run", "--config_file", base, *(word for name in options for word in (f"--{name}", str(options[name])))]
    )
    for overlay in overlays:
        if not Path(overlay).is_file():
            refuse(overlay, "no such config", "check --overlays", FileNotFoundError)
    # one volume at a time instead of a list
    workflow = ConfigWorkflow(
        [base, *overlays],
        meta_file=str(CONFIGS / "metadata.json"),
        logging_file=str(CONFIGS / "logging.conf"),
        workflow_type="inference",
        bundle_root=str(BUNDLE),
        **{
            **options,
            "dataset#data": [{}],
            "dataset#empty": True,
        },
    )
    workflow.initialize()
    return workflow


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """End the block at the first SIGINT or SIGTERM, wherever it is.

    Outputs appear whole all the same.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        """Remember the first signal, and end the block."""
        if not stopped.is_set():
            stopped.set()  # because Python may drop the exception, in a __del__ for one
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
    """Segments the files that an `Inbox` offers.

    Args:
        inbox: of the watched folder.
        workflow: initialised, with a list as its dataset and the weights in its network.
        target: the folder of the outputs.
        postfixes: endings of the outputs of one volume, `seg` and perhaps `prob` and `std`.
        chosen: the options `channel` and `level`, if they are given.
    """

    def __init__(
        self, inbox: Inbox, workflow: ConfigWorkflow, target: Path, postfixes: Sequence[str], chosen: Mapping[str, Any]
    ) -> None:
        self.inbox, self.workflow, self.chosen = inbox, workflow, dict(chosen)
        self.target, self.postfixes = target, postfixes
        self.logged: dict[Path, str] = {}  # the last failure of each path
        self.overtaken: set[Path] = set()  # changed while they were segmented: their newer output shows the older file

    def look(self) -> list[Path]:
        """List the files to take up, or none where the folder cannot be read for the moment."""
        try:
            paths = self.inbox.complete()
        except OSError as error:
            self._log(self.inbox.folder, f"{one_line(error)}; looking again")
            return []
        self.logged.pop(self.inbox.folder, None)
        return paths

    def take_up(self, path: Path) -> None:
        """Segment a file, or log why that is impossible."""
        if not self.inbox.unchanged(path):  # it changed while others were segmented
            return
        try:
            if path in self.overtaken or not self._is_done(path):
                started = time.monotonic()
                self._segment(path)
                tell_result("%s: segmented in %s", path, duration(time.monotonic() - started))
        except Exception as error:  # whatever is wrong with one file, the others are segmented
            if not self.inbox.unchanged(path):  # it was still being written, or is gone
                return
            if isinstance(most_telling(error), OSError):
                self.inbox.put_off(path)
                self._log(path, f"{one_line(error)}; will be tried again")
                return
            logger.error("%s; left alone until it changes", one_line(error))
        self.logged.pop(path, None)
        if self.inbox.unchanged(path):
            self.inbox.deal_with(path)
            self.overtaken.discard(path)
        else:
            self.overtaken.add(path)

    def _outputs(self, path: Path) -> list[Path]:
        """Return the paths of the outputs of a file."""
        return [self.target / result_name(path, postfix, postfix == "seg") for postfix in self.postfixes]

    def _is_done(self, path: Path) -> bool:
        """Tell whether all outputs of a file are there and not older than the file."""
        changed = state_of(path)
        outputs = [state_of(output) for output in self._outputs(path)]
        return changed is not None and all(output is not None and output[1] >= changed[1] for output in outputs)

    def _segment(self, path: Path) -> None:
        """Segment a file with the loaded workflow."""
        self.workflow.dataset.data = volumes = checked_images(path, **self.chosen)
        # a new engine each time: one that has failed once does nothing when run again, and says nothing (Ignite 0.5.5)
        self.workflow.parser.ref_resolver.remove_resolved_content("evaluator")
        evaluator = self.workflow.parser.get_parsed_content("evaluator")
        check_volume_fits(volumes[0], evaluator, "prob" in self.postfixes)
        earlier = EarlierResults(self.target, [path])
        with told_volumes(evaluator, volumes, heading=False):
            evaluator.run()
        if missing := [output for output in self._outputs(path) if not output.exists()]:
            raise RuntimeError(f"{missing[0]}: was not written, though nothing failed")
        earlier.tell_left()

    def _log(self, path: Path, line: str) -> None:
        """Log why a path failed, but not again where it fails the same way."""
        if self.logged.get(path) != line:
            logger.error(line)
        self.logged[path] = line
