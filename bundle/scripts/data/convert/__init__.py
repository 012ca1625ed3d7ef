"""Public datasets turned into datasets of this bundle, one a file."""
