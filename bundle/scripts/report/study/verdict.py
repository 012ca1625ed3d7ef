"""What a study found, in sentences for somebody who has not read the paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from scripts.core import counted

from ..page.score import name_of
from .epochs import learned
from .finding import BY_DESIGN, comparisons
from .record import COMPLETE, FAILED, PRUNED, Study
from .summary import Row, between, standard_errors, summary

AGREES, DIFFERS, UNKNOWN = "agrees", "does not", "cannot be told"
ORDER_RULE = (
    "The order agrees if every pair of variants that the paper has figures for stands as there, and those that are "
    "first and last in the paper differ by more than the seeds do. It does not if a pair stands the other way round "
    "by more than the seeds differ, the number of pairs allowed for. Otherwise it cannot be told."
)
OPENINGS = ("No", "Nothing", "Of", "On", "More", "Whether", "Fine-tuning", "Tuning", "The")  # words, and no names


@dataclass(frozen=True)
class Verdict:
    """What a study found.

    Attributes:
        headline: the answer in one sentence.
        sentences: what else belongs to it.
        rule: when a winner is named.
        order: whether the paper's order is found: agrees, does not, or cannot be told.
    """

    headline: str
    sentences: Sequence[str]
    rule: str
    order: str


def verdict(study: Study) -> Verdict:
    """Return what a study found so far."""
    rows = summary(study)
    if not study.done:
        headline, sentences = f"Nothing can be said yet: no trial of {len(study.trials)} is done.", []
    else:
        headline, *sentences = BY_DESIGN[study.design](study, rows)
        if list(study.pictures[:1]) == ["epochs"]:  # it asks how soon, and at what cost
            sentences += learned(study)
        if study.unfinished:
            first, _, rest = headline.partition(" ")
            headline = f"So far: {first.lower() if first in OPENINGS else first} {rest}"
            sentences.append("Trials are still to come, so all of this may change.")
    return Verdict(headline, sentences, rule(study), order(study, rows))


def progress(study: Study) -> str:
    """Return how far a study is, such as `7 of 12 trials done, 1 failed`."""
    counts = {state: sum(trial.state == state for trial in study.trials) for state in (PRUNED, FAILED, "running")}
    words = {PRUNED: "stopped early", FAILED: "failed", "running": "running"}
    done = f"{sum(trial.state == COMPLETE for trial in study.trials)} of {counted(len(study.trials), 'trial')} done"
    return ", ".join([done, *(f"{count} {words[state]}" for state, count in counts.items() if count)])


def rule(study: Study) -> str:
    """Return when a winner is named."""
    metric = name_of(study.metric)
    if study.design == "search":
        return (
            "The best trial is that with the highest score on validation. Each combination is trained once, so a small "
            "lead may be luck. What was held out had no say, and the best trial alone was scored on it."
        )
    seeds = max((row.seeds for row in summary(study)), default=0)
    pairs = comparisons(study, summary(study))
    of = (
        f"{standard_errors(seeds, pairs):.1f} standard errors with {seeds} seeds"
        if seeds > 1
        else "with one seed never"
    )
    several = (
        f"{pairs} comparisons stand side by side, and the more there are, the sooner one looks clear by chance: so "
        "each must be clearer, for all of them together to be right in 95 of 100 cases (Bonferroni's correction). "
    )
    return (
        f"One is said to be better only where its lead in {metric}, taken seed by seed on the same volumes, is larger "
        f"than chance gives in 95 of 100 cases ({of}; Student's t). {several if pairs > 1 else ''}Seeds that all gave "
        "the same say nothing about chance. The spread is that of seeds alone: other volumes may give another order."
    )


def order(study: Study, rows: Sequence[Row]) -> str:
    """Return whether the order of the paper's figures is found, by `ORDER_RULE`."""
    known = [row for row in rows if row.figure is not None and row.of[study.metric] is not None]
    paper = sorted(known, key=lambda row: -(row.figure or 0.0))
    if len(paper) < 2 or paper[0].figure == paper[-1].figure:
        return UNKNOWN
    right, pairs = True, list(combinations(paper, 2))
    for better, worse in pairs:
        found = between(study, better.variant, worse.variant)
        if better.figure == worse.figure or found is None:
            right = right and found is not None
            continue
        if found.clear_among(len(pairs)) and found.mean < 0:
            return DIFFERS
        right = right and found.mean > 0
    ends = between(study, paper[0].variant, paper[-1].variant)
    return AGREES if right and ends is not None and ends.ahead else UNKNOWN
