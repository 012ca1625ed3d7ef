import math

import pytest

from scripts.core import UserError
from scripts.report.page import Case
from scripts.report.page.score import (
    by_class,
    cell,
    meaning_of,
    metrics_of,
    name_of,
    ordering_metric,
    rows,
    worst_first,
)

CASES = [Case(name, scores=scores) for name, scores in {
    "a": {"dice": 0.9, "hausdorff_95": 1.0}, "b": {"dice": None}, "c": {"dice": 0.2, "hausdorff_95": 7.0}, "d": {},
}.items()]  # fmt: skip


def order(metric):
    return "".join(case.name for case in worst_first(CASES, metric))


def test_the_worst_come_first_and_the_undefined_last():
    assert order("dice") == "cabd"
    assert order("hausdorff_95") == "cabd"  # less is better
    assert order(None) == "abcd"


def test_dice_orders_unless_another_is_asked_for():
    assert ordering_metric("", ["recall", "dice"]) == "dice"
    assert ordering_metric("", ["cldice"]) == "cldice"
    assert ordering_metric("recall", ["recall", "dice"]) == "recall"
    assert ordering_metric("", []) is None
    with pytest.raises(UserError, match="--sort_by recal: was not scored; give one of recall, dice"):
        ordering_metric("recal", ["recall", "dice"])


def test_rows_of_the_table():
    names = ["dice", "hausdorff_95"]
    one, two, *_ = rows(CASES, names, "dice")
    assert (one.name, one.number, one.share) == ("a", 1, 0.9)
    assert one.cells == [(0.9, "0.900"), (1.0, "1.000")]
    assert two.cells == [(None, "–"), (None, "–")]
    assert rows(CASES, names, "hausdorff_95")[0].share is None


def test_classes_have_rows_of_their_own():
    scores = {"dice": 0.5, "dice.artery": 0.6, "dice.vein": 0.4, "recall": 0.3, "recall.vein": None}
    assert metrics_of({"mean": scores}, []) == ["dice", "recall"]
    assert by_class(scores, ["dice", "recall"]) == {"artery": ["0.600", "–"], "vein": ["0.400", "–"]}


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (math.nan, "–"), (0.12345, "0.123"), (123.456, "123.5")])
def test_numbers_as_text(value, text):
    assert cell(value) == text


def test_a_metric_nobody_knows_has_a_name_all_the_same():
    assert (name_of("dice"), name_of("my_score")) == ("Dice", "My score")
    assert meaning_of("my_score") == ""


def test_every_metric_of_an_evaluation_has_its_words():
    from scripts.metrics import METRICS
    from scripts.report.page.score import WORDS

    assert {name for name in METRICS if not name.startswith("best_")} == set(WORDS)
