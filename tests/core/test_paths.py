"""The bundle is found from any folder."""

import os
import subprocess
import sys

from scripts.core import BUNDLE, CONFIGS, WEIGHTS


def test_the_paths_lead_to_the_bundle():
    assert (BUNDLE / "LICENSE").is_file()
    assert (CONFIGS / "metadata.json").is_file()
    assert WEIGHTS.is_file()


def test_another_working_folder_changes_nothing(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.path.relpath(BUNDLE, tmp_path)}
    program = [sys.executable, "-c", "from scripts.core.paths import WEIGHTS; print(WEIGHTS)"]
    said = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.strip() == str(WEIGHTS)
