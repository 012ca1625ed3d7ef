"""The answer to each kind of question, as sentences; the first is the answer itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from ..page.score import cell, name_of
from .record import Study, Trial
from .summary import Difference, Row, best_by_validation, best_first, between, by_seed, difference, estimate, metrics_of

Finding = Callable[[Study, Sequence[Row]], list[str]]
ZERO_SHOT, FINE_TUNED, FROM_SCRATCH = "zero-shot", "fine-tuned", "from scratch"
RANKS = ("smallest", "middle", "largest")
"""Of blocks."""


def compared(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return which variant is the best, or that none can be told to be."""
    metric, name = study.metric, name_of(study.metric)
    scored = [row for row in rows if row.of[metric] is not None]
    if len(scored) < 2:
        told = [f"{row.variant} alone is scored, with {name} {_text(row.of[metric])}" for row in scored]
        return [f"Nothing can be compared yet: {told[0] if told else 'no variant is scored'}."]
    first, second = scored[:2]
    what = f"{first.variant} has {name} {_text(first.of[metric])}, {second.variant} {_text(second.of[metric])}"
    lead = between(study, first.variant, second.variant)
    if lead is None or lead.mean < 0:
        return [f"The first two cannot be compared yet, for they were not scored on the same: {what}."]
    pairs = comparisons(study, rows)
    if lead.ahead_among(pairs):
        told_of = (
            f"{first.variant} is the best of {len(scored)}: {what}. It leads by {lead.text}, more than seeds differ."
        )
    elif lead.error is None:
        told_of = f"No winner can be named with one seed: {what}. Another seed may turn that round."
    else:
        told_of = f"No winner can be named: {what}. They differ by {lead.text}; {lead.doubt}."
    sentences = [told_of]
    behind = {row.variant: between(study, first.variant, row.variant) for row in scored[2:]}
    clear = [
        f"{variant} (by {found.mean:.3f})" for variant, found in behind.items() if found and found.ahead_among(pairs)
    ]
    if clear:
        sentences.append(f"Behind {first.variant} by more than seeds differ: {_listed(clear)}.")
    return [*sentences, *_by_other_metrics(study, rows, first.variant)]


def _by_other_metrics(study: Study, rows: Sequence[Row], first: str) -> list[str]:
    """Return a sentence on the metrics by which another variant comes first."""
    others: dict[str, list[str]] = {}
    for metric in metrics_of(study)[1:]:
        best = best_first(rows, metric)[0]
        if best.of[metric] is not None and best.variant != first:
            others.setdefault(best.variant, []).append(name_of(metric))
    if not others:
        return []
    told = [f"{variant} by {_listed(names)}" for variant, names in others.items()]
    return [f"By other metrics another has the highest mean, be it by chance: {_listed(told)}."]


def searched(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return the combination that validation prefers, and how little that says."""
    best = best_by_validation(study.trials, study.selects_by)
    if best is None:
        return ["No trial has a score on validation yet."]
    selected = validation_name(study)
    tried = [trial for trial in study.done if trial.validation is not None]
    levels = _listed([f"{name.replace('_', ' ')} {level_text(at)}" for name, at in levels_of(study, best).items()])
    sentences = [f"Of {len(tried)} combinations, {levels} does best: {selected} {cell(best.validation)} on validation."]
    if len(tried) > 1:
        second = best_by_validation([trial for trial in tried if trial is not best], study.selects_by)
        lead = abs((best.validation or 0) - ((second and second.validation) or 0))
        sentences.append(f"The second is {lead:.3f} behind; each was trained once, so a lead of that size may be luck.")
    held_out = estimate([best], study.metric, study.kind_of)
    if held_out:
        sentences.append(f"On what was held out, which had no say, it scores {name_of(study.metric)} {held_out.text}.")
    if study.importances:
        name, share = max(study.importances.items(), key=lambda each: each[1])
        name = name.replace("_", " ")
        sentences.append(f"What made most difference was the {name} ({100 * share:.0f} % of what levels explain).")
    return sentences


def by_size(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return what fine-tuning on a block brings over none, and over training from scratch."""
    tuned, scratch = (blocks_of(study, method) for method in (FINE_TUNED, FROM_SCRATCH))
    none = [trial for trial in study.done if trial.about.get("method") == ZERO_SHOT and trial.scores]
    if not tuned or not (none or scratch):
        return ["Nothing can be compared yet: fine-tuned weights and others are not both scored."]
    sentences = _smallest(study, tuned, none)
    pairs = {rank: (tuned[rank], scratch[rank]) for rank in tuned if rank in scratch}
    kinds: dict[str, list[str]] = {}
    for rank, (one, other) in pairs.items():
        lead = difference(one, other, study.metric, study.kind_of)
        if lead is not None:
            word = "is better than" if lead.mean > 0 else "is worse than"
            word = word if lead.clear_among(len(pairs)) else "cannot be told from"
            kinds.setdefault(word, []).append(f"{block_text(rank, one)} (by {signed(lead.mean)})")
    for word, blocks in kinds.items():
        sentences.append(f"Fine-tuning {word} training from scratch on the same block: {_listed(blocks)}.")
    rank, trials = list(tuned.items())[-1]
    shares = [trial.about["share"] for trial in trials if trial.about.get("share") is not None]
    share = f" ({100 * sum(shares) / len(shares):.2g} % of what is labelled)" if shares else ""
    scored = _text(estimate(trials, study.metric, study.kind_of))
    return [*sentences, f"On {block_text(rank, trials)}{share}, {name_of(study.metric)} is {scored}."]


def _smallest(study: Study, tuned: Mapping[str | float, Sequence[Trial]], none: Sequence[Trial]) -> list[str]:
    """Return a sentence on the smallest block on which fine-tuning is better than none."""
    metric, kind_of, name = study.metric, study.kind_of, name_of(study.metric)
    pairs = {rank: on_the_same(trials, none, metric) for rank, trials in tuned.items()}
    known = {rank: (one, other) for rank, (one, other) in pairs.items() if one and other}
    for rank, (one, other) in known.items():
        lead = difference(one, other, metric, kind_of)
        if lead is not None and lead.ahead_among(len(known)):
            ends = [_text(estimate(trials, metric, kind_of)) for trials in (other, one)]
            told = f"Fine-tuning helps from {block_text(rank, one)}: {name} rises from {ends[0]}, as the weights are"
            return [f"{told} shipped, to {ends[1]}, more than seeds differ."]
    untuned = estimate(none, metric, kind_of)
    if untuned is None or not known:
        return []
    return [f"On no block can fine-tuning be told to raise {name}, which is {untuned.mean:.3f} without it."]


def on_the_same(one: Sequence[Trial], other: Sequence[Trial], metric: str) -> tuple[list[Trial], list[Trial]]:
    """Return trials with the scores of those volumes alone that both were scored on."""
    both = set.intersection(*({name for each in by_seed(t, metric).values() for name in each} for t in (one, other)))
    return tuple([kept for trial in trials if (kept := _alone(trial, both)).scores] for trials in (one, other))  # type: ignore[return-value]


def blocks_of(study: Study, method: str) -> dict[str | float, list[Trial]]:
    """Return the scored trials of a method by the rank of their block, the smallest first.

    The same rank has another side in each volume. Where a record has no ranks, the side stands for it.
    """
    known = [trial for trial in study.trials if trial.about.get("size")]
    of = "rank" if all(trial.about.get("rank") in RANKS for trial in known) else "size"
    mine = [trial for trial in known if trial.complete and trial.scores and trial.about.get("method") == method]
    ranks = sorted({t.about[of] for t in mine}, key=lambda rank: RANKS.index(rank) if of == "rank" else rank)
    return {rank: [trial for trial in mine if trial.about[of] == rank] for rank in ranks}


def block_text(rank: str | float, trials: Sequence[Trial]) -> str:
    """Return which block it is: `the smallest block (side 16 to 32 voxels)`."""
    return f"the {rank} block (side {sides_of(trials)})" if isinstance(rank, str) else f"a block of side {rank:g}"


def sides_of(trials: Sequence[Trial]) -> str:
    """Return the side of blocks or its range: `16 to 32 voxels`."""
    sides = [trial.about["size"] for trial in trials]
    return " to ".join(f"{side:g}" for side in sorted({min(sides), max(sides)})) + " voxels"


def by_kinds(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return whether more kinds of training image help with kinds that were never seen."""
    numbers: dict[int, list[Trial]] = {}
    for trial in study.done:
        if trial.about.get("kinds") is not None and trial.scores:
            numbers.setdefault(trial.about["kinds"], []).append(trial)
    if len(numbers) < 2:
        return ["Nothing can be compared yet: only one number of kinds is scored."]
    fewest, most = min(numbers), max(numbers)
    gain = difference(numbers[most], numbers[fewest], study.metric, study.kind_of)
    ends = {number: estimate(numbers[number], study.metric, study.kind_of) for number in (fewest, most)}
    what = f"trained on {_kinds(fewest)} {_text(ends[fewest])}, on {_kinds(most)} {_text(ends[most])}"
    name = name_of(study.metric)
    if gain is None:
        return [f"Nothing can be compared: no volume was scored at both ends ({what})."]
    if gain.clear:
        told = "More kinds help" if gain.mean > 0 else "More kinds do harm"
        told += f" with kinds never seen: {name} is, {what}. The change of {gain.text} is more than seeds differ."
    else:
        told = (
            f"Whether more kinds help cannot be told: {name} is, {what}; the change is {gain.text}, and {gain.doubt}."
        )
    voxels = {n: sum(t.about.get("voxels") or 0 for t in trials) / len(trials) for n, trials in numbers.items()}
    if min(voxels.values()) and max(voxels.values()) > 1.1 * min(voxels.values()):
        return [told, "The number of labelled voxels that trained was not the same, so part of it may be due to that."]
    return [told, "All trained on about the same number of labelled voxels."] if min(voxels.values()) else [told]


def transferred(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return what tuning on one volume does to it, and to the others."""
    none = [trial for trial in study.done if not trial.about.get("tuned_on") and trial.scores]
    tuned = [trial for trial in study.done if trial.about.get("tuned_on") and trial.scores]
    if not none or not tuned:
        return ["Nothing can be compared yet: tuned and untuned weights are not both scored."]
    name, means, counts = name_of(study.metric), [], []
    changes = changes_of(study, study.metric)
    for words, own in (("the rest of the volume that they were tuned on", True), ("those they never saw", False)):
        here = [change for where, volume, change in changes if (where == volume) == own]
        if not here:
            continue
        rise, clear, fall = (
            sum(change.mean > 0 for change in here),
            sum(change.ahead_among(len(changes)) for change in here),
            sum(change.clear_among(len(changes)) and change.mean < 0 for change in here),
        )
        means.append(f"{signed(sum(change.mean for change in here) / len(here))} on {words}")
        counts.append(
            f"On {words}, {rise} of {len(here)} become better ({clear} by more than seeds differ) and "
            f"{len(here) - rise} do not ({fall} are worse by more than seeds differ)."
        )
    if not counts:
        return ["Nothing can be compared yet: no volume was scored with and without tuning."]
    return [f"Tuning weights on one volume changes their {name} by {_listed(means)}, on average.", *counts]


def changes_of(study: Study, metric: str) -> list[tuple[str, str, Difference]]:
    """Return what tuning on each volume changes on the same voxels of each volume."""
    found = []
    for where in dict.fromkeys(t.about["tuned_on"] for t in study.trials if t.about.get("tuned_on")):
        same = [trial for trial in study.done if trial.about.get("of") == where]
        none, tuned = ([trial for trial in same if trial.about.get("tuned_on") == each] for each in (None, where))
        for volume in dict.fromkeys(name for trial in tuned for name in trial.scores):
            change = difference(
                *([_alone(trial, [volume]) for trial in trials] for trials in (tuned, none)), metric, {}
            )
            if change is not None:
                found.append((where, volume, change))
    return found


def _alone(trial: Trial, volumes: Collection[str]) -> Trial:
    """Return a trial with the scores of some volumes alone."""
    return replace(trial, scores={name: scores for name, scores in trial.scores.items() if name in volumes})


def comparisons(study: Study, rows: Sequence[Row]) -> int:
    """Return how many comparisons stand side by side, of which any may look clear by chance."""
    counts: dict[str, Callable[[], int]] = {
        "compare": lambda: sum(row.of[study.metric] is not None for row in rows) - 1,
        "block_size": lambda: len(blocks_of(study, FINE_TUNED)),
        "transfer": lambda: len(changes_of(study, study.metric)),
    }
    return max(1, counts.get(study.design, lambda: 1)())


def levels_of(study: Study, trial: Trial) -> dict[str, object]:
    """Return the levels of what a study varies."""
    names = study.factors or [name for name in trial.params if name != "seed"]
    return {name: trial.params.get(name) for name in names}


def signed(number: float) -> str:
    """Return a change with its sign."""
    return f"{number:+.3f}".replace("-", "−")


def level_text(level: object) -> str:
    """Return a level as words."""
    return f"{level:g}" if isinstance(level, int | float) and not isinstance(level, bool) else str(level)


def validation_name(study: Study) -> str:
    """Return the name of the score that validation selects by."""
    return name_of(study.selects_by.removeprefix("val_")) if study.selects_by else "score"


def _listed(words: Sequence[str]) -> str:
    """Return words with commas, and `and` before the last."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _kinds(number: int) -> str:
    return f"{number} kind{'s' * (number != 1)}"


def _text(scored: object) -> str:
    return getattr(scored, "text", "not scored")


BY_DESIGN: dict[str, Finding] = {
    "compare": compared,
    "search": searched,
    "block_size": by_size,
    "variety": by_kinds,
    "transfer": transferred,
}
"""For each design, what tells what was found."""
