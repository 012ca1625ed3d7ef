"""The list of commands, each imported only when it runs.

Importing one takes seconds, because of PyTorch and MONAI. Help, and the check of what was typed, need its signature and
docstring alone, and read those from its source.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .option_table import option_parameters, with_options_of
from .workflows import WORKFLOWS

SCRIPTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Described:
    """What help, checks and docs need to know of a command.

    Attributes:
        doc: its docstring, without indentation.
        parameters: its options by name, in order; annotations are text.
        complete: whether all defaults are known; some can only be known by importing the command.
    """

    doc: str
    parameters: Mapping[str, inspect.Parameter]
    complete: bool = True

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]


class Commands(Mapping[str, Callable[..., Any]]):
    """Functions by the names of their commands; a function is imported when it is asked for.

    Args:
        places: `module:function` for each command.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = {**places}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """Return the function of a command, imported now."""
        if name in WORKFLOWS:
            return WORKFLOWS[name]
        module, _, function = self.places[name].partition(":")
        return getattr(importlib.import_module(module), function)

    def __iter__(self) -> Iterator[str]:
        """Yield the names, first those that run a config."""
        yield from WORKFLOWS
        yield from self.places

    def __len__(self) -> int:
        return len(WORKFLOWS) + len(self.places)

    def __contains__(self, name: object) -> bool:
        return name in WORKFLOWS or name in self.places

    def described(self, name: str, complete: bool = False) -> Described:
        """Return what is known of a command without importing it.

        Args:
            name: of the command.
            complete: whether to import it all the same where its defaults cannot be known otherwise.
        """
        if name in WORKFLOWS:
            return describe(WORKFLOWS[name])
        module, _, function = self.places[name].partition(":")
        read = _read_source(SCRIPTS.parent.joinpath(*module.split(".")).with_suffix(".py"), function)
        return describe(self[name]) if complete and not read.complete else read


def describe(function: Callable[..., Any]) -> Described:
    """Return what is known of a function that is imported already."""
    return Described(inspect.getdoc(function) or "", inspect.signature(function).parameters)


@cache
def _read_source(file: Path, name: str) -> Described:
    """Return what a file says of a function; a default that only an import tells is its text."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name)
    constants: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            with suppress(ValueError):  # not a literal
                target, value = node.targets[0], ast.literal_eval(node.value)
                names, values = (target.elts, value) if isinstance(target, ast.Tuple) else ([target], [value])
                constants |= {
                    name.id: each for name, each in zip(names, values, strict=True) if isinstance(name, ast.Name)
                }
    arguments = found.args.args
    first = len(arguments) - len(found.args.defaults)
    parameters, complete = {}, True
    for index, argument in enumerate(arguments):
        default: Any = inspect.Parameter.empty
        if index >= first:
            node = found.args.defaults[index - first]
            try:
                default = constants[node.id] if isinstance(node, ast.Name) else ast.literal_eval(node)
            except (KeyError, ValueError):
                default, complete = ast.unparse(node), False
        annotation = ast.unparse(argument.annotation) if argument.annotation else inspect.Parameter.empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters[argument.arg] = inspect.Parameter(argument.arg, kind, default=default, annotation=annotation)
    for call in found.decorator_list:
        if isinstance(call, ast.Call) and ast.unparse(call.func) == with_options_of.__name__:
            apart = [name for each in call.keywords for name in ast.literal_eval(each.value)]
            more = option_parameters(*map(ast.literal_eval, call.args), apart=[*apart, *parameters])
            parameters |= {parameter.name: parameter for parameter in more}
    return Described(ast.get_docstring(found) or "", parameters, complete)


COMMANDS = Commands(
    {
        "analyse": "scripts.commands.analyse:analyse",
        "average-weights": "scripts.weights.average:average_weights",
        "contact-sheet": "scripts.commands.pictures.contact_sheet:draw_contact_sheet",
        "curves": "scripts.report.curves:overlay_curves",
        "demo": "scripts.commands.demo:run_demo",
        "export-program": "scripts.weights.export:export_program",
        "export-weights": "scripts.weights.keras.convert:export_weights",
        "import-dataset": "scripts.data.convert.kinds:import_dataset",
        "import-weights": "scripts.weights.keras.convert:import_weights",
        "label": "scripts.commands.label:serve",
        "outlines": "scripts.commands.pictures.outlines:draw_outlines",
        "prepare": "scripts.commands.prepare:prepare",
        "publish": "scripts.weights.publish:publish",
        "report": "scripts.commands.pictures.report:write_report",
        "restore-foundation": "scripts.monailabel.active_weights:restore_foundation",
        "study": "scripts.commands.study.run:run_study",
        "suggest": "scripts.commands.suggest.suggest:suggest",
        "synthesise": "scripts.commands.synthesise:write_dataset",
        "watch": "scripts.commands.watch:watch",
    }
)
"""Every command of `tubenet` and of `python -m scripts`."""
