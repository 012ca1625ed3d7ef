"""Segments blood vessels in any 3-D image: the command `tubenet`, and the MONAI bundle that it runs."""
