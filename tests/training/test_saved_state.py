"""States that a damaged or tampered file may hold; each is refused, and nothing is changed."""

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from scripts.training.saved_state import MismatchError, check_alike, check_state, check_validator
from tests.helpers.training_examples import kept_after_an_epoch, start
from tests.helpers.volume_examples import told

MOMENTS = ("states", "optimizer", "state", 0)
GROUP = ("states", "optimizer", "param_groups", 0)
MISSING = object()


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """What a file holds after an epoch."""
    return kept_after_an_epoch(tmp_path_factory.mktemp("training"))


def spoilt(content, place, value):
    content = deepcopy(content)
    *above, last = place
    inner = content
    for name in above:
        inner = inner[name]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value(inner[last]) if callable(value) else value
    return content


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("epoch",), True),
        (("epoch",), -1),
        (("epoch",), math.inf),
        (("epoch",), torch.tensor(1)),
        (("iteration",), [3]),
        (("iteration",), 10**400),
        (("fingerprint",), torch.ones(2)),
        (("fingerprint",), {"seed": torch.ones(2)}),
        (("states",), 3),
        (("validator",), {}),
        (("validator", "terminate"), True),
        (("validator", "times"), {}),
        (("validator", "best_metric"), ""),
        (("validator", "best_metric"), torch.tensor([math.nan])),
        (("validator", "best_metric"), math.inf),
        (("validator", "best_metric_epoch"), 1.5),
        (("validator", "metrics"), [1.0]),
        (("validator", "metrics"), {"score": math.nan}),
        (("states", "network"), {}),
        (("states", "network", "0.bias"), MISSING),
        (("states", "network", "0.bias"), lambda old: old * math.nan),
        (("states", "network", "0.bias"), lambda old: old[:1]),
        (("states", "network", "0.bias"), lambda old: old.double()),
        (("states", "network", "0.bias"), torch.ones(1).expand(2**40)),
        (("states", "network", "0.bias"), torch.empty(4, device="meta")),
        (("states", "network", "0.bias"), [1.0] * 4),
        (("states", "optimizer"), MISSING),
        (("states", "optimizer"), []),
        (("states", "optimizer", "param_groups"), MISSING),
        (("states", "optimizer", "param_groups"), []),
        (("states", "optimizer", "state"), 1),
        (("states", "optimizer", "state", 99), {}),
        (MOMENTS, torch.ones(1)),
        ((*MOMENTS, "exp_avg"), MISSING),
        ((*MOMENTS, "exp_avg"), lambda old: old[:1]),
        ((*MOMENTS, "exp_avg"), lambda old: old[:1, :, :1]),
        ((*MOMENTS, "exp_avg"), lambda old: old * math.nan),
        ((*MOMENTS, "exp_avg"), lambda old: old.to(torch.float8_e4m3fn)),
        ((*MOMENTS, "exp_avg"), torch.ones(1).expand(2**40)),
        ((*MOMENTS, "exp_avg_sq"), lambda old: -old - 1),
        ((*MOMENTS, "step"), math.nan),
        ((*MOMENTS, "step"), 1e39),  # finite in Python, infinite in the single precision that it is held in
        ((*MOMENTS, "step"), torch.tensor(math.inf)),
        ((*MOMENTS, "step"), "3"),
        ((*MOMENTS, "step"), torch.tensor(-1.0)),
        ((*GROUP, "params"), MISSING),
        ((*GROUP, "params"), [3, 2, 1, 0]),
        ((*GROUP, "params"), [10**400, 1, 2, 3]),
        ((*GROUP, "lr"), math.nan),
        ((*GROUP, "lr"), -0.1),
        ((*GROUP, "lr"), torch.tensor(0.1)),
        ((*GROUP, "lr"), True),
        ((*GROUP, "betas"), (0.9, 1.5)),
        ((*GROUP, "betas"), 0.9),
        ((*GROUP, "betas"), MISSING),
        ((*GROUP, "eps"), None),
        ((*GROUP, "eps"), 1.0),
        ((*GROUP, "amsgrad"), True),
        ((*GROUP, "maximize"), True),
        ((*GROUP, "weight_decay"), 0.5),
        ((*GROUP, "capturable"), True),
        (("states", "lr_scheduler", "gamma"), "x"),
        (("states", "lr_scheduler", "last_epoch"), 1.5),
        (("states", "lr_scheduler", "base_lrs"), []),
        (("states", "lr_scheduler", "_last_lr"), [math.nan]),
        (("states", "lr_scheduler", "step"), 3),
        (("states", "guard"), {}),
        (("states", "guard", "skipped"), -1),
        (("states", "patience", "counter"), 1.5),
        (("states", "patience", "best"), "good"),
        (("states", "table", "rows"), torch.ones(1)),
        (("states", "table", "rows"), [torch.ones(1)]),
        (("states", "table", "rows"), [{"epoch": "one"}]),
        (("states", "table", "rows"), [{3: 1.0}]),
    ],
    ids=lambda value: (
        "missing" if value is MISSING else None if callable(value) or isinstance(value, torch.Tensor) else str(value)
    ),
)
def test_what_is_spoilt_is_refused_before_anything_is_changed(tmp_path, content, place, value):
    torch.save(spoilt(content, place, value), tmp_path / "resume.pt")
    run = start(tmp_path, patience=3)
    before = deepcopy(
        ({name: part.state_dict() for name, part in run.state.stateful.items()}, vars(run.validator.state))
    )
    with pytest.raises(ValueError, match=r"resume\.pt") as info:
        run.state.restore(run.trainer)
    told(info, tmp_path / "resume.pt", "train from the start without --resume")
    after = ({name: part.state_dict() for name, part in run.state.stateful.items()}, vars(run.validator.state))
    assert str(after) == str(before)
    assert run.trainer.state.epoch == 0


def test_what_is_whole_is_taken(tmp_path, content):
    torch.save(content, tmp_path / "resume.pt")
    run = start(tmp_path, seed=9, patience=3)
    moment = content["states"]["optimizer"]["state"][0]
    before = deepcopy(moment)
    run.state.restore(run.trainer)
    assert run.trainer.state.epoch == content["epoch"]
    assert str(moment) == str(before)  # the step that tries the optimiser out has left it as it was
    assert str(run.optimizer.state_dict()["state"][0]) == str(before)


@pytest.mark.parametrize(
    "make",
    [
        lambda weights: torch.optim.SGD(weights, 0.1),
        lambda weights: torch.optim.SGD(weights, 0.1, momentum=0.9),
        lambda weights: torch.optim.AdamW(weights, 0.1, amsgrad=True),
        lambda weights: torch.optim.Adafactor(weights, 0.1),
        lambda weights: torch.optim.Rprop(weights, 0.1),
        lambda weights: torch.optim.NAdam([{"params": weights[:1], "lr": 1}, {"params": weights[1:]}], 0.1),
    ],
    ids=["SGD", "momentum", "AdamW", "Adafactor", "Rprop", "groups"],
)
def test_any_optimiser_goes_on_from_its_own_state(make):
    network = nn.Linear(3, 2)
    optimizer = make([*network.parameters()])
    fresh = make([*network.parameters()])
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5, cycle_momentum=False)
    torch.optim.lr_scheduler.OneCycleLR(fresh, 0.1, total_steps=5, cycle_momentum=False)
    network(torch.ones(3)).sum().backward()
    optimizer.step()
    schedule.step()
    check_state("optimizer", fresh, optimizer.state_dict())


@pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer),
        lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 4]),
        lambda optimizer: torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch),
        lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4),
    ],
    ids=["plateau", "steps", "lambda", "cosine"],
)
def test_any_schedule_goes_on_from_its_own_state(make):
    used, fresh = (make(torch.optim.SGD(nn.Linear(1, 1).parameters(), 1)) for _ in range(2))
    for _ in range(3):
        used.optimizer.step()
        used.step(*[1.0] if isinstance(used, torch.optim.lr_scheduler.ReduceLROnPlateau) else [])
    check_state("lr_scheduler", fresh, used.state_dict())


def test_a_score_that_was_undefined_may_be_the_best():
    own = {"epoch": 2, "metrics": {}, "best_metric": math.nan, "best_metric_epoch": 2}
    check_validator(own)
    check_validator(own | {"before": {"score": 0.5}})  # of a fine-tuning
    for before in ([0.5], {"score": math.nan}, {"score": "best"}):
        with pytest.raises(MismatchError, match=r"validator\.before"):
            check_validator(own | {"before": before})


def test_counts_are_whole_numbers():
    with pytest.raises(MismatchError, match="steps is not a whole number from 0"):
        check_alike("steps", 0, 1.0)
    check_alike("rates", [1], [0.5])
