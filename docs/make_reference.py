"""Write the tables of the reference pages from the code that they describe: `make docs`.

What stands between two marker lines of a page is written here, the prose around it by hand.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from scripts.commands import COMMANDS
from scripts.commands.help import read_docstring
from scripts.commands.option_table import in_words, options_of
from scripts.commands.workflows import Workflow
from scripts.core import CONFIGS, OPTIONS, refuse, write_text
from scripts.core.kinds import ANYTHING

REFERENCE = Path(__file__).parent / "reference"
BEGIN, END = "<!-- {}: written by make docs -->", "<!-- end of {} -->"

BASES = {"segment": "inference", "train": "train"}
"""The columns of the table of options: the configs that stand on their own."""
NOT_OPTIONS = ("metadata",)

OVERLAYS = {
    "finetune": ("train", "starts from trained weights and learns gently from a small labelled part"),
    "pretrain": ("train", "trains on synthetic volumes that it draws as it goes, and on real ones if there are any"),
    "evaluate": ("train", "scores weights on a labelled dataset instead of training"),
    "multi_gpu_train": ("train", "several processes train together, one a GPU"),
    "multi_gpu_evaluate": ("train, evaluate", "several processes share the volumes to score"),
    "inference_trt": ("inference", "NVIDIA's TensorRT runs the network (not yet run on a GPU)"),
    "overlays/best": (
        "inference, evaluate",
        "the mean of eight views of the volume ([what it takes](../how-to/faster.md))",
    ),
    "overlays/quick": (
        "inference, evaluate",
        "a preview: half the size, fewer windows ([what it is worth](../how-to/faster.md))",
    ),
    "overlays/attention": ("train, inference", "the paper's attention gates in place of concatenation"),
    "overlays/from_disk": ("train", "reads each patch from disk, so that volumes may be larger than memory"),
    "overlays/full_width": ("train, inference", "the paper's widths, 32 to 1024: 90.5 million parameters"),
    "overlays/loss_focal": ("train", "focal loss in place of DiceCE"),
    "overlays/loss_wcce": ("train", "cross-entropy weighted 1:7, or by `--class_weights`"),
    "overlays/loss_wcce_inverse": (
        "train",
        "cross-entropy weighted inversely to the sizes of the dataset's classes (so not with `pretrain.json`)",
    ),
    "overlays/published": (
        "train, inference",
        "the network of the authors' released implementation, which differs from the paper: 58.2 million parameters; "
        "widths and classes are those of the weights, if there are any",
    ),
    "overlays/study": ("train, finetune", "what trainings of a [study](../how-to/results/study.md) have in common"),
    "overlays/tensorboard": ("train", "writes TensorBoard's event files to `DIR/events`"),
    "overlays/large_volume": (
        "inference",
        "segments block by block whatever the size, by `--workers` processes if asked to",
    ),
    "overlays/validate_elsewhere": (
        "train",
        "validates on a dataset of its own, `--val_dir` (not with `pretrain.json`)",
    ),
}
"""What each config that goes over another is for. MONAI would take a line in the config itself for an option."""


def write_pages() -> None:
    """Write the tables into their pages."""
    for page, text in pages().items():
        write_text(page, text)
        print(page)


def pages() -> dict[Path, str]:
    """Return the text that each reference page should have.

    Raises:
        UserError: for a page without its marker lines, a config without its line here, or an option that no config has.
    """
    tables = {"options": options_table, "commands": commands_text, "configs": overlays_table}
    return {REFERENCE / f"{name}.md": _with(REFERENCE / f"{name}.md", name, made()) for name, made in tables.items()}


def _with(page: Path, name: str, made: str) -> str:
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = page.read_text(encoding="utf-8").partition(f"{begin}\n")
    _, closed, after = rest.partition(f"{end}\n")
    if not found or not closed:
        refuse(page, f"has no line {begin} with {end} below it", "put both where the table is to stand")
    return f"{before}{begin}\n{made}\n{end}\n{after}"


# -- options -----------------------------------------------------------------------------------------------------------


def options_table() -> str:
    """Return a row for each option: what it does, its values, and its default in each config that has it."""
    bases = {column: options_of(name) for column, name in BASES.items()}
    others = {path: _changed(options_of(path), options_of("train")) for path in _overlays()}
    rows = []
    for name, option in OPTIONS.items():
        defaults = [_cell(values, name) for values in bases.values()]
        elsewhere = [f"{_short(path)} {_cell(values, name)}" for path, values in others.items() if name in values]
        if not any(defaults) and not elsewhere:
            refuse(f"option {name}", "no config has it", "give it a default in one, or take it out of OPTIONS")
        kind = "" if option.kind is ANYTHING else option.kind.name
        rows.append((f"`{name}`", option.meaning, kind, *defaults, ", ".join(elsewhere)))
    return _table(("option", "what it does", "values", *bases, "in other configs"), rows)


def _changed(options: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in base or base[name] != value}


def _cell(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return ""
    return in_words(values[name])


# -- configs -----------------------------------------------------------------------------------------------------------


def overlays_table() -> str:
    """Return a row for each config that goes over another: over which, and what it changes.

    Raises:
        UserError: where a config has no line here, or a line has no config.
    """
    found = set(_overlays())
    if strange := sorted(found ^ set(OVERLAYS)):
        refuse(f"configs/{strange[0]}.json", "is in the folder or in OVERLAYS and not in both", "add it to the other")
    return _table(
        ("config", "goes over", "what it changes"),
        [(f"`configs/{name}.json`", over, change) for name, (over, change) in OVERLAYS.items()],
    )


def _overlays() -> list[str]:
    every = [str(path.relative_to(CONFIGS).with_suffix("")) for path in sorted(CONFIGS.rglob("*.json"))]
    every = [name for name in every if not name.startswith("studies/")]  # which describe studies, and run nothing
    return [name for name in every if name not in (*BASES.values(), *NOT_OPTIONS)]


def _short(path: str) -> str:
    return path.removeprefix("overlays/")


# -- commands ----------------------------------------------------------------------------------------------------------


def commands_text() -> str:
    """Return a section for each command: how to call it, what it does, and a row for each of its options."""
    return "\n\n".join(_command(name, function) for name, function in COMMANDS.items())


def _command(name: str, function: Callable) -> str:
    if isinstance(function, Workflow):
        return _workflow(name, function)
    parameters = inspect.signature(function).parameters
    said, meanings = read_docstring(inspect.getdoc(function) or "")
    needed = [each.upper() for each, parameter in parameters.items() if parameter.default is parameter.empty]
    rows = [
        (f"`{each}`", in_words(parameter.default), OPTIONS[each].meaning)
        if each in OPTIONS and each not in meanings
        else (f"`{each}`", _default(parameter), meanings.get(each, ""))
        for each, parameter in parameters.items()
    ]
    usage = " ".join(("tubenet", name, *needed))
    return f"### {name}\n`{usage}`\n\n{said}\n\n{_table(('option', 'default', 'what it is'), rows)}"


def _workflow(name: str, workflow: Workflow) -> str:
    """Return the section of a command that runs a config; its options stand in the table of options."""
    said, _ = read_docstring(workflow.__doc__)
    configs = " with ".join(f"`configs/{config}.json`" for config in workflow.configs)
    places = " and ".join(f"{word} is the option `{place}`" for place, word in workflow.places.items())
    others = ", ".join(f"`{option}`" for option in workflow.options if option not in workflow.places)
    told = f"It runs {configs}. {places}; the [others](options.md) are {others}."
    return f"### {name}\n`{workflow.usage('tubenet')}`\n\n{said}\n\n{told}"


def _default(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return "needed"
    value = parameter.default
    if value in (None, "", ()):
        return "none"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    write_pages()
