"""The command `suggest`: which blocks of a volume to label next, and how they come back."""
