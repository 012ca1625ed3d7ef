"""Lines of panels."""

import pytest

from scripts.report.panel import DASHES, MARKS, MAX_COLOURED, line_style
from scripts.report.theme import THEMES


@pytest.mark.parametrize("theme", THEMES)
def test_lines_differ_in_more_than_colour(theme):
    """In dashes or mark, and no two of all that get a colour are the same; so they are told apart in grey."""
    styles = [line_style(number, THEMES[theme]) for number in range(MAX_COLOURED)]
    assert len({str((style["linestyle"], style["marker"])) for style in styles[:6]}) == 6
    assert len({str(sorted(style.items(), key=str)) for style in styles}) == MAX_COLOURED
    for one, two in zip(styles, styles[6:], strict=False):
        assert one["color"] == two["color"]
        assert one["linestyle"] != two["linestyle"]
    assert len(DASHES) == 4
    assert len(set(MARKS)) == 6
