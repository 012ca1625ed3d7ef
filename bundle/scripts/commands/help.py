"""What `--help` prints: the list of commands, and a page for each.

All of it comes from docstrings, the table of options and the configs.
"""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from scripts.core import OPTIONS

from .option_table import meaning_of, overlay_names
from .registry import Described
from .workflows import OVERLAYS, WORKFLOWS

MAX_WIDTH, MIN_WIDTH = 100, 60
INDENT = "  "


def list_of_commands(summaries: Mapping[str, str], program: str) -> str:
    """Return the list of commands.

    Args:
        summaries: a sentence for each.
        program: what stands before the command.
    """
    running = [name for name in summaries if name in WORKFLOWS and program.endswith(("tubenet", "scripts"))]
    lines = [f"usage: {program} COMMAND ...", ""]
    if running:
        lines += [
            "The commands that most people need:",
            *_rows((WORKFLOWS[name].usage("").strip(), summaries[name]) for name in running),
        ]
        lines += ["", "and further ones:"]
    lines += _rows((name, said) for name, said in summaries.items() if name not in running)
    return "\n".join([*lines, "", f"{program} COMMAND --help lists the options of one."])


def page_of(name: str, command: Described, program: str) -> str:
    """Return the help page of a command.

    Args:
        name: of the command.
        command: its docstring and options.
        program: what stands before it.
    """
    if name in WORKFLOWS:
        return _page_of_workflow(name, command, program)
    said, meanings = read_docstring(command.doc)
    needed = [each.upper() for each, parameter in command.parameters.items() if parameter.default is parameter.empty]
    rows = [
        (each, _plain(meaning_of(each, parameter.default)))
        if each in OPTIONS and each not in meanings
        else (each, _said(meanings.get(each, ""), parameter))
        for each, parameter in command.parameters.items()
    ]
    lines = [f"usage: {' '.join((program, name, *needed))} [--OPTION VALUE ...]", "", *_paragraphs(said), ""]
    return "\n".join([*lines, "options:", *_rows((f"--{each}", text) for each, text in rows)])


def _page_of_workflow(name: str, command: Described, program: str) -> str:
    workflow = WORKFLOWS[name]
    said, _ = read_docstring(command.doc)
    rows = []
    for each, default in workflow.options.items():
        place = f" ({workflow.places[each]})" if each in workflow.places else ""
        rows.append((f"--{each}", _plain(meaning_of(each, None if place else default, place))))
    configs = ", ".join(f"configs/{config}.json" for config in workflow.configs)
    further = [
        (
            f"--{OVERLAYS}",
            f"configs to lay over, by name or file, A,B for several; names: {', '.join(overlay_names())}",
        ),
        ("--ID#PART VALUE", "anything deeper in the configs, such as --windows#overlap 0.25"),
        ("--args_file", "a JSON file of options"),
        ("--tracking", "mlflow, to follow the run by MLflow"),
        ("-v, -q", "say more, say less: --verbosity verbose and --verbosity quiet"),
    ]
    lines = [f"usage: {workflow.usage(program)} [--OPTION VALUE ...]", "", *_paragraphs(said), "", "options:"]
    lines += [*_rows(rows), "", "more:", *_rows(further), ""]
    return "\n".join([*lines, *_paragraphs(f"It runs {configs} of the bundle, as python -m monai.bundle run does.")])


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into what it says of the whole and what it says of each argument.

    Args:
        text: without indentation, in Google's style, as all of the bundle's are.

    Returns:
        The paragraphs before the first section, and the meanings by name.
    """
    head, _, rest = text.partition("\nArgs:\n")
    said = re.split(r"\n(?:Returns|Raises|Yields):\n", head)[0].strip()
    arguments = re.split(r"\n(?=\S)", rest)[0]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", arguments, re.MULTILINE)
    paragraphs = [" ".join(paragraph.split()) for paragraph in said.split("\n\n")]
    return "\n\n".join(paragraphs), {name: " ".join(meaning.split()) for name, meaning in found}


def _said(meaning: str, parameter: inspect.Parameter) -> str:
    """Return what an option means, with its default."""
    default: Any = parameter.default
    if default is parameter.empty or default in (None, "", ()):
        return meaning
    shown = list(default) if isinstance(default, tuple) else default
    return f"{meaning.rstrip('.')}; default {shown}"


def _plain(text: str) -> str:
    return text.replace("`", "").replace("*", "")


def _paragraphs(text: str) -> list[str]:
    return "\n\n".join(textwrap.fill(each, _width()) for each in _plain(text).split("\n\n")).splitlines()


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines of names and what is said of each, one below the other where a name is long."""
    rows = list(rows)
    column = min(max((len(name) for name, _ in rows), default=0), 24) + 2 * len(INDENT)
    lines = []
    for name, said in rows:
        first = f"{INDENT}{name}".ljust(column)
        if len(first) > column:
            lines.append(first)
            first = " " * column
        lines += textwrap.wrap(said, _width(), initial_indent=first, subsequent_indent=" " * column) or [first.rstrip()]
    return lines


def _width() -> int:
    return max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size().columns))
