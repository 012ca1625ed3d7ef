"""What pages share: escaped templates, and the policy for the browser."""

import base64
import hashlib

import pytest
from jinja2 import UndefinedError

from scripts.report.page.template import TEMPLATES, environment, policy, verbatim


def test_whatever_comes_from_files_is_escaped_and_further_folders_come_first(tmp_path):
    (tmp_path / "page.html").write_text("{{ words }}")
    templates = environment(tmp_path)
    assert templates.get_template("page.html").render(words="<script>") == "&lt;script&gt;"
    assert templates.get_template("parts.html")
    with pytest.raises(UndefinedError):
        templates.get_template("page.html").render()


def test_a_style_sheet_of_ours_is_not_escaped():
    assert str(verbatim(TEMPLATES / "style.css")) == (TEMPLATES / "style.css").read_text()


def test_the_browser_runs_these_scripts_alone():
    of_one = base64.b64encode(hashlib.sha256(b"let a;").digest()).decode()
    allowed = policy("let a;", "")
    assert allowed.endswith(f"script-src 'sha256-{of_one}'")
    assert allowed.startswith("default-src 'none'; img-src data: blob:")
