"""The mean ROC and precision-recall curve of each variant over its seeds and volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.core import read_json
from scripts.metrics import AREAS, KINDS, MIN_RECALL, mean_curves

from ..theme import Theme
from .drawing import WIDTH, Drawing, Entries, Panel, dress, style_of
from .record import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REMEDY = "evaluate again"

Case = Mapping[str, Any]  # the curves of one volume, or means of them


def means_of(study: Study) -> dict[str, dict[str, Any]]:
    """Return the mean curves of each variant that has any, averaged as its scores are.

    Those of a seed are averaged over its volumes, of one kind first, and then over seeds. A seed of which fewer volumes
    have curves than of others is left out.
    """
    found = {}
    for variant in study.variants:
        seeds: dict[int, dict[str, list[Case]]] = {}
        for trial in study.of(variant):
            path = study.path(trial.curves)
            for volume, case in (read_json(path, REMEDY)["cases"] if path else {}).items():
                seeds.setdefault(trial.seed, {}).setdefault(volume, []).append(case)
        most = max(map(len, seeds.values()), default=0)
        cases = [_over_volumes(each, study.kind_of) for each in seeds.values() if len(each) == most]
        if any(case["roc"] for case in cases):
            found[variant] = mean_curves(cases)
    return found


def _over_volumes(cases: Mapping[str, Sequence[Case]], kind_of: Mapping[str, str]) -> Case:
    """Return the mean curves of volumes; where kinds are known, of the means of each kind."""
    kinds: dict[str, list[Case]] = {}
    for volume, each in cases.items():
        kinds.setdefault(kind_of.get(volume, volume), []).append(mean_curves(each))
    return mean_curves([mean_curves(each) for each in kinds.values()])


def curve_drawing(study: Study) -> Drawing | None:
    """Return the curves of all variants, or None where no trial has any."""
    means = means_of(study)
    if not means:
        return None
    words = (
        "Each point of a curve is one threshold of the probability. ROC: how much of the vessels is found, against how "
        "much background is taken for vessel; the nearer to the upper left corner, the better. Precision and recall: "
        "how much of what is found is vessel, against how much of the vessels is found; the nearer to the upper right, "
        "the better. Curves are means over volumes and seeds; the number is the area below."
    )
    panels = [Panel(_panel(study, means, kind), WIDTH) for kind in KINDS]
    return Drawing("roc", "ROC and precision-recall curves", words, panels)


def _panel(study: Study, means: Mapping[str, Mapping[str, Any]], kind: str) -> Any:
    """Return what draws one kind of curve of all variants."""
    across, up, area = KINDS[kind]

    def draw(axes: Axes, theme: Theme) -> Entries:
        """Draw the panel."""
        entries: Entries = []
        for variant, mean in means.items():
            if not mean[kind]:
                continue
            style = {**style_of(study, variant, theme), "linewidth": 2}
            x, y = np.array(mean[kind][across]), np.array(mean[kind][up])
            if kind == "precision_recall":  # below it, precision is that of a handful of voxels
                x, y = (
                    np.append(MIN_RECALL, x[x > MIN_RECALL]),
                    np.append(np.interp(MIN_RECALL, x, y), y[x > MIN_RECALL]),
                )
            axes.plot(x, y, clip_on=False, **{**style, "marker": ""})
            entries.append(({**style, "marker": ""}, f"{variant}  {AREAS[area]} {mean[area]:.3f}"))
        chance = {"color": theme.dim, "linewidth": 1, "linestyle": ":"}
        share = [mean["vessel_fraction"] for mean in means.values() if mean["vessel_fraction"] is not None]
        if kind == "roc":
            axes.plot([0, 1], [0, 1], zorder=0.5, **chance)
        elif share:
            axes.plot([0, 1], [np.mean(share)] * 2, zorder=0.5, **chance)
        entries.append((chance, "chance"))
        title = "ROC" if kind == "roc" else "Precision and recall"
        up_words = "recall (true positive rate)" if kind == "roc" else up
        dress(axes, title, across.replace("_", " "), up_words, theme)
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
        return entries

    return draw
