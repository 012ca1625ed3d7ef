"""Public data sets turned into datasets of this bundle, one a file."""
