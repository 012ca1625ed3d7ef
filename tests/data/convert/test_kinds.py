"""The list of data sets that can be imported, and what the command refuses."""

import pytest

from scripts.core import BUNDLE
from scripts.data.convert.kinds import KINDS, import_dataset


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_has_each_with_its_licence(kind):
    page = (BUNDLE.parent / "docs" / "reference" / "datasets.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("|") and f"`{kind}`" in line]
    assert KINDS[kind].LICENCE.split(":")[0].split(",")[0] in row


def test_what_is_refused(tmp_path):
    with pytest.raises(ValueError, match="--kind minives: no such data set is known; give one of tube_net, "):
        import_dataset(tmp_path, tmp_path.parent / "out", kind="minives")
    with pytest.raises(ValueError, match="--classes: minivess has one class, vessel; leave it out"):
        import_dataset(tmp_path, tmp_path.parent / "out", kind="minivess", classes=True)
