"""The verbs: ``python -m scripts VERB --help``."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Sequence

import fire

from scripts.checkpoints import publish
from scripts.curves import overlay_curves
from scripts.demo import run_demo
from scripts.errors import install
from scripts.keras_weights import export_weights, import_weights
from scripts.released_data import import_study
from scripts.exporting import export_weights as export_program
from scripts.synthetic_study import write_study
from scripts.watching import watch

VERBS = {
    "curves": overlay_curves,
    "demo": run_demo,
    "export-weights": export_weights,
    "import-study": import_study,
    "import-weights": import_weights,
    "export": export_program,
    "publish": publish,
    "synthesise": write_study,
    "watch": watch,
}


def main() -> None:
    """Run the verb on the command line."""
    install()
    check_flags(sys.argv[1:])
    fire.Fire(VERBS, name="python -m scripts")


def check_flags(words: Sequence[str]) -> None:
    """Refuse a mistyped flag before anything is done; fire would run the verb first and complain afterwards.

    Raises:
        ValueError: for a ``--flag`` that the verb, the first of the words, does not have.
    """
    if not words or words[0] not in VERBS:
        return
    known = {*inspect.signature(VERBS[words[0]]).parameters, "help"}
    for word in words[1:]:
        if word == "--":  # what follows are flags of fire's own
            return
        name = word.lstrip("-").partition("=")[0].replace("-", "_")
        if re.match(r"--?[A-Za-z_]", word) and name not in known:  # fire takes one dash for two
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            raise ValueError(
                f"--{name}: {words[0]} has no such flag" + (f"; did you mean --{near[0]}?" if near else "")
            )


if __name__ == "__main__":
    main()
