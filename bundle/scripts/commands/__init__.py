"""What `python -m scripts COMMAND` runs, one command a file."""
