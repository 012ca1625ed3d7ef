"""Measure how fast the bundle is, beside what the machine can do: `make bench`."""
