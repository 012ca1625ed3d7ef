"""The text of `make results`: tables, what they are of, and the picture; and where it goes in a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.core import counted, refuse, write_text

from .plan import BLOCK, SLICES, SPLIT, Cut
from .size_curve import write_size_curve
from .tables import (
    ORACLE,
    ZERO_SHOT,
    Scores,
    about_table,
    block_tables,
    method_table,
    size_table,
    whole_table,
)
from .trial import FINE_TUNED

BEGIN, END = "<!-- results: written by make results -->", "<!-- end of results -->"
PICTURE = Path("images", "block_size.png")
SEVERAL = "Where there is a ±, it is the mean and the standard deviation (n - 1) of {}."


def page_text(scores: Scores, cuts: Sequence[tuple[str, Cut]], origin: str, seeds: Sequence[int], margin: int) -> str:
    """Return all tables with what they are of.

    Args:
        scores: of all.
        cuts: of each volume by name.
        origin: the weights, the software and the machine in words.
        seeds: of the trainings.
        margin: between what trains and what is scored, in voxels.
    """
    of_kind = {kind: {name: cut for name, cut in cuts if cut.kind == kind} for kind in (BLOCK, SLICES, SPLIT)}
    volumes = list(dict.fromkeys(name for name, _ in cuts))
    blocks, slices, parts = (of_kind[kind] for kind in (BLOCK, SLICES, SPLIT))
    text = [
        f"**The weights as they come**, beside what needs no network, on all labelled voxels of each volume. {_ORACLE}",
        whole_table(scores, volumes),
    ]
    if blocks and seeds:
        text += [
            "**One block** trains, that whose share of vessel is most like the volume's; no score is looked at. All in "
            f"a row is scored on the same voxels, those outside the block and {margin} voxels around it (of the finest "
            "axis, along others as far). From scratch takes as many steps as fine-tuning may take.",
            about_table(blocks),
            block_tables(scores, blocks),
        ]
    if slices and seeds:
        text += [
            f"**{next(iter(slices.values())).main} adjacent slices** train, chosen alike, and the rest but a margin is "
            "scored.",
            about_table(slices),
            method_table(scores, slices, (ORACLE, ZERO_SHOT, FINE_TUNED)),
        ]
    if parts:
        text += [
            "**A fixed split**: what is not scored trains, without a margin, as others have it.",
            about_table(parts),
            method_table(scores, parts),
        ]
    if blocks and seeds:
        text += [
            "**By the size of the block**, smaller ones inside the larger, scored outside the largest:",
            f"![AP and Dice by the side of the labelled block]({PICTURE.as_posix()})",
            size_table(scores, blocks),
        ]
    told = f" {SEVERAL.format(counted(len(seeds), 'seed'))}" if len(seeds) > 1 else ""
    return "\n\n".join((*text, f"{origin}.{told}"))


_ORACLE = f"The {ORACLE} is that on raw intensity which is best on the label itself."


def write_page(
    page: Path, text: str, scores: Scores, cuts: Sequence[tuple[str, Cut]], between: bool = True
) -> list[Path]:
    """Write the text between the two lines of a page, or a page of its own, and the picture beside it.

    Args:
        page: the file; the picture goes into `images/` beside it.
        text: see `page_text`.
        scores: of all.
        cuts: of each volume by name; without a block there is no picture.
        between: whether the page is there, with two lines between which the text goes.

    Returns:
        The files that were written.
    """
    written = [page]
    if PICTURE.as_posix() in text:
        picture = page.parent / PICTURE
        write_size_curve(picture, scores, {name: cut for name, cut in cuts if cut.kind == BLOCK})
        written.append(picture)
    write_text(page, with_text(page, text) if between else f"{text}\n")
    return written


def with_text(page: Path, text: str) -> str:
    """Return a page's text with what stands between its two lines replaced.

    Raises:
        UserError: if it is missing; if the lines are not there, once each and in order.
    """
    if not page.is_file():
        refuse(page, "no such file", "give another --page, or leave it out to print the tables only", FileNotFoundError)
    there = page.read_text(encoding="utf-8")
    before, begin, rest = there.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not begin or not end or BEGIN in rest or END in before + after:
        refuse(
            page,
            f"has not just one line {BEGIN} and below it one {END}",
            "put them where the tables shall stand, or leave --page out to print them only",
        )
    return f"{before}{begin}{text}\n{end}{after}"


def origin_text(provenance: Mapping[str, str], digits: int, how: Sequence[str]) -> str:
    """Return the weights, the software, and how they were used in words.

    Args:
        provenance: `scripts.weights.Checkpoint.provenance`.
        digits: of the hash.
        how: further words.
    """
    short = provenance["weights_sha256"][:digits]
    return ", ".join((f"`{provenance['weights']}` (sha256 `{short}`)", provenance["software"], *how))
