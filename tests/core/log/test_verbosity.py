"""How much is logged: by this bundle's loggers alone, whatever else lives in the process."""

import configparser
import logging

import pytest

from scripts.core.log import CLOCK, LINE, set_verbosity, tell_result
from scripts.core.options import OPTIONS
from tests.helpers.bundle_command import BUNDLE

NAMES = ["", "scripts", "scripts.result", "monai.bundle.scripts", "monai.networks.utils", "ignite", "monailabel"]


@pytest.fixture(autouse=True)
def levels():
    """The levels of loggers, which are as before afterwards."""
    before = {name: logging.getLogger(name).level for name in NAMES}
    yield before
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("verbosity", "told"),
    [
        ("quiet", ["careful", "2 volumes"]),
        ("normal", ["reading", "careful", "2 volumes"]),
        ("verbose", ["a detail", "reading", "careful", "2 volumes"]),
    ],
)
def test_what_is_told(verbosity, told, caplog):
    set_verbosity(verbosity)
    logger = logging.getLogger("scripts.io.reader")
    logger.debug("a detail")
    logger.info("reading")
    logger.warning("careful")
    tell_result("%d volumes", 2)
    assert caplog.messages == told


@pytest.mark.parametrize("verbosity", ["quiet", "normal", "verbose"])
def test_others_log_as_before(verbosity, levels):
    set_verbosity(verbosity)
    for name in ("", "ignite", "monailabel"):
        assert logging.getLogger(name).level == levels[name]


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="--verbosity loud: is none of quiet, normal, verbose; give one of these"):
        set_verbosity("loud")
    assert OPTIONS["verbosity"].kind.accepts("quiet")
    assert not OPTIONS["verbosity"].kind.accepts("loud")


def test_the_log_has_one_format():
    stated = configparser.RawConfigParser()
    stated.read(BUNDLE / "configs" / "logging.conf")
    assert (stated["formatter_line"]["format"], stated["formatter_line"]["datefmt"]) == (LINE, CLOCK)
