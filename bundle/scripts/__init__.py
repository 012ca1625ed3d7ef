"""How the bundle works: one idea a file; `configs/` says what runs."""
