"""CITATION.cff names the paper as the model card does, with what the format asks for."""

import re

import yaml

from scripts.core import BUNDLE

ROOT = BUNDLE.parent
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
NAMES = ({"family-names", "given-names"}, {"name"})


def test_what_the_format_asks_for_is_there():
    assert CITATION["cff-version"] == "1.2.0"
    for work in (CITATION, CITATION["preferred-citation"]):
        assert work["title"]
        assert work["authors"]
        for author in work["authors"]:
            assert author.keys() - {"orcid"} in NAMES
            assert re.fullmatch(
                r"https://orcid\.org/(\d{4}-){3}\d{3}[\dX]",
                author.get("orcid", "https://orcid.org/0000-0000-0000-0000"),
            )
    assert CITATION["message"]


def test_orcids_have_the_check_digit_of_their_own_digits():
    """ISO 7064 mod 11-2, so that a digit that was mistyped shows."""
    orcids = [author["orcid"] for author in CITATION["preferred-citation"]["authors"] if "orcid" in author]
    assert orcids
    for orcid in orcids:
        *digits, last = orcid.rsplit("/", 1)[1].replace("-", "")
        total = 0
        for digit in digits:
            total = (total + int(digit)) * 2
        assert "0123456789X"[(12 - total % 11) % 11] == last, orcid


def test_the_paper_is_named_with_journal_year_and_doi():
    paper = CITATION["preferred-citation"]
    assert (paper["type"], paper["journal"], paper["year"]) == ("article", "Biology Methods and Protocols", 2025)
    assert paper["doi"] == "10.1093/biomethods/bpaf087"
    card = " ".join((BUNDLE / "docs" / "README.md").read_text(encoding="utf-8").split())
    for word in ("title", "journal", "volume", "start", "year", "doi"):
        assert str(paper[word]) in card, word
    assert paper["doi"] in (BUNDLE / "configs" / "metadata.json").read_text(encoding="utf-8")
