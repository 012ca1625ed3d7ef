"""The page of `tubenet report` in a real browser: what is seen, in both colours, at two widths, turned and printed."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from scripts.commands.pictures.report import write_report
from scripts.report.theme import THEMES
from tests.report.page.examples import write_results

pytest.importorskip("plotly", reason="requirements.txt has it")
WIDTHS = {"wide": 1280, "phone": 390}
SOON = 60_000  # milliseconds: graphics are drawn by the processor


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    dataset, out = write_results(folder)
    write_report(out, dataset)
    (out / "report.html").rename(folder / "alone.html")  # nothing lies beside it
    return folder / "alone.html"


@pytest.fixture
def opened(browser, report):
    """Opens the page at a width and in colours; it must have asked nobody and complained of nothing."""
    pages, asked, told = [], [], []

    def opens(width, scheme):
        page = browser.new_context(viewport={"width": WIDTHS[width], "height": 900}, color_scheme=scheme).new_page()
        page.set_default_timeout(SOON)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
        page.goto(report.as_uri())
        pages.append(page)
        return page

    yield opens
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [report.as_uri()] * len(pages)
    assert told == []
    for page in pages:
        page.context.close()


def pixels(place, **options):
    return np.asarray(Image.open(io.BytesIO(place.screenshot(**options))).convert("RGB")).astype(int)


def ground_of(page):
    """The colour in the upper left corner, where the page is empty."""
    page.evaluate("scrollTo(0, 0)")
    return tuple(pixels(page)[2, 2])


def colour(theme):
    return tuple(round(255 * part) for part in to_rgb(THEMES[theme].ground))


def scene(page, number=0):
    place = page.locator(".scene").nth(number)
    place.scroll_into_view_if_needed()
    place.locator("xpath=self::*[contains(@class, 'drawn')]").wait_for()
    page.wait_for_timeout(1500)
    return place


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_it_takes_the_readers_colours_and_width(opened, pictures, width, scheme):
    page = opened(width, scheme)
    assert ground_of(page) == colour(scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS[width]
    shown = page.evaluate("[...document.images].filter(each => each.src).every(each => each.naturalWidth > 0)")
    assert shown
    page.screenshot(path=pictures / f"report_{width}_{scheme}.png", full_page=True)
    other = "light" if scheme == "dark" else "dark"
    page.locator("#theme").click()
    assert ground_of(page) == colour(other)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_vessels_turn_with_the_mouse(opened, pictures, width):
    page = opened(width, "dark")
    place = scene(page, 1)  # with the skeleton
    plot = place.locator(".plot")
    before = pixels(plot)
    empty = before[before.shape[0] // 2, 3]
    drawn = np.abs(before - empty).sum(axis=2) > 60
    assert 0.02 < drawn.mean() < 0.8
    plot.screenshot(path=pictures / f"report_{width}_scene.png")
    box = plot.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y + 30, steps=8)
    page.mouse.up()
    page.wait_for_timeout(1500)
    after = pixels(plot)
    assert (np.abs(after - before).sum(axis=2) > 60).mean() > 0.02
    plot.screenshot(path=pictures / f"report_{width}_turned.png")
    place.get_by_text("reset").click()
    page.wait_for_timeout(1500)
    assert (np.abs(pixels(plot) - before).sum(axis=2) > 60).mean() < 0.01


def test_surface_and_skeleton_can_be_shown_alone(opened):
    place = scene(opened("wide", "light"), 1)
    both = pixels(place.locator(".plot"))
    seen = [both]
    for name in ("skeleton", "surface"):
        place.locator(f"[name={name}]").click()
        place.page.wait_for_timeout(1500)
        seen.append(pixels(place.locator(".plot")))
    drawn = [(np.abs(each - each[-3, 3]).sum(axis=2) > 60).mean() for each in seen]
    assert drawn[1] > 0.02
    assert drawn[2] < drawn[1] / 2


def test_tables_are_sorted_and_pictures_enlarged(opened):
    page = opened("wide", "dark")
    names = page.locator(".sortable tbody th")
    assert names.all_text_contents() == ["bad", "good"]
    page.locator(".sortable").get_by_text("Dice").click()
    assert names.all_text_contents() == ["good", "bad"]
    page.locator(".frame").first.click()
    assert page.locator("dialog").is_visible()
    page.locator("dialog button").click()
    assert not page.locator("dialog").is_visible()


def test_it_prints_on_white_with_all_volumes(opened, pictures):
    page = opened("wide", "dark")
    page.locator("summary").nth(1).click()
    assert page.locator("details[open]").count() == 1
    page.emulate_media(media="print", color_scheme="dark")
    assert ground_of(page) == (255, 255, 255)
    page.screenshot(path=pictures / "report_print.png", full_page=True)
    assert len(page.pdf(path=pictures / "report.pdf", format="A4")) > 50_000
