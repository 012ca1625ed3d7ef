"""The command `tubenet`: the commands of the bundle, which the wheel holds beside this file."""

import os
import sys

from tubenet import bundle_folder


def main():
    """Run the command on the command line; only this process sees the bundle's `scripts`."""
    sys.path.insert(0, str(bundle_folder()))
    os.environ["MPLBACKEND"] = "agg"  # a notebook passes on its own, which need not be installed here
    from scripts.__main__ import main as run

    run("tubenet")


if __name__ == "__main__":
    main()
