"""The command `tubenet`: the commands of the bundle, which the wheel holds beside this file."""

import os
import sys
from pathlib import Path


def main():
    """Run the command on the command line; only this process sees the bundle's `scripts`."""
    here = Path(__file__).resolve().parent
    bundle = here / "bundle" if (here / "bundle").is_dir() else here.parent / "bundle"  # the latter in a checkout
    sys.path.insert(0, str(bundle))
    os.environ["MPLBACKEND"] = "agg"  # a notebook passes on its own, which need not be installed here
    from scripts.__main__ import main as run

    run("tubenet")


if __name__ == "__main__":
    main()
