"""Programs that run in processes of their own, started by their path; they need the bundle and not the viewer."""
