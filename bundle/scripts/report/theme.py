"""Colours and words of pictures: two themes, a palette, text that every font can show.

Matplotlib is imported where it is used, because drawing is rare and start-up should not pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scripts.core import refuse_unknown

if TYPE_CHECKING:
    from matplotlib.text import Text

SKY, ORANGE, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = (
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
)  # fmt: skip
"""The palette of Okabe and Ito, told apart with every common kind of colour blindness."""

OUTLINE_COLOUR = ORANGE  # seen on black and on white
FOUND_COLOUR, EXTRA_COLOUR, MISSED_COLOUR = SKY, VERMILLION, YELLOW  # of the palette, those that differ in grey too
NOT_LABELLED_COLOUR = "#9aa0a6"
CLASS_COLOURS = (SKY, ORANGE, GREEN, YELLOW, PURPLE, VERMILLION, BLUE)

MORE_SCRIPTS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR", "Source Han Sans",
    "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Hiragino Sans", "PingFang SC", "Apple SD Gothic Neo", "Yu Gothic",
    "Meiryo", "Microsoft YaHei", "SimHei", "Malgun Gothic", "Arial Unicode MS",
)  # fmt: skip
"""Fonts for Chinese, Japanese and Korean names, of which a system has some; Matplotlib brings none."""


@dataclass(frozen=True)
class Theme:
    """The colours around pictures.

    Attributes:
        ground: behind everything.
        text: of titles and legends.
        dim: of captions and axes.
        frame: of frames and grids.
        lines: of curves, in this order.
    """

    ground: str
    text: str
    dim: str
    frame: str
    lines: tuple[str, ...]


THEMES: Mapping[str, Theme] = {
    "dark": Theme(
        "#101418", "#e8eaed", "#a3abb5", "#30363d", ("#56b4e9", "#e69f00", "#2fd6a3", "#f0e442", "#ff8ac4", "#ff6b4a")
    ),
    "light": Theme("#ffffff", "#1a1d21", "#50575e", "#c9ced4", (BLUE, VERMILLION, GREEN, "#a8598a", "#b07a00", SKY)),
}
"""The lines are of Okabe's and Ito's palette, lightened for a dark ground and darkened for a light one."""


def theme_of(name: str) -> Theme:
    """Return a theme by its name, dark or light.

    Raises:
        UserError: for another name.
    """
    if name not in THEMES:
        refuse_unknown(f"--theme {name}", "there is no such theme", str(name), THEMES, "give dark or light")
    return THEMES[name]


@lru_cache(maxsize=1)
def _families() -> tuple[str, ...]:
    """Return the fonts to draw words in, the first for most of them."""
    from matplotlib.font_manager import fontManager

    there = set(fontManager.get_font_names())
    return ("DejaVu Sans", *(name for name in MORE_SCRIPTS if name in there))


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    """Return the characters that the fonts can show."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = (get_font(findfont(FontProperties(family=[name]))) for name in _families())
    return frozenset(character for font in fonts for character in font.get_charmap())


def showable(words: str) -> str:
    r"""Return words with `\uXXXX` for each character that no font here can show."""
    return "".join(
        c if ord(c) in _characters() else c.encode("unicode_escape", "backslashreplace").decode() for c in words
    )


def font(size: float) -> dict[str, Any]:
    """Return Matplotlib's arguments for words of a size in points that are no formula."""
    return {"fontsize": size, "fontfamily": list(_families()), "parse_math": False}


@lru_cache(maxsize=1)
def _ruler() -> Any:
    """Return a text of 100 dots an inch to measure others with."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(dpi=100)
    FigureCanvasAgg(figure)
    return figure.text(0, 0, "", parse_math=False, fontfamily=list(_families()))


def width_of(words: str, size: float) -> float:
    """Return how wide words of a size in points are, in pixels at 100 dots an inch."""
    ruler: Text = _ruler()
    ruler.set_text(words)
    ruler.set_fontsize(size)
    return float(ruler.get_window_extent().width) if words else 0.0


def shortened(words: str, size: float, room: float) -> str:
    """Return words cut to so many pixels, with an ellipsis in their middle."""
    words = showable(words)
    if width_of(words, size) <= room:
        return words
    fewest, most = 0, len(words)  # characters left on both sides together; both ends of a name tell it apart
    while most - fewest > 1:
        kept = (fewest + most) // 2
        fits = width_of(_without_middle(words, kept), size) <= room
        fewest, most = (kept, most) if fits else (fewest, kept)
    return _without_middle(words, fewest)


def _without_middle(words: str, kept: int) -> str:
    """Return the first and last of words, `kept` characters in all, with an ellipsis between."""
    return f"{words[: kept - kept // 2]}…{words[len(words) - kept // 2 :]}"
