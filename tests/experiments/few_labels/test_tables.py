"""Means, spreads and tables, by hand."""

import pytest

from experiments.few_labels.plan import BLOCK, SLICES, WHOLE, Cut
from experiments.few_labels.tables import (
    ORACLE,
    ZERO_SHOT,
    Scores,
    about_table,
    block_tables,
    method_table,
    size_table,
    whole_table,
    with_spread,
)
from experiments.few_labels.trial import FINE_TUNED, FROM_SCRATCH
from scripts.study import Part

NAN = float("nan")
BOX = Part(((0, 8), (0, 8), (0, 8)))


def row(volume, state, method, dice, side="", seed="", **more):
    scores = {"dice": dice, "cldice": NAN, "auroc": 0.9, "average_precision": dice + 0.1, "seconds": NAN}
    about = {"volume": volume, "kind": volume[0], "state": state, "weights": method, "side": side, "seed": seed}
    return {**about, **scores, **more}


def cut(kind, *sides):
    return Cut(kind, dict.fromkeys(sides, BOX), BOX, {"trains": "`0:8,0:8,0:8`", "scored": "90 %"})


ROWS = [
    row("a_1", WHOLE, ZERO_SHOT, 0.5),
    row("a_1", WHOLE, "blur 1, Li", 0.25),
    row("a_2", WHOLE, ZERO_SHOT, 0.7),
    row("b_1", WHOLE, ZERO_SHOT, 0.2, average_precision=NAN),
    row("a_1", BLOCK, ORACLE, 0.45, average_precision=NAN, auroc=NAN),
    row("a_1", BLOCK, ZERO_SHOT, 0.5),
    row("a_1", BLOCK, FINE_TUNED, 0.6, "32", "0", seconds=90.4),
    row("a_1", BLOCK, FINE_TUNED, 0.8, "32", "1", seconds=109.4),
    row("a_1", BLOCK, FINE_TUNED, 0.55, "16", "0"),
    row("a_1", BLOCK, FROM_SCRATCH, 0.4, "32", "0", seconds=100.0),
    row("b_1", BLOCK, ZERO_SHOT, 0.1),
    row("b_1", BLOCK, FINE_TUNED, 0.3, "16", "0", seconds=80.0),
    row("a_1", SLICES, ZERO_SHOT, 0.52),
    row("a_1", SLICES, FINE_TUNED, 0.72, "5", "0", seconds=95.0),
]


@pytest.mark.parametrize(
    ("values", "told"), [([], "–"), ([0.12345], "0.123"), ([0.6, 0.8], "0.700 ± 0.141"), ([1, 1, 1], "1.000 ± 0.000")]
)
def test_mean_and_spread(values, told):
    assert with_spread(values) == told


def test_volumes_as_they_are_with_the_mean_over_kinds():
    """Two of kind a and one of b: 0.6 and 0.2 make 0.4; what is undefined is left out."""
    head, _, *rows, mean = whole_table(Scores(ROWS), ["a_1", "a_2", "b_1"]).splitlines()
    assert head.startswith("| volume | Dice | clDice | AUROC | AP | Dice: blur 1, Li | ")
    assert rows[0] == "| a_1 | 0.500 | – | 0.900 | 0.600 | 0.250 | – | – | – |"
    assert mean == "| mean over kinds | 0.400 | – | 0.900 | 0.700 | 0.250 | – | – | – |"


def test_without_several_kinds_there_is_no_mean():
    assert "mean" not in whole_table(Scores(ROWS), ["a_1", "a_2"])


def test_a_block_is_compared_with_all_else_a_table_a_score():
    """The main side of each volume; the mean over kinds is of the means of seeds: (0.7 + 0.3) / 2."""
    dice, auroc, precision, seconds = block_tables(
        Scores(ROWS), {"a_1": cut(BLOCK, "32", "16"), "b_1": cut(BLOCK, "16")}
    ).split("\n\n")
    assert dice.splitlines() == [
        "| Dice | best global threshold | zero-shot | fine-tuned | from scratch |",
        "|---|---|---|---|---|",
        "| a_1 | 0.450 | 0.500 | 0.700 ± 0.141 | 0.400 |",
        "| b_1 | – | 0.100 | 0.300 | – |",
        "| mean over kinds | 0.450 | 0.300 | 0.500 | 0.400 |",
    ]
    assert auroc.splitlines()[0] == "| AUROC | zero-shot | fine-tuned | from scratch |"
    assert precision.splitlines()[2] == "| a_1 | 0.600 | 0.800 ± 0.141 | 0.500 |"
    assert seconds.splitlines()[0] == "| seconds | fine-tuned | from scratch |"
    assert seconds.splitlines()[2] == "| a_1 | 100 ± 13 | 100 |"


def test_a_row_for_each_method():
    told = method_table(Scores(ROWS), {"a_1": cut(SLICES, "5")}, (ORACLE, ZERO_SHOT, FINE_TUNED)).splitlines()
    assert told[2:] == [
        "| a_1 | zero-shot | 0.520 | – | 0.900 | 0.620 | – |",
        "| a_1 | fine-tuned | 0.720 | – | 0.900 | 0.820 | 95 |",
    ]


def test_scores_by_the_size_of_the_block():
    cuts = {"a_1": cut(BLOCK, "32", "16"), "b_1": cut(BLOCK, "16")}
    assert size_table(Scores(ROWS), cuts).splitlines() == [
        "| AP / Dice | zero-shot | 16 voxels | 32 voxels |",
        "|---|---|---|---|",
        "| a_1 | 0.600 / 0.500 | 0.650 / 0.550 | 0.800 ± 0.141 / 0.700 ± 0.141 |",
        "| b_1 | 0.200 / 0.100 | 0.400 / 0.300 | – |",
    ]
    assert about_table(cuts).splitlines()[2] == "| a_1 | `0:8,0:8,0:8` | 90 % |"
