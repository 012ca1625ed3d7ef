"""Run studies: the command, its trials as processes, and how many steps its minutes allow."""
