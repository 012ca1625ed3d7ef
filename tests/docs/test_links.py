"""Whatever the documentation names exists: links, files, commands, options, code; and each table stands once."""

import importlib.util
import inspect
import re
from collections import Counter
from functools import cache
from itertools import combinations

import pytest
from monai.bundle import ConfigWorkflow, run

from bench.__main__ import COMMANDS as BENCH
from experiments.__main__ import COMMANDS as EXPERIMENTS
from scripts.commands import COMMANDS
from scripts.commands.workflows import WORKFLOWS
from scripts.core import BUNDLE, CONFIGS, OPTIONS

ROOT = BUNDLE.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), BUNDLE / "docs" / "README.md"])
ON_ALL = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
PROGRAMS = {"scripts": COMMANDS, "experiments": EXPERIMENTS, "bench": BENCH}
# what the commands that are shown make
MADE = {"models/model.ts", "models/model.onnx", "models/model.pt2"}
OF_MONAI = {*inspect.signature(run).parameters, *inspect.signature(ConfigWorkflow).parameters}
OF_MONAI |= {"tracking", "bundle_root", "conf"}  # the last of MONAI Label
OF_THE_PAST = [ROOT / "CHANGELOG.md"]  # which names what there was before


@cache
def text_of(page):
    return page.read_text(encoding="utf-8")


@cache
def anchors(page):
    """The names that GitHub gives to headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", text_of(page))


def code(page):
    """Blocks of code and code in a line, lines that are continued joined."""
    found = re.findall(r"^```.*?\n(.*?)^```|`([^`\n]+(?:\n[^`\n]+)?)`", text_of(page), re.M | re.S)
    return [(block or inline).replace("\\\n", " ") for block, inline in found]


def commands(page):
    return [line.split(" #")[0] for each in code(page) for line in each.splitlines()]


# -- what is named exists ----------------------------------------------------------------------------------------------


@ON_ALL
def test_links_lead_somewhere(page):
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_model_card_links_to_nothing_outside_the_bundle():
    """Which is copied alone, and lies in the wheel without the project around it."""
    card = BUNDLE / "docs" / "README.md"
    paths = [link.partition("#")[0] for link in links(card) if not re.match(r"https?://", link)]
    assert all((card.parent / path).resolve().is_relative_to(BUNDLE) for path in paths)


@ON_ALL
def test_files_that_are_named_exist(page):
    # links are tested above
    text = re.sub(r"\]\([^)\s]+\)", "", text_of(page))
    folders = "bench|bundle|configs|docs|experiments|models|overlays|requirements|scripts|tests"
    for name in set(re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./-]*[\w/]", text)) - MADE:
        places = [ROOT / name, BUNDLE / name, CONFIGS / name, CONFIGS / f"{name}.json"]
        assert any(place.exists() for place in places), name


@ON_ALL
def test_code_that_is_named_exists(page):
    names = sorted(set(re.findall(r"`(scripts(?:\.\w+)+)", text_of(page))))
    assert not [name for name in names if not exists(name)]


def exists(name):
    """Whether a dotted name is a module, or an attribute of one."""
    module, _, attribute = name.rpartition(".")
    if importlib.util.find_spec(module) and hasattr(importlib.import_module(module), attribute):
        return True
    return importlib.util.find_spec(name) is not None


def test_code_that_is_named_in_the_code_exists():
    texts = {path: path.read_text() for path in (BUNDLE / "scripts").rglob("*.py")}
    named = {name for text in texts.values() for name in re.findall(r"`(scripts(?:\.\w+)+)`", text)}
    assert not [name for name in sorted(named) if not exists(name)]


@ON_ALL
def test_commands_that_are_named_exist(page):
    words = " ".join(text_of(page).split())
    for program, name in re.findall(r"python -m (scripts|experiments|bench) ([\w-]+)", words):
        assert name in PROGRAMS[program] or name.isupper() or page in OF_THE_PAST, name


@ON_ALL
def test_targets_of_make_that_are_named_exist(page):
    targets = set(re.findall(r"^([\w-]+):", text_of(ROOT / "Makefile"), re.M))
    named = {name for each in code(page) for name in re.findall(r"^make\s+([\w-]+)", each, re.M)}
    assert not named - targets


@ON_ALL
def test_options_of_commands_exist(page):
    for line in commands(page):
        if page in OF_THE_PAST:
            continue
        if match := re.search(r"(?:python -m scripts|^tubenet) ([a-z-]+)(.*)", line):
            known = {*inspect.signature(COMMANDS[match[1]]).parameters, "help", "version"}
            known |= OF_MONAI if match[1] in WORKFLOWS else set()
            known |= {*OPTIONS} if "--overlays" in match[2] else set()  # an overlay brings its own
        elif "monai.bundle run" in line:
            match, known = re.search(r"monai.bundle (run)(.*)", line), {*OPTIONS, *OF_MONAI}
        else:
            continue
        for name in re.findall(r"--([a-z_]\w*)(?!#)", match[2]):
            assert name in known or f"--{name}#" in line, line


@ON_ALL
def test_options_in_the_text_exist(page):
    functions = [function for program in PROGRAMS.values() for function in program.values()]
    parameters = {name for function in functions for name in inspect.signature(function).parameters}
    for name in re.findall(r"`--([a-z_]+)(?![a-z_#])", text_of(page)):
        assert name in {*OPTIONS, *OF_MONAI, *parameters} or page in OF_THE_PAST, name


# -- one thing in one place --------------------------------------------------------------------------------------------


def tables(page):
    return [table.strip().splitlines() for table in re.findall(r"(?:^\|.*\n)+", text_of(page), re.M)]


def test_each_table_stands_once():
    """Neither two alike, nor two that share a row of figures."""
    every = [(page.name, table) for page in PAGES for table in tables(page)]
    assert len(every) > 20
    for (one, first), (two, second) in combinations(every, 2):
        assert first != second, (one, two, first[0])
        shared = Counter(first[2:]) & Counter(second[2:])
        assert not [row for row in shared if len(re.findall(r"\d\.\d+", row)) > 1], (one, two)


@pytest.mark.parametrize("page", [ROOT / "README.md", BUNDLE / "docs" / "README.md"], ids=["README", "card"])
def test_figures_of_the_front_pages_are_those_of_the_results(page):
    """What is said in short has to change with what it is short for."""
    pages = ("results", "cleaning", "fine-tuning-experiments")
    known = "".join(text_of(ROOT / "docs" / f"{name}.md") for name in pages)
    figures = set(re.findall(r"\b0\.\d{3}\b", text_of(page)))
    assert figures
    assert not {figure for figure in figures if figure not in known}


def test_the_front_pages_are_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 130
    assert len(text_of(BUNDLE / "docs" / "README.md").splitlines()) <= 120
    assert sum(each.is_file() for each in (ROOT / "docs" / "how-to").iterdir()) <= 16


def test_every_page_is_linked_from_the_contents():
    contents = ROOT / "docs" / "README.md"
    linked = {(contents.parent / link).resolve() for link in links(contents)}
    assert not [page for page in PAGES if page.parent != ROOT and page != contents and page not in linked]


def test_pictures_are_shown_and_small():
    found = [(page.parent / link).resolve() for page in PAGES for link in links(page)]
    shown = {path for path in found if path.suffix in (".png", ".webp")}
    pictures = {path for path in (ROOT / "docs" / "images").rglob("*") if path.is_file()}
    assert shown == pictures
    assert all(path.stat().st_size < 50e3 for path in pictures if path.suffix == ".webp")
    assert (ROOT / "docs" / "images" / "segmentation.png").stat().st_size < 400e3


def test_no_page_names_a_place_of_somebodys_machine():
    for page in PAGES:
        assert not re.search(r"(/home/|/Users/|/tmp/|/work/|[A-Z]:\\)", text_of(page)), page
