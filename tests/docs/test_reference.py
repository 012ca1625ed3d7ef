"""The generated parts of docs/reference/: that they are current, and what the generator does."""

import json
import re

import pytest

from docs import make_reference
from docs.make_reference import BEGIN, END, OVERLAYS, REFERENCE, options_of, pages
from scripts.commands import COMMANDS
from scripts.commands.workflows import WORKFLOWS
from scripts.core import BUNDLE, CONFIGS, OPTIONS

ROOT = BUNDLE.parent


@pytest.mark.parametrize("page", ["options", "commands", "configs"])
def test_the_pages_are_what_the_code_says(page):
    """Or `make docs` has to run again."""
    path = REFERENCE / f"{page}.md"
    assert path.read_text(encoding="utf-8") == pages()[path]


def test_every_option_has_a_row():
    rows = re.findall(r"^\| `(\w+)` \|", (REFERENCE / "options.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(OPTIONS)


def test_every_command_has_a_section():
    sections = re.findall(r"^### (\S+)$", (REFERENCE / "commands.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections == list(COMMANDS)


def test_an_overlay_shows_only_what_it_changes():
    """`pretrain.json` repeats the learning rate of `train.json`."""
    assert options_of("pretrain")["learning_rate"] == options_of("train")["learning_rate"]
    table = (REFERENCE / "options.md").read_text(encoding="utf-8")
    (rate,) = re.findall(r"^\| `learning_rate` .*", table, re.MULTILINE)
    assert "`0.001`" in rate
    assert "finetune" in rate
    assert "pretrain" not in rate


@pytest.mark.parametrize("name", sorted(COMMANDS.places))
def test_every_argument_of_a_command_is_described(name):
    _, _, section = (REFERENCE / "commands.md").read_text(encoding="utf-8").partition(f"### {name}\n")
    rows = re.findall(r"^\| `\w+` \| (.*?) \| (.*) \|$", section.partition("\n### ")[0], re.MULTILINE)
    assert rows
    assert all(meaning and "likewise" not in meaning for _, meaning in rows)


@pytest.mark.parametrize("name", list(WORKFLOWS))
def test_every_option_of_a_workflow_is_named(name):
    _, _, section = (REFERENCE / "commands.md").read_text(encoding="utf-8").partition(f"### {name}\n")
    named = re.findall(r"`(\w+)`", section.partition("\n### ")[0])
    assert set(WORKFLOWS[name].options) <= set(named)
    assert f"`{WORKFLOWS[name].usage('tubenet')}`" in section


def test_a_config_without_its_line_is_refused(monkeypatch):
    monkeypatch.setattr(
        make_reference, "OVERLAYS", {name: line for name, line in OVERLAYS.items() if name != "finetune"}
    )
    with pytest.raises(ValueError, match=r"configs/finetune\.json: is in the folder or in OVERLAYS and not in both"):
        make_reference.overlays_table()


def test_a_page_without_its_marks_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(make_reference, "REFERENCE", tmp_path)
    for name in ("options", "commands", "configs"):
        (tmp_path / f"{name}.md").write_text(f"before\n{BEGIN.format(name)}\nold\n{END.format(name)}\nafter\n")
    made = pages()[tmp_path / "configs.md"]
    assert made.startswith(f"before\n{BEGIN.format('configs')}\n| config |")
    assert made.endswith(f"|\n{END.format('configs')}\nafter\n")
    (tmp_path / "options.md").write_text("nothing\n")
    with pytest.raises(ValueError, match=r"options\.md: has no line"):
        pages()


def test_the_changelog_tells_of_every_version():
    told = dict(re.findall(r"^## (\S+)\n(.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE))
    versions = json.loads((CONFIGS / "metadata.json").read_text())["changelog"]
    assert next(iter(told)) == "Unreleased"
    for version, line in versions.items():
        assert told[version].rstrip(".").lower() == line.lower()
    assert set(told) == {"Unreleased", *versions}
