"""Convert public datasets to this bundle's layout, one per file."""
