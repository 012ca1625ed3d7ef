"""The page of a study: the verdict first, then pictures, tables and how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from scripts.core import counted, duration, version

from ..page.score import cell, meaning_of, name_of
from ..page.section import as_data
from ..page.template import TEMPLATES, environment, policy, verbatim
from ..theme import THEMES
from .drawing import Drawing, figure_of, png_of
from .epochs import GOAL, reached
from .finding import level_text, levels_of, validation_name
from .record import Study, Trial
from .summary import best_by_validation, metrics_of, summary
from .verdict import AGREES, DIFFERS, ORDER_RULE, UNKNOWN, progress, verdict

OWN = Path(__file__).parent / "templates"
POINTS = 0.85  # pixels of a page for one of a picture, so that its words are as large as the page's
STATE_MARKS = {"complete": "✓", "running": "▸", "waiting": "·", "failed": "✗", "pruned": "○"}
ORDER_WORDS = {
    AGREES: "The order of the variants agrees with the paper's.",
    DIFFERS: "The order of the variants is not the paper's.",
    UNKNOWN: "Whether the order agrees with the paper's cannot be told from this.",
}


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes:
        head: a heading and what it means, for each column.
        rows: cells; the first names the row.
    """

    head: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Sight:
    """A picture of the page: each panel as PNGs of both themes."""

    drawing: Drawing
    panels: Sequence[Mapping[str, tuple[str, int, int]]]


def render(study: Study, drawings: Sequence[Drawing], problems: Sequence[str]) -> str:
    """Return the page of a study as HTML; whatever comes from files is escaped.

    Args:
        study: its record.
        drawings: its pictures, the main one first.
        problems: a line for each picture that could not be drawn.
    """
    script = verbatim(TEMPLATES / "script.js")
    templates = environment(OWN)
    templates.globals |= {"data_of": lambda picture: as_data(picture.png), "themes": THEMES, "theme": ""}
    return templates.get_template("study.html").render(
        study=study,
        title=study.title or study.name,
        style=verbatim(TEMPLATES / "style.css") + verbatim(OWN / "study.css"),
        script=script,
        policy=policy(script),
        verdict=verdict(study),
        progress=progress(study),
        order_words=ORDER_WORDS[verdict(study).order] if (study.paper.get("figures") or {}) else "",
        order_rule=ORDER_RULE,
        sights=[_sight(drawing) for drawing in drawings],
        problems=problems,
        conditions=conditions(study),
        summary=summary_table(study),
        cost=cost_table(study),
        trials=trial_table(study),
        failed=[(trial.number, trial.problem) for trial in study.trials if trial.problem],
        best=best_trial(study),
        again=again(best_trial(study)),
        made=made(study),
        software=f"tubenet {version()}",
        date=datetime.now().astimezone().strftime("%d %B %Y, %H:%M %Z"),
    )


def _sight(drawing: Drawing) -> Sight:
    """Return a picture as the page holds it."""
    panels = []
    for panel in drawing.panels:
        both = {}
        for name, theme in THEMES.items():
            png, width, height = png_of(figure_of([panel], theme))
            both[name] = (as_data(png), round(width * POINTS), round(height * POINTS))
        panels.append(both)
    return Sight(drawing, panels)


def conditions(study: Study) -> str:
    """Return under what every figure of the page was found."""
    seeds = counted(len(study.seeds), "seed")
    minutes = "" if study.budget_minutes is None else f"a budget of {study.budget_minutes:g} minutes, "
    steps = "" if not study.epochs or not study.iterations_per_epoch else (
        f", {study.epochs} × {study.iterations_per_epoch} steps of {study.batch_size} patches"
    )  # fmt: skip
    return f"{minutes}{seeds}{steps}"


def summary_table(study: Study) -> Table:
    """Return a row for each variant: its metrics, the paper's figure, how soon it learned."""
    metrics, rows = metrics_of(study), summary(study)
    if study.design == "search":  # most trials are scored on validation alone
        return _search_table(study)
    figures, epochs = bool(study.paper.get("figures")), "epochs" in study.pictures
    head = [("variant", ""), *((name_of(metric), meaning_of(metric)) for metric in metrics), ("seeds", "")]
    head += [(f"paper: {name_of(study.paper.get('metric') or study.metric)}", study.paper.get("where") or "")] * figures
    head += [(f"epochs / seconds to AUROC {GOAL:g}", "on validation, mean of the seeds that reached it")] * epochs
    table = []
    for row in rows:
        cells = [row.variant, *(each.text if each else "–" for each in row.of.values()), str(row.seeds)]
        cells += [cell(row.figure)] * figures
        table.append(cells + [reached(study, row.variant)] * epochs)
    return Table(head, table)


def _search_table(study: Study) -> Table:
    """Return the trials of a search, the best on validation first."""
    left, rows, metrics = list(study.done), [], metrics_of(study)
    names = list(levels_of(study, study.trials[0])) if study.trials else []
    while (best := best_by_validation(left, study.selects_by)) is not None:
        left.remove(best)
        levels = [level_text(level) for level in levels_of(study, best).values()]
        rows.append([f"{len(rows) + 1}", *levels, cell(best.validation), *_scores(best, metrics, study)])
    head = [("place", ""), *((name.replace("_", " "), "") for name in names)]
    head += [(f"{validation_name(study)} on validation", "by which the best is chosen")]
    return Table([*head, *((name_of(each), "on what was held out") for each in metrics)], rows)


def _scores(trial: Trial, metrics: Sequence[str], study: Study) -> list[str]:
    """Return the scores of one trial over its volumes as cells."""
    from .summary import estimate

    found = (estimate([trial], metric, study.kind_of) for metric in metrics)
    return [cell(each.mean) if each else "–" for each in found]


def cost_table(study: Study) -> Table:
    """Return what a trial of each variant costs on average."""
    head = [(words, "mean of the trials that are done") for words in
            ("steps", "seconds a step", "training", "scoring")]  # fmt: skip
    rows = []
    alike = {variant: study.of(variant) for variant in study.variants}
    if study.design == "search":  # a training of any level costs the same
        alike = {"all": study.done}
    for variant, trials in alike.items():
        if trials:
            means = {name: _mean(getattr(trial, name) for trial in trials)
                     for name in ("steps", "step_seconds", "train_seconds", "score_seconds")}  # fmt: skip
            steps = "–" if means["steps"] is None else f"{means['steps']:.0f}"
            cells = [steps, cell(means["step_seconds"])]
            cells += [
                "–" if means[name] is None else duration(means[name]) for name in ("train_seconds", "score_seconds")
            ]
            rows.append([variant, *cells])
    return Table([("variant", ""), *head], rows)


def _mean(values: Any) -> float | None:
    """Return the mean of what is known."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def trial_table(study: Study) -> Table:
    """Return a row for each trial, whatever became of it."""
    metrics = metrics_of(study)
    names = list(dict.fromkeys(name for trial in study.trials for name in levels_of(study, trial)))
    names = [name for name in names if any(trial.params.get(name) != trial.variant for trial in study.trials)]
    head = [("trial", ""), ("state", ""), ("variant", ""), *((name.replace("_", " "), "") for name in names)]
    head += [("seed", ""), (f"{validation_name(study)} on validation", "")]
    rows = [
        [f"{trial.number}", f"{STATE_MARKS[trial.state]} {trial.state}", trial.variant,
         *(level_text(trial.params.get(name)) for name in names), f"{trial.seed}", cell(trial.validation),
         *_scores(trial, metrics, study)]
        for trial in study.trials
    ]  # fmt: skip
    return Table([*head, *((name_of(each), meaning_of(each)) for each in metrics)], rows)


def best_trial(study: Study) -> Trial | None:
    """Return the trial to start from; among those of one variant, validation chooses."""
    if study.design == "search":
        return best_by_validation(study.trials, study.selects_by)
    for row in summary(study):
        trials = [trial for trial in study.of(row.variant) if trial.command and trial.trained]
        if row.of[study.metric] is not None and trials:
            return best_by_validation(trials, study.selects_by) or trials[0]
    return None


def again(trial: Trial | None) -> str:
    """Return the command that repeats a training, with a folder of its own."""
    command = trial.command if trial and trial.command else ""
    others = re.sub(r"""\s--ckpt_dir[ =](?:'[^']*'|"[^"]*"|[^\s'"])+""", "", command)
    return f"{others} --ckpt_dir DIR" if command else ""


def made(study: Study) -> list[tuple[str, str]]:
    """Return how the study was made, a word and a value for each."""
    minutes = [each if each is None else f"{each:g} minutes" for each in (study.budget_minutes, study.spent_minutes)]
    steps = "" if not study.epochs else f"{study.epochs} epochs × {study.iterations_per_epoch} steps"
    pairs = [
        ("budget", minutes[0]),
        ("spent", minutes[1]),
        ("trials", progress(study)),
        ("seeds", ", ".join(map(str, study.seeds))),
        ("each training", f"{steps} × {study.batch_size} patches" if steps else ""),
        ("dataset", study.dataset),
        ("held out", study.held_out),
        ("weights chosen by", f"{validation_name(study)} on validation" if study.selects_by else ""),
        ("included are", study.inclusion),
        ("software", study.software),
        ("machine", study.machine),
    ]
    return [(word, str(value)) for word, value in pairs if value]
