"""How shipped weights and published tables came to be."""
