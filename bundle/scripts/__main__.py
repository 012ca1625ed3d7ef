"""The commands: `python -m scripts COMMAND --help`."""

from __future__ import annotations

from scripts.commands.cli import run_commands
from scripts.commands.contact_sheet import draw_contact_sheet
from scripts.commands.demo import run_demo
from scripts.commands.label import serve
from scripts.commands.outlines import draw_outlines
from scripts.commands.synthesise import write_dataset
from scripts.commands.watch import watch
from scripts.data.convert.tube_net import import_dataset
from scripts.monailabel import restore_foundation
from scripts.report import overlay_curves
from scripts.weights import average_weights, publish
from scripts.weights.export import export_program
from scripts.weights.keras import export_weights, import_weights

COMMANDS = {
    "average-weights": average_weights,
    "contact-sheet": draw_contact_sheet,
    "curves": overlay_curves,
    "demo": run_demo,
    "export-program": export_program,
    "export-weights": export_weights,
    "import-dataset": import_dataset,
    "import-weights": import_weights,
    "label": serve,
    "outlines": draw_outlines,
    "publish": publish,
    "restore-foundation": restore_foundation,
    "synthesise": write_dataset,
    "watch": watch,
}


def main() -> None:
    """Run the command on the command line."""
    run_commands(COMMANDS, "python -m scripts")


if __name__ == "__main__":
    main()
