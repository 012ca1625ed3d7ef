"""The command `report`: one HTML page of all that was found, and of how far it is right."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scripts.core import check_writable, refuse, refuse_failed, size, tell_result
from scripts.data import find_images, is_result_name
from scripts.report.page import Reading, find_cases, write_page

from .outlines import labels_of

THEMES = ("auto", "dark", "light")


def write_report(
    results_dir: str | Path,
    dataset_dir: str | Path | None = None,
    output_dir: str | Path | None = None,
    channel: int | str | None = None,
    unlabelled_value: float | None = None,
    theme: str = "auto",
    class_names: Sequence[str] | None = None,
    region: str | None = None,
    level: int = 0,
    sort_by: str = "",
) -> None:
    """Write one HTML page of results: pictures, scores, curves, branches, a view in 3-D.

    The page is OUT/report.html. It needs no network and loads nothing, so it may be sent as one file; its pictures lie
    in OUT/report_pictures, too. It shows what there is: NAME_seg.EXT and NAME_prob.EXT of segment, the scores of
    evaluate, the branches and skeletons of analyse. What is missing is left out, with the command that makes it. The
    worst case comes first. Volumes of more than 67 million voxels are drawn from every so many voxels, which the page
    says.

    Args:
        results_dir: the folder OUT that was segmented, evaluated or analysed into.
        dataset_dir: the dataset, folder of images or image that was segmented; by default no image and no truth is
            shown.
        output_dir: the folder for the page; by default that of the results.
        channel: which channel of images that have several.
        unlabelled_value: the label value that means "not labelled", as negative values always do.
        theme: dark, light, or auto, which is the reader's own; a button of the page changes it.
        class_names: names of the values 1, 2, ... of segmentations with several classes, "['NAME','NAME']".
        region: voxels of the labels that count as labelled, x0:x1,y0:y1,z0:z1, as when they were trained on or scored.
        level: which resolution of a pyramid was segmented, 0 the finest.
        sort_by: the metric by which the worst case comes first; by default dice.

    Raises:
        UserError: if the folder holds no result; for a theme or metric that does not exist, or a region without a
            label; if the page cannot be written, or a volume could not be read; the page shows the others then.
    """
    if theme not in THEMES:
        refuse(f"--theme {theme}", "there is no such theme", "give auto, dark or light")
    folder = Path(results_dir)
    images, labels = _of_dataset(dataset_dir, channel, level)
    cases, shared = find_cases(folder, images, labels)
    if region and not any(case.label for case in cases):
        refuse(f"--region {region}", "no volume has a label, of which it would be the labelled part", "leave it out")
    if images and not any(case.image for case in cases):
        refuse(dataset_dir, f"has no image of a result in {folder}", "name the dataset that was segmented")
    names = [str(each) for each in np.atleast_1d(class_names)] if class_names is not None else []
    reading = Reading(channel, level, unlabelled_value, region, names, output=shlex.quote(str(results_dir)))
    target = check_writable(folder if output_dir is None else output_dir)
    page, failures = write_page(target, cases, shared, reading, theme, sort_by)
    tell_result("wrote %s, %s", page, size(page.stat().st_size))
    if failures:
        refuse_failed(failures, len(cases), "shown", "correct them; the page shows the others")


def _of_dataset(
    dataset_dir: str | Path | None, channel: int | str | None, level: int
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the images and the labels of a dataset by name."""
    if dataset_dir is None:
        return {}, {}
    found = {item["name"]: item["image"] for item in find_images(dataset_dir, channel)}
    images = {name: path for name, path in found.items() if not is_result_name(name, found)}
    return images, labels_of(Path(dataset_dir), channel, level)
