"""What is written beside a record, for studies of each design and at each point of their way."""

import csv

import pytest
from PIL import Image

from scripts.core import UserError
from scripts.report.study import write_study
from scripts.report.study.write import PICTURES, draw, path_of
from scripts.report.theme import THEMES
from tests.report.page.test_write import Page
from tests.report.study import records
from tests.report.study.records import compared, record, study_of, waiting, write

FILES = {
    "losses": ["csv", "png", "_scores.png", "_epochs.png", "_examples.png", "html"],
    "search": ["csv", "png", "_importance.png", "html"],
    "optimisers": ["csv", "png", "_scores.png", "html"],
    "sizes": ["csv", "png", "_scores.png", "html"],
    "variety": ["csv", "png", "html"],
    "transfer": ["csv", "png", "_scores.png", "html"],
}


@pytest.mark.parametrize("name", FILES)
def test_each_design_becomes_a_table_pictures_and_a_page(tmp_path, name):
    written = write_study(write(tmp_path, getattr(records, name)(tmp_path), name))
    assert [path.name for path in written] == [name + (each if each[0] == "_" else f".{each}") for each in FILES[name]]
    for path in written[1:-1]:
        assert min(Image.open(path).size) > 100
    page = Page(written[-1].read_text())
    images = [attributes for tag, attributes in page.elements if tag == "img" and attributes.get("class")]
    assert len(images) >= 2 * (len(written) - 3)
    assert {attributes["class"] for attributes in images} == {"in-dark", "in-light"}
    assert all(attributes["src"].startswith("data:image/png;base64,") and attributes["alt"] for attributes in images)
    assert "What is not shown" not in page.text
    assert str(tmp_path) not in written[-1].read_text()


def test_an_unfinished_study_is_written_and_says_so(tmp_path):
    written = write_study(write(tmp_path, records.losses(tmp_path, unfinished=True)), "light")
    text = Page(written[-1].read_text()).text
    assert "6 of 9 trials done, 1 failed, 1 running" in text
    assert "So far:" in text
    assert "Trial 8: it ran out of memory" in text
    with written[0].open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6 * 2 + 3
    ground = "#{:02x}{:02x}{:02x}".format(*Image.open(tmp_path / "losses.png").convert("RGB").getpixel((1, 1)))
    assert ground == THEMES["light"].ground


@pytest.mark.parametrize("design", ["compare", "search", "block_size", "variety", "transfer"])
def test_a_study_that_has_only_begun(tmp_path, design):
    trials = [waiting(0, "one", state="running"), waiting(1, "two")]
    written = write_study(write(tmp_path, record(trials, design, pictures=list(PICTURES))))
    assert [path.suffix for path in written] == [".csv", ".html"]
    assert "0 of 2 trials done" in Page(written[-1].read_text()).text


def test_a_picture_that_cannot_be_drawn_is_told_and_an_earlier_one_removed(tmp_path, caplog):
    trials = compared({"one": (0.9,)}, curves="curves.json")
    (tmp_path / "curves.json").write_text("{")
    (tmp_path / "losses.png").write_text("earlier")
    written = write_study(write(tmp_path, record(trials, pictures=["roc", "scores", "portrait"])))
    assert [path.name for path in written] == ["losses.csv", "losses_scores.png", "losses.html"]
    assert not (tmp_path / "losses.png").exists()
    text = Page(written[-1].read_text()).text
    assert "curves.json: is not JSON" in text
    assert "the picture portrait: is not known; ask for roc, scores" in text
    assert "portrait" in caplog.text


def test_the_main_picture_has_the_name_of_the_study(tmp_path):
    study = study_of(tmp_path, [], pictures=["scores", "roc"])
    assert [path_of(study, what).name for what in study.pictures] == ["losses.png", "losses_roc.png"]
    assert all(draw(what, study) is None for what in PICTURES)


def test_no_record_and_no_theme_are_refused(tmp_path):
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(UserError, match=r"x.json: is no record of a study"):
        write_study(tmp_path / "x.json")
    with pytest.raises(UserError, match="theme"):
        write_study(write(tmp_path, record([])), "pink")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["losses.json", "x.json"]
