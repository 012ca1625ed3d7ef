"""Control characters in names are spelled out: in refusals, tracebacks and the log."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.core import one_line, refuse
from scripts.core.terminal import PrintableFilter, printable

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
CLEARS = "a\x1b[2J\x1b]0;title\x07.tif"
SHOWN = r"a\x1b[2J\x1b]0;title\x07.tif"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CLEARS, SHOWN),
        ("a\x9b31m.tif", r"a\x9b31m.tif"),  # the one-byte form of escape and bracket
        ("a\x08\x08\r.tif\x7f", r"a\x08\x08\r.tif\x7f"),
        ("photo\u202efit.tif", r"photo\u202efit.tif"),  # which reads as `phototif.tif`
        (b"caf\xe9.tif".decode(errors="surrogateescape"), r"caf\udce9.tif"),
        ("Gefäß 血管 µ\tm\nnext", "Gefäß 血管 µ\tm\nnext"),
    ],
)
def test_controls_are_spelled_out_and_letters_are_not(text, shown):
    assert printable(text) == shown
    assert printable(shown) == shown


def test_refusals():
    with pytest.raises(ValueError, match="missing") as info:
        refuse(CLEARS, "is missing", "look for it")
    assert str(info.value) == f"{SHOWN}: is missing; look for it"
    assert one_line(FileNotFoundError(2, "No such file or directory", CLEARS)) == f"{SHOWN}: No such file or directory"


def test_records_of_a_log():
    record = logging.LogRecord("scripts", logging.INFO, "", 0, "%s: ignored, %d", (CLEARS, 3), None)
    assert PrintableFilter().filter(record)
    assert record.getMessage() == f"{SHOWN}: ignored, 3"


def test_nothing_reaches_the_terminal_of_a_process():
    code = f"import sys, logging; sys.path.insert(0, {str(BUNDLE)!r}); logging.basicConfig()\n"
    code += "from scripts.core import install_excepthook; install_excepthook(); install_excepthook()\n"
    code += f"logging.getLogger('scripts.io').warning('%s', {CLEARS!r}); raise KeyError({CLEARS!r} + str(open))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.startswith(f"WARNING:scripts.io:{SHOWN}\n")
    assert "Traceback" in done.stderr
    assert not set(done.stderr) & {"\x1b", "\x07"}
