"""The module that stands in for pydicom-seg is what MONAI Label imports where our server runs."""

import os
import subprocess
import sys

import pytest

from scripts.monailabel import server_environment
from scripts.monailabel.app import STAND_INS

pytest.importorskip("monailabel", reason="make test-label runs this, in the environment of MONAI Label")


def test_it_is_the_one_that_is_imported(tmp_path):
    asked = "import pydicom_seg, monailabel.datastore.utils.convert as c; print(c.pydicom_seg.__file__)"
    environment = {**os.environ, "PYTHONPATH": server_environment(tmp_path)["PYTHONPATH"]}
    told = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip().endswith(str(STAND_INS / "pydicom_seg.py"))
