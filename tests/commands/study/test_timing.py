from pathlib import Path

import numpy as np
import pytest

from scripts.commands.study.timing import Timing, megavoxels
from scripts.core import UserError
from scripts.study import Trial
from tests.helpers.dataset_examples import write_pair


@pytest.fixture
def scored(tmp_path):
    """2 million voxels."""
    label = np.zeros((200, 100, 100), np.uint8)
    label[:, 50] = 1
    return write_pair(tmp_path, "v", label, label)


def plan_of(scored, trained=2, as_they_are=1):
    trials = [Trial("a", seed, Path("trains"), scored, {"seed": seed}) for seed in range(trained)]
    return trials + [Trial("zero-shot", 0, None, scored, {})] * as_they_are


def test_steps_fill_what_the_minutes_leave(scored):
    """3 scorings of 2 × 5 + 10 s, 2 starts of 10 s, 2 × 4 validations of 5 s: 120 s; 2 × 4 epochs of 0.5 s a step."""
    timing = Timing(start=10, step=0.5, validate=5, score=5)
    assert timing.steps(plan_of(scored), plan_of(scored), epochs=4, minutes=4) == 30  # 120 s / 8 / 0.5
    assert timing.steps(plan_of(scored), plan_of(scored), epochs=4, minutes=5, spent=1) == 30
    assert megavoxels(scored) == 2.0


def test_where_nothing_is_trained_there_are_no_steps(scored):
    assert Timing(10, 0, 0, 5).steps(plan_of(scored, 0), plan_of(scored, 0), epochs=4, minutes=1) == 0


def test_too_few_minutes_are_refused_with_how_many_it_takes(scored):
    """120 s, and 8 epochs of 5 steps are 20 s more, and a quarter of it for a slower machine: three minutes."""
    told = "--budget 2: 2 trainings and 3 scorings take 3 minutes at the least; give --budget 3 or more"
    with pytest.raises(UserError, match=told):
        Timing(10, 0.5, 5, 5).steps(plan_of(scored), plan_of(scored), epochs=4, minutes=2)
