from scripts.study import PLANS


def test_every_design_has_a_plan():
    assert set(PLANS) == {"compare", "search", "block_size", "variety", "transfer"}
    assert all(callable(plan) for plan in PLANS.values())
