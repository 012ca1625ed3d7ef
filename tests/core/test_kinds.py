"""What counts as a value of a kind."""

import pytest

from scripts.core import kinds


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (kinds.whole_number(1), [1, 7], [0, 1.5, True, "1"]),
        (kinds.between(0, 1), [0, 0.5, 1], [-0.1, 1.1, True, "0.5"]),
        (kinds.BOOLEAN, [True, "False"], [1, "yes"]),
        (kinds.CHANNEL, [0, 3, "depth"], [-1, "Z", 0.5]),
        (kinds.SIDES, [[64, 64, 32]], [[64, 64], [64, 64, 0], [64, 64, 1.5]]),
        (kinds.PATHS, ["a", ["a", "b"]], ["", [], ["a", ""], "a\0"]),
        (kinds.NAMES, [["a"], []], ["a", [1]]),
    ],
)
def test_a_kind_takes_its_values_and_no_others(kind, taken, refused):
    assert all(kind.accepts(value) for value in taken)
    assert not any(kind.accepts(value) for value in refused)
