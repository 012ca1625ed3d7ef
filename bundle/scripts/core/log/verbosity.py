"""How much a command tells: the option `verbosity`, and the line that tells its result."""

from __future__ import annotations

import logging
import sys
from io import TextIOWrapper

from ..errors import install_excepthook, refuse

QUIET, NORMAL, VERBOSE = "quiet", "normal", "verbose"
VERBOSITIES = (QUIET, NORMAL, VERBOSE)
LINE, CLOCK = "%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"
"""The format of every line of the log, and of its time; configs/logging.conf has the same."""

_LEVELS = {QUIET: logging.WARNING, NORMAL: logging.INFO, VERBOSE: logging.DEBUG}
_OF_MONAI = ("monai.bundle.scripts", "monai.networks.utils")
"""Loggers of MONAI that tell what it was given and what it froze; configs/logging.conf hushes them."""
_result = logging.getLogger("scripts.result")


def set_up_process(verbosity: str = NORMAL) -> None:
    """Let the process end in one line when it fails, and set how much its log tells.

    Only this bundle's own loggers are set, and in `verbose` two of MONAI's; what else lives in the process logs as it
    did.

    Args:
        verbosity: `quiet` for warnings, errors and the result alone, `normal`, or `verbose`, with more about the
            weights and what MONAI was given.

    Raises:
        UserError: for any other word.
    """
    install_excepthook()
    if isinstance(sys.stdout, TextIOWrapper):  # a name that a Windows console or a pipe cannot show stops nothing
        sys.stdout.reconfigure(errors="backslashreplace")
    set_verbosity(verbosity)


def set_verbosity(verbosity: str) -> None:
    """Set how much this bundle logs.

    Raises:
        UserError: for what is none of `VERBOSITIES`.
    """
    if verbosity not in VERBOSITIES:
        refuse(f"--verbosity {verbosity}", f"is none of {', '.join(VERBOSITIES)}", "give one of these")
    logging.getLogger("scripts").setLevel(_LEVELS[verbosity])
    _result.setLevel(logging.INFO)
    if verbosity == VERBOSE:
        for name in _OF_MONAI:
            logging.getLogger(name).setLevel(logging.INFO)


def tell_result(line: str, *values: object) -> None:
    """Log the line that tells what a command has done, `quiet` or not.

    Args:
        line: the line, with places for values as in `logging`.
        values: the values.
    """
    _result.info(line, *values)
