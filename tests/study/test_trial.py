from pathlib import Path

from scripts.study import Trial


def test_a_trial_needs_no_more_than_data_and_levels():
    trial = Trial("focal", 0, None, Path("rest"), {"loss": "focal"})
    assert (trial.configs, trial.options, trial.about) == ((), {}, {})
