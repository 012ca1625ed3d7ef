"""The file from which a training is resumed, spoilt in a value, a tensor or anywhere."""

import functools
import io
import math
import tempfile
from pathlib import Path

import torch

from tests.helpers.training_examples import start

from .mutations import TEXTS, mutate_bytes, mutate_tree, odd_value
from .properties import Case, Finding, Refused, told

KNOWN = {"epoch", "metrics", "best_metric", "best_metric_epoch"}  # of the validator's state, that resuming sets


@functools.cache
def _good():
    with tempfile.TemporaryDirectory() as folder:
        run = start(Path(folder))
        run.trainer.state.epoch, run.trainer.state.iteration = 2, 6
        run.validator.state.best_metric, run.validator.state.best_metric_epoch = -0.5, 2
        run.network(torch.rand(1, 1, 4, 4, 4)).sum().backward()
        run.optimizer.step()
        run.state(run.trainer)
        return (Path(folder) / "resume.pt").read_bytes()


def _value(rng):
    tensor = torch.ones(rng.choice([1, 4]))
    return rng.choice([odd_value(rng), odd_value(rng), tensor, tensor * math.nan, tensor.long(), tensor * 1e38])


def _check(folder):
    run = start(folder)
    names, file = set(vars(run.validator.state)), folder / "resume.pt"
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    try:
        with told(file):
            run.state.restore(run.trainer)
    except Refused:
        if run.trainer.state.epoch != 0 or any(
            not torch.equal(value, before[name]) for name, value in run.network.state_dict().items()
        ):
            raise Finding("refused, but something was changed") from None
        raise
    if added := set(vars(run.validator.state)) - names - KNOWN:
        raise Finding("the file set what is not its own", str(added))
    state = run.trainer.state
    counts = (state.epoch, state.iteration, run.validator.state.epoch, run.validator.state.best_metric_epoch)
    if any(type(each) is not int or each < -1 for each in counts):
        raise Finding("counts that are none", repr(counts)[:200])
    best = run.validator.state.best_metric
    if type(best) not in (int, float) or best == math.inf:  # NaN where a validation left it undefined
        raise Finding("a best score that is none", repr(best)[:200])
    if spoilt := [name for name, value in run.network.state_dict().items() if not torch.isfinite(value).all()]:
        raise Finding("resumed weights that are not finite", spoilt[0])
    for one in run.optimizer.state.values():
        if any(isinstance(each, torch.Tensor) and not torch.isfinite(each).all() for each in one.values()):
            raise Finding("resumed moments that are not finite")
    rates = [group["lr"] for group in run.optimizer.param_groups]
    if not all(type(each) in (int, float) and 0 <= each < math.inf for each in rates):
        raise Finding("a learning rate that is none", repr(rates)[:200])
    if state.epoch < state.max_epochs:
        with told(file):
            run.trainer.run()


def make(rng, folder):
    """Write a spoilt `resume.pt`."""
    data, path, what = _good(), folder / "resume.pt", []
    if rng.random() < 0.8:
        content = torch.load(io.BytesIO(data), weights_only=True)
        for _ in range(rng.choice([1, 1, 2])):
            content, each = mutate_tree(rng, content, _value)
            what.append(each)
        if rng.random() < 0.1 and isinstance(content, dict) and isinstance(content.get("validator"), dict):
            content["validator"][rng.choice(["terminate", "times", "output", *TEXTS[:3]])] = odd_value(rng)
            what.append("more of the validator")
        with path.open("wb") as file:
            torch.save(content, file)
    else:
        data, each = mutate_bytes(rng, data)
        path.write_bytes(data)
        what.append(each)
    return Case(", ".join(what), lambda: _check(folder), _left(folder))


def _left(folder):
    """Return what a training that goes on from there writes."""
    names = (
        "resume.pt",
        "epochs.csv",
        "model_best.pt",
        "model_best.json",
        "model_last.pt",
        "model_last.json",
        "previous",
    )
    return tuple(folder / name for name in names)
