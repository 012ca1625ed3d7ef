import csv

from scripts.report import score_table, write_score_csv

ONE_CLASS = {
    "cases": {
        "retina": {"dice": 0.66666, "average_precision": 1.0, "centreline_sensitivity": None},
        "b": {"dice": 0.1, "average_precision": 1 / 3, "centreline_sensitivity": 0.00004},
    },
    "mean": {"dice": 0.38333, "average_precision": 2 / 3, "centreline_sensitivity": 0.00004},
    "threshold": 0.332,
}
BY_HAND = """\
          dice    average   centreline
                precision  sensitivity
--------------------------------------
retina  0.6667     1.0000            -
b       0.1000     0.3333       0.0000
--------------------------------------
mean    0.3833     0.6667       0.0000"""

ARTERY = {"dice": 0.5, "dice.artery": 0.25, "dice.vein 2.0": 0.75}
CLASSES = {"cases": {"v": ARTERY, "w": ARTERY | {"dice.artery": None}}, "mean": ARTERY, "threshold": 0.5}
CLASSES_BY_HAND = """\
              dice
------------------
v           0.5000
  artery    0.2500
  vein 2.0  0.7500
w           0.5000
  artery         -
  vein 2.0  0.7500
------------------
mean        0.5000
  artery    0.2500
  vein 2.0  0.7500"""


WITH_VOXELS = """\
              dice  labelled voxels
-----------------------------------
v           0.5000             1200
  artery    0.2500                 
  vein 2.0  0.7500                 
w           0.5000               30
  artery         -                 
  vein 2.0  0.7500                 
-----------------------------------
mean        0.5000                 
  artery    0.2500                 
  vein 2.0  0.7500                 """  # noqa: W291


def test_how_many_voxels_are_labelled():
    assert score_table(CLASSES, {"v": 1200, "w": 30}) == WITH_VOXELS
    table = score_table(ONE_CLASS, {"retina": 7, "b": 123456}).splitlines()
    assert [line.split()[-1] for line in table[1:6]] == ["voxels", "-" * 48, "7", "123456", "-" * 48]
    assert {len(line) for line in table} == {48}


def test_the_table_by_hand():
    assert score_table(ONE_CLASS) == BY_HAND
    assert score_table(CLASSES) == CLASSES_BY_HAND


def test_the_same_numbers_as_csv(tmp_path):
    write_score_csv(tmp_path / "new" / "one.csv", ONE_CLASS)
    header, *rows = csv.reader((tmp_path / "new" / "one.csv").open(newline=""))
    assert header == ["volume", "dice", "average_precision", "centreline_sensitivity", "threshold"]
    scores = {**ONE_CLASS["cases"], "mean": ONE_CLASS["mean"]}
    assert [row[0] for row in rows] == list(scores)
    for (_, *cells), expected in zip(rows, scores.values(), strict=True):
        assert [float(cell) if cell else None for cell in cells] == [*expected.values(), 0.332]


def test_what_the_scores_are_of_as_csv(tmp_path):
    about = {"weights": "model.pt", "weights_sha256": "abc", "region": "0:4,0:4,0:4"}
    write_score_csv(tmp_path / "x.csv", ONE_CLASS, {"retina": 7, "b": 9}, about)
    rows = list(csv.DictReader((tmp_path / "x.csv").open(newline="")))
    assert [row["labelled_voxels"] for row in rows] == ["7", "9", ""]
    assert all({name: row[name] for name in about} == about and row["threshold"] == "0.332" for row in rows)


def test_several_classes_and_awkward_names_as_csv(tmp_path):
    name = 'a, "b"\nµ'
    write_score_csv(tmp_path / "x.csv", {**CLASSES, "cases": {name: ARTERY}})
    rows = list(csv.DictReader((tmp_path / "x.csv").open(newline="", encoding="utf-8")))
    assert rows[0] == {
        "volume": name,
        "dice": "0.5",
        "dice.artery": "0.25",
        "dice.vein 2.0": "0.75",
        "threshold": "0.5",
    }


MANY = ("dice", "precision", "recall", "auroc", "average_precision", "cldice", "centreline_sensitivity")
MANY += ("length_error", "hausdorff_95", "surface_dice", "betti0_error", "betti1_error", "volume_error")
MANY += ("expected_calibration_error",)


def test_what_would_be_too_wide_is_a_second_table():
    scores = dict.fromkeys(MANY, 0.5) | {"hausdorff_95": 0.00497, "betti0_error": 12345.0, "betti1_error": 7}
    metrics = {"cases": {"retina": scores}, "mean": scores, "threshold": 0.5}
    first, second = score_table(metrics, {"retina": 1200}).split("\n\n")
    assert all(len(line) <= 100 for line in [*first.split("\n"), *second.split("\n")])
    assert first.split("\n")[0].split()[-4:] == ["cldice", "centreline", "length", "hausdorff"]
    assert "0.00497" in first  # a length in millimetres has four digits
    assert second.split("\n")[0].split() == ["surface", "betti0", "betti1", "volume", "expected", "labelled"]
    assert second.split("\n")[4].split() == ["retina", "0.5000", "12345", "7", "0.5000", "0.5000", "1200"]
