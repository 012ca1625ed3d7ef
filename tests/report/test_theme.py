"""Colours that everyone can tell apart, and words that every font can show."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab

from scripts.report.theme import (
    CLASS_COLOURS,
    EXTRA_COLOUR,
    FOUND_COLOUR,
    MISSED_COLOUR,
    THEMES,
    font,
    shortened,
    showable,
    theme_of,
    width_of,
)

# Machado, Oliveira and Fernandes 2009, severity 1: how linear RGB looks with each kind of colour blindness
COLOUR_BLIND = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def seen(colour, kind):
    """How a colour is seen, in CIELAB."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    changed = np.clip(np.array(COLOUR_BLIND[kind]) @ linear, 0, 1)
    return rgb2lab(np.where(changed <= 0.0031308, 12.92 * changed, 1.055 * changed ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("kind", COLOUR_BLIND)
def test_agreement_is_told_apart_by_everyone(kind):
    colours = (FOUND_COLOUR, EXTRA_COLOUR, MISSED_COLOUR)
    for one, two in itertools.combinations(colours, 2):
        assert np.linalg.norm(seen(one, kind) - seen(two, kind)) > 25, (one, two)


def test_agreement_is_told_apart_in_grey():
    lightness = sorted(seen(colour, "none")[0] for colour in (FOUND_COLOUR, EXTRA_COLOUR, MISSED_COLOUR))
    assert min(np.diff(lightness)) > 15


def test_a_palette_repeats_no_colour():
    for colours in (CLASS_COLOURS, *(theme.lines for theme in THEMES.values())):
        assert len(set(colours)) == len(colours) > 5


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_words_stand_out_from_the_ground(theme):
    """WCAG's contrast ratio of at least 4.5."""

    def light(colour):
        rgb = np.array(to_rgb(colour))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in (theme.text, theme.dim):
        dark, bright = sorted((light(colour), light(theme.ground)))
        assert (bright + 0.05) / (dark + 0.05) > 4.5


def test_a_theme_that_does_not_exist():
    assert theme_of("light").ground == "#ffffff"
    with pytest.raises(ValueError, match=r"^--theme lihgt: there is no such theme; did you mean.*light"):
        theme_of("lihgt")


def test_a_character_that_no_font_shows_is_written_as_its_code():
    assert showable("vessel_é_α_сосуд $x$") == "vessel_é_α_сосуд $x$"
    assert showable("\U000f0000") == "\\U000f0000"
    assert showable("a\nb\t") == "a\\nb\\t"


def test_a_name_with_dollars_is_no_formula():
    from matplotlib.figure import Figure

    text = Figure().text(0, 0, "$a$", **font(9))
    assert text.get_parse_math() is False


def test_long_words_lose_their_middle():
    words = "a" * 100 + "b" * 100
    short = shortened(words, 9, 200)
    assert 150 < width_of(short, 9) <= 200
    assert short.startswith("aa")
    assert short.endswith("bb")
    assert short.count("…") == 1
    assert shortened("short", 9, 200) == "short"
    assert width_of("", 9) == 0
    assert width_of("wide", 18) == pytest.approx(2 * width_of("wide", 9), rel=0.1)
