import pickle

import pytest

from scripts.core import VolumeError, refusal, told_in_one_line
from scripts.core.errors import first_line


def test_only_the_first_line_of_a_library_is_told():
    assert first_line(ValueError("broken.\nTraceback:\n  ...")) == "broken"
    assert first_line(KeyError()) == "KeyError"


def test_an_error_crosses_processes():
    error = pickle.loads(pickle.dumps(refusal("a.tif", "is\nbroken", "mend it")))
    assert isinstance(error, VolumeError)
    assert str(error) == "a.tif: is broken; mend it"


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (KeyError("x\ny"), VolumeError),
        (OSError("CRC check failed"), VolumeError),
        (MemoryError("Unable to allocate 9 GiB"), MemoryError),
        (PermissionError(13, "Permission denied"), PermissionError),
        (FileNotFoundError("a.tif: no such file; check the path"), FileNotFoundError),
    ],
)
def test_whatever_is_raised_is_told_in_one_line(raised, kind):
    with pytest.raises(kind) as error, told_in_one_line("a.tif", "cannot be read", "mend it"):
        raise raised
    assert str(error.value).startswith("a.tif: ")
    assert "\n" not in str(error.value)
