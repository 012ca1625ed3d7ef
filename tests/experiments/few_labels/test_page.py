"""Where the tables go, and what is said beside them."""

import re

import pytest

from experiments.few_labels.page import BEGIN, END, PICTURE, origin_text, with_text, write_page
from experiments.few_labels.plan import BLOCK, Cut
from experiments.few_labels.tables import Scores
from scripts.core import BUNDLE, sha256
from scripts.core.paths import version
from scripts.study import Part

RESULTS = BUNDLE.parent / "docs" / "results.md"
PAGE = f"# Title\n\n{BEGIN}\nwhat was there before\n{END}\n\nmore, µm\n"
BOX = Part(((0, 8), (0, 8), (0, 8)))


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


def test_the_text_goes_between_the_lines_and_the_picture_beside_the_page(page):
    assert with_text(page, "| new |") == PAGE.replace("what was there before", "| new |")
    assert page.read_text(encoding="utf-8") == PAGE
    cuts = [("a", Cut(BLOCK, {"16": BOX}, BOX, {}))]
    text = f"![]({PICTURE})"
    assert write_page(page, text, Scores([]), cuts) == [page, page.parent / "images" / "block_size.png"]
    assert page.read_text(encoding="utf-8") == PAGE.replace("what was there before", text)
    assert (page.parent / PICTURE).stat().st_size > 10_000


def test_without_a_picture_none_is_written(page):
    own = page.with_name("own.md")
    assert write_page(own, "| new |", Scores([]), [], between=False) == [own]
    assert own.read_text() == "| new |\n"


@pytest.mark.parametrize("text", ["", BEGIN + "\n", f"{END}\n{BEGIN}\n", PAGE + PAGE, PAGE + f"{END}\n"], ids=range(5))
def test_a_page_without_the_lines_is_refused(page, text):
    page.write_text(text)
    with pytest.raises(ValueError, match=f"page.md: has not just one line {BEGIN} .*leave --page out") as error:
        with_text(page, "")
    assert "\n" not in str(error.value)
    assert page.read_text() == text


def test_the_weights_are_named():
    origin = {"weights": "w.pt", "weights_sha256": "0123456789abcdef", "software": "tubenet 9.8.7"}
    assert origin_text(origin, 12, ["a", "b"]) == "`w.pt` (sha256 `0123456789ab`), tubenet 9.8.7, a, b"


def test_the_tables_of_results_are_those_of_the_shipped_weights():
    """Or `make results PAGE=docs/results.md` has to run again."""
    (table,) = re.findall(f"{BEGIN}\n(.*?){END}\n", RESULTS.read_text(encoding="utf-8"), re.DOTALL)
    assert f"sha256 `{sha256(BUNDLE / 'models' / 'model.pt')[:12]}`), tubenet {version()}" in table
