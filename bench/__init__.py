"""How fast the bundle is, beside what the machine can do: `make bench`."""
