import doctest

import numpy as np

from scripts import io


def test_the_example_of_the_package_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(io, extraglobs={"np": np}, raise_on_error=True)
    assert (found.attempted, found.failed) == (6, 0)
