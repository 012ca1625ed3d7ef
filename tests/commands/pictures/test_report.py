"""The page of a folder of results: with and without a dataset, and what is refused."""

import pytest

from scripts.commands.pictures.report import write_report
from scripts.core import UserError
from tests.report.page.examples import write_results


@pytest.fixture
def results(tmp_path):
    return write_results(tmp_path)


def text(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_with_its_dataset(results):
    dataset, out = results
    write_report(out, dataset)
    assert "Truth: the label" in text(out)
    assert (out / "report_pictures" / "bad_xy_error.png").is_file()


def test_without_it_the_page_names_the_command(results, tmp_path):
    _, out = results
    write_report(out, output_dir=tmp_path / "page")
    page = text(tmp_path / "page")
    assert f"tubenet report {out} --dataset_dir DATASET" in page
    assert "Truth: the label" not in page
    assert not (out / "report.html").exists()


def test_a_dataset_of_one_image(results):
    dataset, out = results
    write_report(out, dataset / "images" / "good.tif")
    assert "Image, Z = 7" in text(out)


def test_a_second_page_takes_the_place_of_the_first(results):
    dataset, out = results
    for theme in ("light", "dark"):
        write_report(out, dataset, theme=theme)
    assert 'data-theme="dark"' in text(out)


def test_one_that_cannot_be_read_is_told_at_the_end(results):
    dataset, out = results
    (out / "good_branches.csv").write_text("nothing\n1\n")
    with pytest.raises(
        UserError,
        match=r"good_branches.csv: has no column radius_mean; analyse again .this 1 of 2 volumes could not be shown",
    ):
        write_report(out, dataset)
    assert "This volume could not be read" in text(out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"theme": "drak"}, "--theme drak: there is no such theme; give auto"),
        ({"sort_by": "dise"}, "--sort_by dise: was not scored"),
        ({"region": "0:3,:,:"}, "no volume has a label"),
    ],
)
def test_what_is_refused(results, options, message):
    with pytest.raises(UserError, match=message):
        write_report(results[1], **options)
    assert not (results[1] / "report.html").exists()


def test_a_dataset_of_something_else(results, tmp_path):
    other, _ = write_results(tmp_path / "other", names=("x", "y"))
    with pytest.raises(UserError, match="has no image of a result"):
        write_report(results[1], other)
