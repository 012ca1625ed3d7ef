"""The commands that run a config: `segment`, `train`, `finetune`, `pretrain`, `evaluate`.

They are `python -m monai.bundle run` with every option of the config. Paths are those of the folder one is in, and
what was typed is checked before anything is imported that takes seconds.
"""

from __future__ import annotations

import inspect
import logging
import os
import shlex
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fire
from fire.parser import DefaultParseValue

from scripts.core import BUNDLE, CONFIGS, OPTIONS, check_overrides, garbage_left, read_flag, refuse, refuse_unknown
from scripts.core.configs import MONAI_ARGUMENTS, load_config
from scripts.core.flags import nearest
from scripts.core.kinds import BOOLEAN, PATH, PATHS

from .option_table import overlay_names, read_config, used_options
from .results import place_beside, say_results

logger = logging.getLogger(__name__)

SHORT = {"-v": ("verbosity", "verbose"), "-q": ("verbosity", "quiet")}
"""Short forms: the option and the value that they stand for."""

OVERLAYS = "overlays"
CHOSEN = ("config_file", "bundle_root")  # by the command itself


@dataclass
class Words:
    """A command line that has been read.

    Attributes:
        options: values by name, as text.
        overlays: the configs to lay over those of the command.
    """

    options: dict[str, str] = field(default_factory=dict)
    overlays: list[str] = field(default_factory=list)


class Workflow:
    """A command that runs configs of the bundle.

    Args:
        name: of the command.
        configs: names of the configs, the first of which stands on its own.
        doc: what it does; the first line stands in the list of commands.
        places: options that are given in order, without their names, and what they are called there.
        optional: those of them that may be left out.
    """

    def __init__(
        self, name: str, configs: Sequence[str], doc: str, places: dict[str, str], optional: Sequence[str] = ()
    ) -> None:
        self.name, self.configs, self.places, self.optional = name, tuple(configs), places, tuple(optional)
        self.__name__, self.__doc__ = name, doc

    @property
    def options(self) -> dict[str, Any]:
        """The options with their defaults, first those that are given in order."""
        return {**dict.fromkeys(self.places), **used_options(*self.configs)}

    @property
    def __signature__(self) -> inspect.Signature:
        """The options as parameters, for help and docs."""
        kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
        needed = [place for place in self.places if place not in self.optional]
        rest = {name: value for name, value in self.options.items() if name not in needed}
        parameters = [inspect.Parameter(name, kind, default=empty) for name in needed]
        parameters += [inspect.Parameter(name, kind, default=value) for name, value in rest.items()]
        return inspect.Signature([*parameters, inspect.Parameter(OVERLAYS, kind, default=())])

    def usage(self, program: str) -> str:
        """Return how the command is called, such as `tubenet segment IN [OUT]`."""
        shown = [f"[{word}]" if place in self.optional else word for place, word in self.places.items()]
        return " ".join((program, self.name, *shown))

    def __call__(self, *words: str, program: str = "tubenet") -> None:
        """Run the command with the words that stand after it.

        Raises:
            UserError: for words that it does not take, and whatever the configs refuse.
        """
        read = self.read(words, program)
        check_overrides(["run", *self.monai_words(read)])
        target = place_beside(read.options, program) if self.name == "segment" else None
        arguments = self.monai_words(read)
        sys.argv = [f"{program} {self.name}", "run", *arguments]  # where the configs look for what was typed
        if read.options.get("verbosity") == "verbose":
            logger.info("the same as: python -m monai.bundle run %s", shlex.join(arguments))
        with garbage_left():
            from monai.bundle import run  # takes seconds

        started = time.time()
        if strange := [file for file in read.overlays if not Path(file).is_relative_to(CONFIGS)]:
            logger.warning("%s: a config runs code; use it only if you trust whoever wrote it", ", ".join(strange))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "parsing config_file")  # MONAI's paragraph of the same
            fire.Fire(run, command=arguments, name=f"{program} {self.name}")
        if target is not None:
            say_results(target, read.options, started)

    def read(self, words: Sequence[str], program: str = "tubenet") -> Words:
        """Read the words of a command line.

        Args:
            words: those after the command.
            program: what stands before the command, for messages.

        Raises:
            UserError: for an option that the command does not have, a value that is missing, or words too many or few.
        """
        read, loose, rest = Words(), [], list(words)
        while rest:
            word = rest.pop(0)
            if word in SHORT:
                name, value = SHORT[word]
                read.options[name] = value
                continue
            flag = read_flag(word)
            if flag is None:
                loose.append(word)
                continue
            name, given = flag
            if given is None and rest and rest[0] not in SHORT and read_flag(rest[0]) is None:
                given = rest.pop(0) if not _is_switch(name) or BOOLEAN.accepts(rest[0]) else "true"
            if name == OVERLAYS:
                read.overlays += _overlays(_value(name, given))
            else:
                read.options[name] = self._checked(name, given, [*read.overlays, *_overlays_in(rest)], program)
        self._fill(read, loose, program)
        return read

    def _checked(self, name: str, given: str | None, overlays: Sequence[str], program: str) -> str:
        """Return the value of an option that the command has, or that an overlay may bring."""
        top = name.lstrip("+").partition("#")[0].partition("::")[0]
        if top in CHOSEN:
            problem = f"{program} {self.name} chooses it"
            refuse(f"--{name}", problem, f"write --{OVERLAYS} for a config of your own, or use monai.bundle run")
        if top == name.lstrip("+") and not overlays:  # with overlays, their ids are checked when they are read
            ids = {key.partition("#")[0] for config in self.configs for key in read_config(config)}
            if top not in ids | MONAI_ARGUMENTS:
                known = [*self.options, OVERLAYS, "tracking", "args_file"]
                remedy = f"{program} {self.name} --help lists its options"
                refuse_unknown(f"--{name}", f"{self.name} has no such option", top, known, remedy)
            if top in OPTIONS and top not in self.options:
                refuse(f"--{name}", f"{self.name} does not use it", "leave it out, or see --help")
        return "true" if given is None and _is_switch(name) else _value(name, given)

    def _fill(self, read: Words, loose: Sequence[str], program: str) -> None:
        """Put the words without a name into their places."""
        places = [place for place in self.places if place not in read.options]
        usage = self.usage(program)
        if len(loose) > len(places):
            problem = f"takes no further word {loose[len(places)]!r}"
            refuse(f"{program} {self.name}", problem, f"write {usage}, and a name with spaces in quotes")
        read.options.update(zip(places, loose, strict=False))
        for file in ([read.options["args_file"]] if "args_file" in read.options else []) + read.overlays[::-1]:
            stated = load_config(file)
            read.options = {place: str(stated[place]) for place in self.places if place in stated} | read.options
        missing = [word for place, word in self.places.items() if place not in (*read.options, *self.optional)]
        if missing and (self.name == "segment" or not read.overlays):  # pretrain.json brings what is trained on
            refuse(f"{program} {self.name}", f"{missing[0]} is missing", f"write {usage}")
        source = read.options.get("dataset_dir", "")
        for name in read.options:
            if name in OPTIONS and OPTIONS[name].kind in (PATH, PATHS):
                read.options[name] = _absolute(read.options[name])
                if "#" in read.options[name]:
                    problem = "has a '#' in its path, by which MONAI means parts of a config"
                    refuse(read.options[name], problem, "rename that file or folder")
        found = read.options.get("dataset_dir", "")
        if os.path.isabs(found) and not (os.path.lexists(found) or any(map(os.path.isfile, Path(found).parents))):
            remedy = f"check its name, and that it is in {os.getcwd()}"
            refuse(source, "no such file or folder", remedy, FileNotFoundError)

    def monai_words(self, read: Words) -> list[str]:
        """Return the words of `python -m monai.bundle run` that do the same."""
        files = [str(CONFIGS / f"{name}.json") for name in self.configs] + read.overlays
        words = ["--config_file", files[0] if len(files) == 1 else str(files), "--bundle_root", str(BUNDLE)]
        for name, value in read.options.items():
            words += [f"--{name}", value]
        return words


def _is_switch(name: str) -> bool:
    return name in OPTIONS and OPTIONS[name].kind is BOOLEAN


def _value(name: str, given: str | None) -> str:
    if given is None:
        refuse(f"--{name}", "its value is missing", f"write --{name} VALUE")
    return given


def _absolute(text: str) -> str:
    """Return a path from the root, so that nothing in it is read as a number or an expression."""
    value = DefaultParseValue(text)
    if isinstance(value, list | tuple) and not os.path.lexists(text):
        return str([os.path.abspath(each) if isinstance(each, str) else each for each in value])
    if text == "" or "\0" in text or (text.startswith(("$", "@", "%")) and not os.path.lexists(text)):
        return text
    return os.path.abspath(os.path.expanduser(text))


def _overlays_in(words: Sequence[str]) -> list[str]:
    """Return the overlays that are named further on."""
    return [word for word in words if (flag := read_flag(word)) and flag[0] == OVERLAYS]


def _overlays(text: str) -> list[str]:
    """Return the files of overlays, given by name or path, one or a list of them.

    Raises:
        UserError: for one that does not exist.
    """
    value = text if os.path.isfile(text) else DefaultParseValue(text)
    if isinstance(value, str):
        value = [value] if os.path.isfile(value) else value.split(",")
    return [_overlay(str(each).strip()) for each in (value if isinstance(value, list | tuple) else [value])]


def _overlay(name: str) -> str:
    if os.path.isfile(name):
        return os.path.abspath(name)
    for folder in (CONFIGS / "overlays", CONFIGS):
        for file in (folder / name, folder / f"{name}.json"):
            if file.is_file() and file.suffix == ".json":
                return str(file)
    known, near = overlay_names(), nearest(name, overlay_names())
    remedy = f"did you mean --{OVERLAYS} {near}?" if near else f"give a file, or one of {', '.join(known)}"
    refuse(f"--{OVERLAYS} {name}", "no such config", remedy, FileNotFoundError)


WORKFLOWS = {
    workflow.name: workflow
    for workflow in (
        Workflow(
            "segment",
            ["inference"],
            """Segment a volume, or every volume of a folder or dataset.

            IN is a file or a folder. OUT is the folder for NAME_seg.EXT, of the same kind, shape and voxel size as
            NAME.EXT. Without OUT, the result of a file lies beside it, and those of FOLDER in FOLDER_seg beside that;
            there nothing that exists is replaced.""",
            {"dataset_dir": "IN", "output_dir": "OUT"},
            optional=["output_dir"],
        ),
        Workflow(
            "train",
            ["train"],
            """Train from scratch on a labelled dataset.

            DATASET is a folder with images/NAME.EXT and labels/NAME.EXT. DIR gets model_best.pt and all else that the
            training writes.""",
            {"dataset_dir": "DATASET", "ckpt_dir": "DIR"},
        ),
        Workflow(
            "finetune",
            ["train", "finetune"],
            """Fine-tune the shipped weights, or others, on a labelled dataset or a block of it.

            DATASET is a folder with images/NAME.EXT and labels/NAME.EXT. DIR gets model_best.pt and all else that the
            training writes. --region x0:x1,y0:y1,z0:z1 names the block that is labelled.""",
            {"dataset_dir": "DATASET", "ckpt_dir": "DIR"},
        ),
        Workflow(
            "pretrain",
            ["train", "pretrain"],
            """Train on synthetic volumes, drawn as it goes, and on real ones if there are any.

            DIR gets model_best.pt and all else that the training writes. --masks_dir FOLDER cuts vessels out of real
            masks, too. --dataset_dir FOLDER, a labelled dataset or a folder of several, trains beside the synthetic
            volumes.""",
            {"ckpt_dir": "DIR"},
        ),
        Workflow(
            "evaluate",
            ["train", "evaluate"],
            """Score weights on a labelled dataset.

            DATASET is a folder with images/NAME.EXT and labels/NAME.EXT. OUT gets metrics.csv, metrics.json and the
            curves.""",
            {"dataset_dir": "DATASET", "output_dir": "OUT"},
        ),
    )
}
"""The commands that run a config, by name."""
