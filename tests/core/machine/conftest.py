"""What the tests of the machine share."""

import pytest

from scripts.core.machine import measured


@pytest.fixture
def nothing_measured(tmp_path, monkeypatch):
    """An empty cache, and nothing known to this process; where it will lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    measured._known.cache_clear()
    yield tmp_path / measured.CACHE
    measured._known.cache_clear()
