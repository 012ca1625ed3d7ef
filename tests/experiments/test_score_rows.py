"""Means over kinds in a table, by hand, and rows that a CSV file gives back as they were."""

from experiments.score_rows import SCORES, Table, tables

NAN = float("nan")
RAW = "raw"


def test_synthetic_volumes_are_a_kind_outside_the_mean():
    """Two volumes of one kind and one of another: 0.5 and 0.1 make 0.3."""
    scores = dict.fromkeys(("auroc", "best_dice", "dice", "cldice", "dice_stated", "cldice_stated"), 0.5)
    volumes = {"a_1": ("a", 0.4), "a_2": ("a", 0.6), "b_1": ("b", 0.1), "synthetic_7": ("synthetic", 0.9)}
    rows = [
        {**scores, "weights": "w", "state": RAW, "volume": name, "kind": kind, "average_precision": value}
        for name, (kind, value) in volumes.items()
    ]
    head, _, line, _, each, _, last = tables([*rows[:-1], {**rows[-1], "cldice": NAN}], 0.4).splitlines()
    assert "| Dice at 0.4 | clDice at 0.4 | a: AP / best Dice / Dice | b:" in head
    assert head.endswith("| synthetic: AP / best Dice / Dice |")
    assert line.split(" | ")[2:4] == ["0.300", "0.500"]
    assert line.endswith("| 0.500 / 0.500 / 0.500 | 0.100 / 0.500 / 0.500 | 0.900 / 0.500 / 0.500 |")
    assert each.endswith("| a_1 | a_2 | b_1 | synthetic_7 |")
    assert last.endswith("| 0.900 / 0.500 / 0.500 / – |")


def test_a_row_is_worked_out_once_and_comes_back_as_it_was(tmp_path):
    """Another threshold is another row, and another name of the same weights is not."""
    about = {"weights": "w", "sha256": "ab", "volume": "a_1", "kind": "a", "state": RAW, "threshold": 0.1}
    worked = []

    def work(row):
        worked.append(row["threshold"])
        return dict.fromkeys(SCORES, row["threshold"] / 3)

    (first,) = Table(tmp_path / "rows.csv").having([(about, work)])
    again = Table(tmp_path / "rows.csv")
    assert [*again.having([({**about, "weights": "v", "kind": "b"}, work)])] == [{**first, "weights": "v", "kind": "b"}]
    assert [row["dice"] for row in again.having([({**about, "threshold": 0.3}, work), (about, work)])] == [
        0.3 / 3,
        0.1 / 3,
    ]
    assert worked == [0.1, 0.3]
