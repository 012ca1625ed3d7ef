import importlib
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.transforms import Compose

from scripts.core import UserError, check_all, most_telling, one_line, read_boolean
from scripts.core.errors import is_refusal
from scripts.io import read_header
from scripts.training import inverse_frequency_weights
from scripts.weights import read_sidecar

REFUSED = "from scripts.training import WeightedCrossEntropyLoss as loss; loss([1])"
NOT_WEIGHTS = "are not two or more positive numbers; give one for each class, background first"
UNORDERED = "'<=' not supported between instances of 'NoneType' and 'int'"
BUNDLE = Path(__file__).resolve().parents[2] / "bundle"


def caught(raise_):
    with pytest.raises(BaseException) as info:  # noqa: PT011 - each test looks at what was raised
        raise_()
    return info.value


def wrapped(raise_):
    """What MONAI makes of an exception: two more around it."""

    def transform():
        try:
            raise_()
        except BaseException as error:
            raise RuntimeError("applying transform LoadImaged") from error

    try:
        transform()
    except RuntimeError as error:
        raise RuntimeError("Failed to evaluate '$@run'") from error


def test_what_the_package_refuses_speaks_through_all_that_is_wrapped_around_it(tmp_path):
    weights = tmp_path / "model.pt"
    weights.touch()
    weights.with_suffix(".json").write_text("{")
    refused = caught(lambda: wrapped(lambda: read_sidecar(weights)))  # itself raised from a JSONDecodeError
    assert isinstance(most_telling(refused), ValueError)
    assert one_line(refused).startswith(f"{weights.with_suffix('.json')}: is not JSON")
    assert is_refusal(refused)


def test_else_the_first_exception_speaks():
    error = caught(lambda: wrapped(lambda: int("x")))
    assert one_line(error) == "invalid literal for int() with base 10: 'x'"
    assert not is_refusal(error)


def test_an_exception_during_another_is_not_the_cause_unless_that_is_hidden():
    def during(hide):
        try:
            raise ValueError("first")
        except ValueError:
            if hide:
                raise ValueError("second") from None
            raise ValueError("second")  # noqa: B904 - this is what is tested

    assert one_line(caught(lambda: during(hide=False))) == "first"
    assert one_line(caught(lambda: during(hide=True))) == "second"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("two\n  lines and  spaces  \n"), "two lines and  spaces"),
        (FileNotFoundError(2, "No such file or directory", "a/b.tif"), "a/b.tif: No such file or directory"),
        (FileNotFoundError("b.pt: no such weights"), "b.pt: no such weights"),
        (PermissionError(13, "Permission denied"), "[Errno 13] Permission denied"),
        (KeyboardInterrupt(), "stopped by the keyboard"),
        (KeyError("image"), "KeyError: 'image'"),
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (ValueError(), "ValueError:"),
    ],
)
def test_lines(error, line):
    assert one_line(error) == line


class Call:
    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __call__(self, _):
        return self.function(*self.args)


def fail(error):
    raise error


@pytest.mark.parametrize(
    ("transform", "line", "refusal"),
    [
        (Call(read_boolean, "amp", "may: be"), "--amp may: be: is not true or false; give one of these", True),
        (Call(read_header, "a.tif"), "a.tif: no such file; check the path", True),
        (Call(fail, ValueError("a.tif: of a library")), "a.tif: of a library", False),
        (Call(fail, KeyError("image")), "KeyError: 'image'", False),
        (Call(inverse_frequency_weights, [None]), f"TypeError: {UNORDERED}", False),  # the package's own mistake
        (Call(fail, EOFError("a.gz: ends early")), "EOFError: a.gz: ends early", False),
        (Call(fail, zipfile.BadZipFile("a.npz: no zip")), "BadZipFile: a.npz: no zip", False),
    ],
)
def test_a_loaders_worker_says_what_the_main_process_would(transform, line, refusal):
    loader = DataLoader(Dataset([{}], Compose([transform])), num_workers=1)
    raised, here = caught(lambda: list(loader)), caught(lambda: Compose([transform])({}))
    assert "in DataLoader worker process" in str(most_telling(raised))
    assert one_line(raised) == one_line(here) == line
    assert is_refusal(raised) == is_refusal(here) == refusal


def test_what_counts_as_a_refusal():
    assert is_refusal(caught(lambda: read_boolean("amp", "maybe")))
    assert is_refusal(KeyboardInterrupt())
    assert not is_refusal(caught(lambda: int("x")))  # a ValueError, but not the package's
    assert not is_refusal(caught(lambda: [][1]))


@pytest.mark.parametrize(
    ("statement", "last", "traceback"),
    [
        (
            REFUSED,
            f"error: --class_weights [1]: {NOT_WEIGHTS}",
            False,
        ),
        ("raise ValueError('of a library')", "error: of a library", True),
        ("{}['x']", "error: KeyError: 'x'", True),
        ("open('missing.tif')", "error: missing.tif: No such file or directory", True),
    ],
)
def test_a_process_ends_in_one_line_and_status_1(statement, last, traceback, python_m, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(BUNDLE)!r})\n"
    code += f"import scripts.core; scripts.core.install_excepthook()\nprint('before')\n{statement}"
    done = python_m.code(code, cwd=tmp_path)
    assert done.status == 1
    assert done.stdout == "before\n"
    lines = [line for line in done.stderr.splitlines() if "warn" not in line.lower()]
    assert lines[-1] == last
    assert any(line.startswith("Traceback") for line in lines) == traceback


def test_all_that_is_refused_is_told(tmp_path, caplog):
    for name in "abc":
        (tmp_path / f"{name}.tif").touch()
    whole = tmp_path / "whole.npy"
    np.save(whole, np.zeros((2, 3, 4)))
    assert [info.shape for info in check_all(read_header, [whole, whole])] == [(2, 3, 4)] * 2
    with pytest.raises(ValueError, match=r"a\.tif: the file is empty \(0 bytes\); copy or export it again$"):
        check_all(read_header, [whole, tmp_path / "a.tif"])
    assert not caplog.records
    error = caught(lambda: check_all(read_header, [tmp_path / "a.tif", whole, tmp_path / "none.tif"]))
    assert one_line(error).startswith(f"{tmp_path / 'a.tif'}: the file is empty")
    assert one_line(error).endswith("(and 1 more file, listed above)")
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [
        str(tmp_path / "a.tif"),
        str(tmp_path / "none.tif"),
    ]
    with pytest.raises(ZeroDivisionError):
        check_all(lambda _: 1 / 0, [1, 2])  # what is no refusal is raised at once


@pytest.mark.parametrize("take", [torch.empty, np.empty])
def test_a_lack_of_memory_is_one_line(take):
    with pytest.raises((RuntimeError, MemoryError)) as error:
        take(2**50)
    assert is_refusal(error.value)
    assert one_line(error.value).startswith("not enough memory (")
    assert one_line(error.value).endswith("); give a smaller --patch_size or --batch_size")


def test_a_refusal_of_modules_that_were_loaded_anew_is_one(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("scripts")]:
        monkeypatch.delitem(sys.modules, name)
    again = importlib.import_module("scripts.core")
    assert again.UserError is not UserError

    def refuse_a_file():
        with again.refuse_failures("a.nii.gz", "cannot be read", "copy it again"):
            raise EOFError("ended early")

    error = caught(lambda: wrapped(refuse_a_file))
    assert is_refusal(error)
    assert one_line(error) == "a.nii.gz: cannot be read (ended early); copy it again"


def test_ctrl_c_ends_as_its_signal_does_whatever_pytorch_does_at_the_end():
    pytest.importorskip("tabulate")
    code = (
        "import torch._dynamo\n"
        "from scripts.core import install_excepthook\n"
        "install_excepthook()\n"
        "raise KeyboardInterrupt('stopped')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=BUNDLE, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[-1].startswith("error: stopped by the keyboard")
