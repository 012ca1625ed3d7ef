import base64
import gzip
import json
from dataclasses import replace

import numpy as np
import pytest

from scripts.core import UserError
from scripts.io import write_volume
from scripts.report.page import Reading, find_cases, section, voxels
from scripts.report.page.section import as_data, section_of
from tests.report.page.examples import GEOMETRY, SHAPE, paths_in, vessels, write_results


@pytest.fixture
def found(tmp_path):
    dataset, out = write_results(tmp_path)
    images, labels = paths_in(dataset)
    bad, good = find_cases(out, images, labels)[0]
    return good, bad


def test_all_of_a_volume(found):
    made = section_of(found[0], Reading())
    assert [len(row) for row in made.slices] == [4, 4, 4]
    assert [len(row) for row in made.projections] == [4, 4, 4]
    assert len(made.pictures()) == 25
    assert made.skeleton[1:] == ("1", "3 µm")
    assert [chart.title for chart in made.charts] == [
        "ROC curve", "Precision and recall", "Calibration", "Radius", "Length"
    ]  # fmt: skip
    assert dict(made.facts)["volume"] == "40×36×15 voxels of 1×1×2 µm"
    assert ("branches", "3") in made.summary
    assert made.missing == []
    assert made.notes == []


def test_the_scene_can_be_unpacked(found):
    pytest.importorskip("plotly")
    made = section_of(found[0], Reading(triangles=5000))
    view = json.loads(gzip.decompress(base64.b64decode(made.scene)))
    assert [trace["name"] for trace in view["data"]] == ["surface", "skeleton"]
    assert "triangles" in made.scene_words


def test_what_is_missing_names_its_command(found):
    bare = replace(found[1], image=None, label=None, probability=None, scores={}, curves={})
    made = section_of(bare, Reading(output="OUT"))
    commands = [command for _, command in made.missing]
    assert commands == [
        "tubenet report OUT --dataset_dir DATASET",
        "tubenet segment DATASET OUT --save_probability true",
        "tubenet evaluate DATASET OUT",
        "tubenet analyse OUT OUT",
    ]
    unlabelled = section_of(replace(found[0], label=None, segmentation=None), Reading(output="OUT"))
    assert [command for _, command in unlabelled.missing] == [
        "tubenet report OUT --dataset_dir DATASET",
        "tubenet segment DATASET OUT",
    ]


def test_scores_alone(found):
    made = section_of(replace(found[1], image=None, label=None, segmentation=None, probability=None), Reading())
    assert made.slices == []
    assert [chart.title for chart in made.charts] == ["ROC curve", "Precision and recall", "Calibration"]


def test_a_large_volume_is_shown_in_part_and_the_page_says_so(found, monkeypatch):
    monkeypatch.setattr(section, "MAX_SHOWN", 3000)
    monkeypatch.setattr(voxels, "MAX_BLOCK", 2000)
    made = section_of(found[0], Reading(region="10:40,:,:"))
    (note,) = made.notes
    assert "2 along X, 2 along Y" not in note or "pictures show every so many" in note
    assert max(max(picture.pixels.shape[:2]) for row in made.slices for picture in row) < 36
    assert made.slices[0][0].size == pytest.approx((40, 36), abs=4)


def test_a_region_hides_the_rest_of_the_label(found):
    whole, part = (dict(section_of(found[0], Reading(region=region)).facts)["label"] for region in (None, "0:20,:,:"))
    assert (whole, part) == ("all voxels", "50 % of the voxels")


def test_classes_have_their_names(found):
    classes = vessels() * (1 + (np.arange(SHAPE[1]) > 18)[None, :, None]).astype(np.uint8)
    write_volume(found[0].segmentation, classes, **GEOMETRY)
    made = section_of(found[0], Reading(class_names=["artery"]))
    words = [words for _, words in made.legend["projections"]]
    assert words[:2] == ["artery", "class 2"]


def test_an_empty_segmentation_has_no_scene(found):
    write_volume(found[0].segmentation, np.zeros(SHAPE, np.uint8), **GEOMETRY)
    made = section_of(found[0], Reading())
    assert made.scene == ""
    assert made.notes == ["No voxel is segmented, so there is no view in three dimensions."]


@pytest.mark.parametrize("which", ["segmentation", "label", "probability", "skeleton"])
def test_other_voxels_are_refused(found, which):
    write_volume(getattr(found[0], which), np.zeros((4, 5, 6), np.uint8), **GEOMETRY)
    with pytest.raises(UserError, match=r"has \(4, 5, 6\) voxels"):
        section_of(found[0], Reading())


def test_without_plotly_the_page_says_so(found, monkeypatch):
    monkeypatch.setattr(section, "find_spec", lambda name: None)
    made = section_of(found[0], Reading())
    assert made.scene == ""
    assert "plotly is not installed" in made.notes[0]


def test_a_png_is_an_address():
    assert as_data(b"abc") == "data:image/png;base64,YWJj"
