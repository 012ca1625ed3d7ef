"""The commands: `python -m scripts COMMAND --help`, or `tubenet COMMAND --help`."""

import os
import sys

OLDEST = (3, 11)


def main(program: str = "python -m scripts") -> None:
    """Run the command on the command line.

    Where this Python is too old, or a package is missing, one line says so.

    Args:
        program: what stands before the command, for messages.
    """
    if sys.version_info < OLDEST:
        found, needed = (".".join(map(str, version)) for version in (sys.version_info[:3], OLDEST))
        sys.exit(f"error: Python {found}: is too old for tubenet; use Python {needed} or later")
    try:
        from scripts.commands import COMMANDS, run_commands

        run_commands(COMMANDS, program)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "scripts":
            raise
        remedy = "install tubenet there, by pip, with all that it needs"
        sys.exit(f"error: {error.name}: is not installed for {sys.executable}; {remedy}")


if __name__ == "__main__":
    main()
