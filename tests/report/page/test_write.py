import json
import re
from html.parser import HTMLParser

import pytest

from scripts.core import UserError
from scripts.report.page import Case, Reading, find_cases, write_page
from scripts.report.page.scene import MAX_TRIANGLES, MIN_TRIANGLES
from scripts.report.page.write import MAX_SIDE, MIN_SIDE, sizes
from tests.report.page.examples import paths_in, write_results

VOID = {"meta", "img", "link", "input", "br", "hr"}
DRAWN = {"path", "rect", "polyline", "circle"}


class Page(HTMLParser):
    """What a page holds: its elements, which have to be closed in order, and its text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID | DRAWN:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attributes for each, attributes in self.elements if each == tag]


@pytest.fixture
def results(tmp_path):
    dataset, out = write_results(tmp_path)
    images, labels = paths_in(dataset)
    return out, *find_cases(out, images, labels)


def read(path):
    return Page(path.read_text(encoding="utf-8"))


def test_a_page_of_two_volumes(results):
    out, cases, shared = results
    path, failures = write_page(out, cases, {**shared, "run": {"command": "tubenet evaluate A B"}}, Reading())
    assert (path, failures) == (out / "report.html", [])
    page = read(path)
    assert [each["id"] for each in page.all("details")] == ["case-1", "case-2"]
    assert page.text.index("bad") < page.text.index("good")
    assert "tubenet evaluate A B" in page.text
    assert "Left out: branches, radii and the skeleton of 1 volume" in page.text
    saved = sorted(path.name for path in (out / "report_pictures").iterdir())
    assert len(saved) == 24 + 25 == len(page.all("figure")) - (2 + 2 * 3 + 2)  # besides charts
    assert "good_skeleton.png" in saved


def test_nothing_is_loaded_from_anywhere(results):
    out, cases, shared = results
    path, _ = write_page(out, cases, shared, Reading())
    page = read(path)
    sources = [
        value for _, attributes in page.elements for name, value in attributes.items() if name in ("src", "href")
    ]
    assert all(value.startswith(("data:image/png;base64,", "#")) for value in sources)
    assert not page.all("link")
    (policy,) = (each["content"] for each in page.all("meta") if "http-equiv" in each)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe-inline'; script" in policy
    assert "unsafe-eval" not in policy
    html = path.read_text(encoding="utf-8")
    assert not re.findall(r"url\(|@import", html)


def test_the_name_of_a_file_is_text(tmp_path):
    evil = "<script>alert(1)</script>&\"'"
    case = Case(evil, scores={"dice": 0.5, f"dice.{evil}": 0.5, "recall": 0.2}, summary={evil: evil})
    shared = {"metrics": {"mean": case.scores, "threshold": 0.5}, "curves": {}, "run": {evil: {evil: [evil]}}}
    path, _ = write_page(tmp_path, [case, Case("other")], shared, Reading(output=evil))
    page = read(path)
    assert len(page.all("script")) == 1
    assert evil in page.text
    assert "<script>alert" not in path.read_text()


def test_a_volume_that_cannot_be_read_stops_no_other(results):
    out, cases, shared = results
    (out / "good_seg.tif").write_bytes(b"II*\0")
    path, (failure,) = write_page(out, cases, shared, Reading())
    assert failure.startswith(f"{out / 'good_seg.tif'}: ") or "good_seg.tif" in failure
    page = read(path)
    assert "This volume could not be read" in page.text
    assert len(page.all("details")) == 2


@pytest.mark.parametrize("theme", ["auto", "dark", "light"])
def test_themes(tmp_path, theme):
    shared = {"metrics": {}, "curves": {}, "run": {}}
    path, _ = write_page(tmp_path, [Case("a", scores={"dice": 0.5})], shared, Reading(), theme)
    (html,) = read(path).all("html")
    assert html.get("data-theme", "auto") == theme


@pytest.mark.parametrize("scores", [{"dice": "x"}, {"dice": [1]}], ids=str)
def test_scores_that_are_no_numbers_are_refused_in_one_line(tmp_path, scores):
    (tmp_path / "metrics.json").write_text(json.dumps({"cases": {"a": scores, "b": {"dice": 0.5}}, "mean": scores}))
    with pytest.raises(UserError, match=r"metrics\.json: is not as evaluate writes it .*; evaluate again"):
        write_page(tmp_path, *find_cases(tmp_path, {}, {}), Reading())


def test_a_metric_that_was_not_scored(results):
    out, cases, shared = results
    with pytest.raises(UserError, match="--sort_by recal: was not scored"):
        write_page(out, cases, shared, Reading(), sort_by="recal")
    write_page(out, cases, shared, Reading(), sort_by="recall")


@pytest.mark.parametrize(("metric", "direction"), [("dice", "ascending"), ("hausdorff_95", "descending")])
def test_the_heading_says_which_way_scores_are_sorted(tmp_path, metric, direction):
    scores = {"cases": {"a": {metric: 0.9}, "b": {metric: 0.1}}, "mean": {metric: 0.5}}
    (tmp_path / "metrics.json").write_text(json.dumps(scores))
    path, _ = write_page(tmp_path, *find_cases(tmp_path, {}, {}), Reading())
    page = read(path)
    assert [heading["aria-sort"] for heading in page.all("th") if "aria-sort" in heading] == [direction]


def test_more_volumes_are_drawn_smaller():
    assert sizes(1) == {"side": MAX_SIDE, "triangles": MAX_TRIANGLES}
    assert sizes(1000) == {"side": MIN_SIDE, "triangles": MIN_TRIANGLES}
    assert MIN_SIDE < sizes(20)["side"] < MAX_SIDE


def test_of_many_volumes_one_is_unfolded(tmp_path):
    cases = [Case(f"v{number}", scores={"dice": number / 10}) for number in range(8)]
    metrics = {"cases": {}, "mean": {"dice": 0.35}, "threshold": 0.5}
    path, _ = write_page(tmp_path, cases, {"metrics": metrics, "curves": {}, "run": {}}, Reading())
    page = read(path)
    assert ["open" in each for each in page.all("details")] == [True, *[False] * 7]
    assert json.loads(json.dumps(page.text.split())).count("v0") >= 2
