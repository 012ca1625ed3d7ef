"""A place where MONAI Label's sample app lies as its wheel puts it, where MONAI Label is not installed."""

import sys


def sample_app(prefix, monkeypatch):
    """Make `prefix` the place that this Python is installed in, and return the folder of the sample app in it."""
    sample = prefix / "monailabel" / "sample-apps" / "monaibundle"
    (sample / "lib").mkdir(parents=True)
    (sample / "logs").mkdir()
    (sample / "main.py").write_text("APP = 1\n")
    monkeypatch.setattr(sys, "prefix", str(prefix))
    return sample
