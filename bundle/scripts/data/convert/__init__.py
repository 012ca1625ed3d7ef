"""Make datasets of published data sets, one a file. Start at `kinds.py`."""
