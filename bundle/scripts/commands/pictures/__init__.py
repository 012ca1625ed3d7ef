"""Commands that draw: pictures of volumes and of what was found."""
