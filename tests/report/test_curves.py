"""Curves: what is drawn, and what cannot be drawn."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from scripts.metrics import curves_of, mean_curves
from scripts.report import overlay_curves
from scripts.report.curves import _short_names, write_curves
from scripts.report.panel import MAX_COLOURED
from scripts.report.theme import THEMES
from tests.helpers.counts_examples import HALF, counts, noisy

GROUND, TEXT, COLOURS = THEMES["dark"].ground, THEMES["dark"].text, THEMES["dark"].lines


def drawn(path, colour):
    """How many pixels of a picture have this colour."""
    return int((np.abs(imread(path)[..., :3] - to_rgb(colour)).max(axis=-1) < 0.02).sum())


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_what_is_written(tmp_path):
    cases = {f"case {i}": curves_of(counts(*noisy(i, 5000))) for i in range(2)}
    cases["empty"] = curves_of(counts([1, -1], [0, 0]))
    write_curves(tmp_path / "new", cases, 0.25)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "calibration.png",
        "curves.json",
        "precision_recall.png",
        "roc.png",
    ]
    content = json.loads((tmp_path / "new" / "curves.json").read_text())
    assert content == {"threshold": 0.25, "mean": mean_curves(list(cases.values())), "cases": cases}
    for kind in ("roc", "precision_recall"):
        path = tmp_path / "new" / f"{kind}.png"
        assert drawn(path, GROUND) > 0.8 * np.prod(imread(path).shape[:2])
        assert drawn(path, TEXT) > 2000  # the mean
        assert [drawn(path, colour) > 200 for colour in COLOURS[:3]] == [True, True, False]


def test_one_case_is_its_own_mean_and_many_are_grey(tmp_path):
    case = curves_of(counts(*noisy(0, 5000)))
    for number in (1, MAX_COLOURED, MAX_COLOURED + 1):
        write_curves(tmp_path / str(number), {f"case {i}": case for i in range(number)}, 0.5)
        coloured = [drawn(tmp_path / str(number) / "roc.png", colour) > 20 for colour in COLOURS]
        assert all(coloured) if number == MAX_COLOURED else not any(coloured)


def test_nothing_defined_leaves_no_picture(tmp_path, caplog):
    """Nor one of an earlier evaluation."""
    write_curves(tmp_path, {"case": curves_of(counts(*HALF))}, 0.5)
    write_curves(tmp_path, {"case": curves_of(counts(HALF[0], [-1, -1, -1, -1]))}, 0.5)
    assert [path.name for path in tmp_path.iterdir()] == ["curves.json"]
    assert "roc.png: the curve is undefined in every case" in caplog.text


def test_names_of_any_kind_stand_in_the_legend(tmp_path, monkeypatch):
    """A formula, a name that Matplotlib would leave out, one with characters that no font has, a long one."""
    drawn = {}
    monkeypatch.setattr("scripts.report.curves.save", lambda figure, path: drawn.update({path.name: figure}))
    names = ["$x^2$", "_hidden", "\U000f0000", "long_" * 30]
    cases = {name: curves_of(counts(*noisy(i, 500))) for i, name in enumerate([*names[:2], "\U000f0000", names[3]])}
    write_curves(tmp_path, cases, 0.5, "light")
    legend = drawn["roc.png"].axes[0].get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == 7  # with the mean, the marks and chance
    assert texts[0].startswith("$x^2$  AUROC 0.")
    assert texts[1].startswith("_hidden  AUROC")
    assert texts[2].startswith("\\U000f0000  AUROC")
    assert "…" in texts[3]
    assert texts[5:] == ["marks: at threshold 0.5", "chance"]
    assert not any(text.get_parse_math() for text in legend.get_texts())


def test_curves_in_the_light(tmp_path):
    write_curves(tmp_path, {"case": curves_of(counts(*noisy(0, 5000)))}, 0.25, "light")
    path = tmp_path / "roc.png"
    assert drawn(path, THEMES["light"].ground) > 0.8 * np.prod(imread(path).shape[:2])
    assert drawn(path, THEMES["light"].text) > 1500
    with pytest.raises(ValueError, match="--theme blue"):
        write_curves(tmp_path / "new", {}, 0.5, "blue")
    assert not (tmp_path / "new").exists()


# -- several runs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(tmp_path):
    """Evaluations of two losses, and their folder."""
    for seed, loss in enumerate(("dice", "focal")):
        write_curves(tmp_path / loss / "eval", {"case": curves_of(counts(*noisy(seed, 5000)))}, 0.5)
    return tmp_path


def test_runs_over_one_another(runs):
    folders = [str(runs / loss / "eval") for loss in ("dice", "focal")]
    path = overlay_curves(folders, str(runs / "out" / "both.png"))
    assert [drawn(path, colour) > 200 for colour in COLOURS[:3]] == [True, True, False]
    height, width = imread(path).shape[:2]
    assert width > 1.8 * height  # ROC, and precision and recall beside it
    one = overlay_curves(folders[1] + "/curves.json", str(runs / "one.png"))
    assert [drawn(one, colour) > 200 for colour in COLOURS[:2]] == [True, False]


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["a/eval", "b/eval"], ["a", "b"]),
        (["x/a", "x/b/c"], ["a", "b/c"]),
        (["x/eval"], ["eval"]),
        (["a/eval", "a/eval_2"], ["eval", "eval_2"]),
    ],
)
def test_names_are_what_differs(folders, names, tmp_path):
    assert _short_names([tmp_path / folder for folder in folders]) == names


def test_what_cannot_be_drawn(runs, tmp_path):
    dice, out = str(runs / "dice" / "eval"), str(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError, match=r"nowhere/curves\.json: no such file; evaluate with configs/evaluate"):
        overlay_curves([dice, "nowhere"], out)
    with pytest.raises(ValueError, match="2 for 1 evaluations"):
        overlay_curves(dice, out, names=["a", "b"])
    with pytest.raises(ValueError, match="not all different"):
        overlay_curves([dice, str(runs / "focal" / "eval")], out, names=["a", "a"])
    file = runs / "focal" / "eval" / "curves.json"
    undefined = {"mean": mean_curves([curves_of(counts([1, -1], [0, 0]))])}
    for text in ("{", "[]", "{}", '{"mean": null}', json.dumps(undefined)):
        file.write_text(text)
        with pytest.raises(ValueError, match=r"curves\.json: holds no mean curves; evaluate again"):
            overlay_curves([dice, str(file)], out)
    assert not (tmp_path / "x.png").exists()


def test_the_command(runs, python_m):
    words = ["curves", "--evaluations", f"['{runs}/dice/eval','{runs}/focal/eval']", "--output_path", f"{runs}/v.png"]
    python_m("scripts", *words).ok()
    assert drawn(runs / "v.png", COLOURS[1]) > 200


def test_an_evaluation_named_twice(tmp_path):
    with pytest.raises(ValueError, match=r"^--evaluations: names .* more than once; name each evaluation once"):
        overlay_curves([str(tmp_path), str(tmp_path)], str(tmp_path / "curves.png"))


def test_curves_that_are_nested_too_deep(tmp_path):
    (tmp_path / "curves.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"curves\.json: holds no mean curves; evaluate again"):
        overlay_curves(str(tmp_path), str(tmp_path / "curves.png"))
