"""The trials of a study in Optuna's storage: enqueued once, each taken by one process.

Optuna is an extra (`tune`) and imported only here, when a study is run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from scripts.core import refuse

from .trial import Trial

if TYPE_CHECKING:
    import optuna

NUMBER = "number"
"""The attribute of Optuna's trials that says which of the plan each is: one that was killed is enqueued once more."""
PROBLEM = "problem"
TERMS = "terms"
"""The attribute of the study that says what it was begun with."""
FIRST, UNPRUNED = 5, 2
"""No trial is pruned before so many are complete, and none in its first epochs."""


class Storage:
    """The trials of one study, which several processes may share.

    A trial that runs holds a lock on a file of its folder, which the system lets go of when the process ends, however
    it does. So a trial that is marked as running and whose lock is free was killed, and is enqueued once more.

    Args:
        url: of Optuna's storage, such as `sqlite:///losses.db`.
        name: of the study in it.
        locks: the folder of the trials' locks, which all processes see.
        prune: whether a trial may be stopped that validates worse than half of those before it.

    Raises:
        UserError: if Optuna is not installed, or the storage cannot be opened.
    """

    def __init__(self, url: str, name: str, locks: Path, prune: bool = False) -> None:
        try:
            import optuna
            from sqlalchemy.exc import SQLAlchemyError
        except ImportError:
            refuse("tubenet study", "needs Optuna, which is not installed", "pip install 'tubenet[tune]'", OSError)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.states = optuna.trial.TrialState
        self.locks = locks
        pruner = optuna.pruners.MedianPruner(FIRST, UNPRUNED) if prune else optuna.pruners.NopPruner()
        try:
            self.backend = optuna.storages.RDBStorage(str(url))
            self.study = optuna.create_study(
                storage=self.backend, study_name=name, pruner=pruner, direction="maximize", load_if_exists=True
            )
        except (SQLAlchemyError, RuntimeError, ImportError, ValueError) as error:
            told = f"cannot be opened ({_first_line(error)})"
            refuse(_without_password(url), told, "give --storage, a URL as Optuna has them", OSError)

    def check(self, terms: Mapping[str, Any]) -> None:
        """Check that the study was begun with these terms, or not at all.

        Raises:
            UserError: if it was begun with others.
        """
        known, given = self.study.user_attrs.get(TERMS), json.loads(json.dumps(terms))
        if known is None:
            return
        if changed := [each for each in given if given[each] != known.get(each)]:
            told = f"was begun with another {changed[0]} ({_shortened(known.get(changed[0]))})"
            refuse(self.study.study_name, f"this study {told}", "give that again, or another --output_dir")

    def begin(self, terms: Mapping[str, Any], plan: Sequence[Trial]) -> None:
        """Keep what the study is of, and enqueue the trials of its plan that are not there yet.

        What is refused before, such as minutes that are too few, can so be given anew.
        """
        self.study.set_user_attr(TERMS, dict(terms))
        self.enqueue(plan)

    def enqueue(self, plan: Sequence[Trial]) -> None:
        """Enqueue the trials of a plan that are not there yet."""
        there = {trial.user_attrs.get(NUMBER) for trial in self.study.get_trials(deepcopy=False)}
        for number, trial in enumerate(plan):
            if number not in there:
                self.study.enqueue_trial(dict(trial.params), user_attrs={NUMBER: number})

    def requeue_killed(self) -> list[int]:
        """Enqueue once more what was running when its process was killed; return the numbers."""
        killed = []
        for trial in self.study.get_trials(deepcopy=False, states=(self.states.RUNNING,)):
            number = trial.user_attrs[NUMBER]
            with suppress(Timeout), FileLock(self._lock(number), timeout=0):
                if self.study.trials[trial.number].state == self.states.RUNNING:  # nobody else was faster
                    self.backend.set_trial_state_values(trial._trial_id, self.states.FAIL)
                    self.study.enqueue_trial(dict(trial.system_attrs["fixed_params"]), user_attrs={NUMBER: number})
                    killed.append(number)
        return killed

    def requeue_failed(self) -> None:
        """Enqueue once more what failed, for whoever gives the command again has mended it."""
        for number in self.latest():
            with suppress(Timeout), FileLock(self._lock(number), timeout=0):
                trial = self.latest()[number]  # which another process may have enqueued in between
                if trial.state == self.states.FAIL:
                    self.study.enqueue_trial(dict(trial.system_attrs["fixed_params"]), user_attrs={NUMBER: number})

    @contextmanager
    def next_trial(self, plan: Sequence[Trial]) -> Iterator[tuple[int, optuna.trial.Trial] | None]:
        """Take the first trial that waits, so that no other process does, and hold its lock.

        Args:
            plan: all trials.

        Yields:
            The number in the plan and Optuna's trial; None if none waits.
        """
        waiting = self.study.get_trials(deepcopy=False, states=(self.states.WAITING,))
        for found in sorted(waiting, key=lambda each: each.user_attrs[NUMBER]):
            number = found.user_attrs[NUMBER]
            lock = FileLock(self._lock(number))
            if (trial := self._taken(found._trial_id, lock)) is None:
                continue
            try:
                for name, levels in levels_of(plan).items():
                    if name in plan[number].params:
                        trial.suggest_categorical(name, levels)
                yield number, trial
            finally:
                lock.release()
            return
        yield None

    def _taken(self, identity: int, lock: FileLock) -> optuna.trial.Trial | None:
        """Take a trial that waits, and its lock, unless another process did."""
        import optuna

        with suppress(Timeout):
            lock.acquire(timeout=0)
            with suppress(optuna.exceptions.UpdateFinishedTrialError):
                if self.backend.set_trial_state_values(identity, self.states.RUNNING):
                    return optuna.trial.Trial(self.study, identity)
            lock.release()
        return None

    def latest(self) -> dict[int, optuna.trial.FrozenTrial]:
        """Return the last of Optuna's trials for each number of the plan, with what is known of it."""
        return {
            trial.user_attrs[NUMBER]: trial
            for trial in self.study.get_trials(deepcopy=False)
            if NUMBER in trial.user_attrs
        }

    def importances(self, factors: Sequence[str]) -> dict[str, float] | None:
        """Return what share of the validation score each factor decides; None with too few trials."""
        import optuna

        try:
            found = optuna.importance.get_param_importances(
                self.study, params=list(factors), evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
            )
        except (ValueError, RuntimeError):  # fewer than two that are complete, or all alike
            return None
        return {name: float(value) for name, value in found.items()}

    def _lock(self, number: int) -> str:
        self.locks.mkdir(parents=True, exist_ok=True)
        return str(self.locks / f".{number:03d}.lock")


def levels_of(plan: Sequence[Trial]) -> dict[str, list[Any]]:
    """Return the levels of each factor in a plan, which Optuna wants to know of every trial."""
    names = dict.fromkeys(name for trial in plan for name in trial.params)
    return {name: list(dict.fromkeys(trial.params[name] for trial in plan if name in trial.params)) for name in names}


def database_in(folder: Path, name: str) -> str:
    """Return the URL of a study's database in a folder, as Optuna reads it."""
    try:
        from sqlalchemy.engine import URL
    except ImportError:
        return ""  # `Storage` refuses what is missing
    url = URL.create("sqlite", database=str(folder / f"{name}.db")).render_as_string(hide_password=False)
    return url.replace("{", "{{").replace("}", "}}")  # Optuna takes a URL for a format


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string()
    except ArgumentError:
        return url


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _shortened(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 60 else f"{text[:57]}..."
