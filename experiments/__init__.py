"""How the shipped weights and the published tables came to be."""
