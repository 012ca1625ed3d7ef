"""The verbs: ``python -m scripts VERB --help``."""

from __future__ import annotations

from scripts.active_weights import restore_foundation
from scripts.averages import average_weights
from scripts.checkpoints import publish
from scripts.command_line import run_verbs
from scripts.contact_sheet import draw_contact_sheet
from scripts.curves import overlay_curves
from scripts.demo import run_demo
from scripts.exporting import export_program
from scripts.keras_weights import export_weights, import_weights
from scripts.label_app import serve
from scripts.outlines import draw_outlines
from scripts.released_data import import_study
from scripts.results import run_results
from scripts.synthetic_study import write_study
from scripts.watching import watch

VERBS = {
    "average-weights": average_weights,
    "contact-sheet": draw_contact_sheet,
    "curves": overlay_curves,
    "demo": run_demo,
    "export-program": export_program,
    "export-weights": export_weights,
    "import-study": import_study,
    "import-weights": import_weights,
    "label": serve,
    "outlines": draw_outlines,
    "publish": publish,
    "restore-foundation": restore_foundation,
    "results": run_results,
    "synthesise": write_study,
    "watch": watch,
}


def main() -> None:
    """Run the verb on the command line."""
    run_verbs(VERBS, "python -m scripts")


if __name__ == "__main__":
    main()
