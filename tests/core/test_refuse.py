import pickle

import pytest

from scripts.core import UserError, refuse, refuse_failures


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError, FileExistsError, OSError, MemoryError])
def test_a_refusal_is_one_line_of_the_kind_asked_for_and_crosses_processes(kind):
    with pytest.raises(UserError) as error:
        refuse("a.tif", "is\nbroken", "mend it", kind)
    assert isinstance(error.value, kind)
    there = pickle.loads(pickle.dumps(error.value))
    assert type(there) is type(error.value)
    assert str(there) == "a.tif: is broken; mend it"


@pytest.mark.parametrize("kind", [ValueError, FileNotFoundError, OSError, MemoryError])
def test_a_refusal_crosses_dask_too(kind):
    support = pytest.importorskip("tblib.pickling_support")
    with pytest.raises(UserError) as error:
        refuse("a.tif", "is broken", "mend it", kind)
    make, arguments = support.pickle_exception(error.value)
    there = make(*arguments)
    assert type(there) is type(error.value)
    assert str(there) == "a.tif: is broken; mend it"


def test_the_line_stays_short_whatever_is_in_it():
    with pytest.raises(UserError) as error:
        refuse("--zoom " + "9" * 10**6, "is not a number", "give one such as 2")
    told = str(error.value)
    assert told.startswith("--zoom 999")
    assert told.endswith("999: is not a number; give one such as 2")
    assert len(told) < 2100


@pytest.mark.parametrize(
    ("raised", "kind", "told"),
    [
        (KeyError("x\ny"), ValueError, "cannot be read ('x\\ny'); mend it"),
        (KeyError(), ValueError, "cannot be read (KeyError); mend it"),
        (ValueError("broken.\nTraceback:\n  ..."), ValueError, "cannot be read (broken); mend it"),
        (OSError("CRC check failed"), ValueError, "cannot be read (CRC check failed); mend it"),
        (
            MemoryError("Unable to allocate 9 GiB"),
            MemoryError,
            "it does not fit into memory (Unable to allo",
        ),
        (PermissionError(13, "Permission denied"), OSError, "cannot be read (Permission denied); mend it"),
        (FileNotFoundError(2, "No such file"), FileNotFoundError, "cannot be read (No such file); mend it"),
    ],
)
def test_whatever_a_library_raises_is_refused_in_one_line(raised, kind, told):
    with pytest.raises(kind) as error, refuse_failures("a.tif", "cannot be read", "mend it"):
        raise raised
    assert isinstance(error.value, UserError)
    assert str(error.value).startswith(f"a.tif: {told}")
    assert isinstance(error.value, OSError) == issubclass(kind, OSError)


def test_what_was_refused_inside_stays_as_it_is():
    with pytest.raises(UserError, match=r"^b.tif: is empty; copy it again$"), refuse_failures("a.tif", "no", "mend it"):
        refuse("b.tif", "is empty", "copy it again")
