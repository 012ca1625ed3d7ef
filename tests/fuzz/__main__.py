"""`python -m tests.fuzz`: spoilt inputs, by the number of cases or for so many minutes.

    PYTHONPATH=bundle python -m tests.fuzz --minutes 60                       # what make fuzz runs
    PYTHONPATH=bundle python -m tests.fuzz --targets tiff --seed 7 --case 12  # one case again

The seed is told at the start; with it and its number a case comes out the same. Findings are printed, and each input is
kept in a folder of its own.
"""

import argparse
import json
import random
import re
import shutil
import sys
import time
from pathlib import Path

from .runner import Runner
from .targets import TARGETS, share

A_ROUND = 200


def run(names, seed, cases=None, minutes=None, first=0, keep=None):
    """Run cases of each target in turn, and return the runners with what they counted and found."""
    runners = [Runner(name, TARGETS[name], seed, keep) for name in names]
    if cases is not None:
        for runner in runners:
            runner.run(range(first, first + share(runner.name, cases)))
        return runners
    ends, told = time.monotonic() + 60 * minutes, set()
    while time.monotonic() < ends:
        for runner in runners:
            runner.run(range(first, first + share(runner.name, A_ROUND)))
            _tell_new(runner, told, keep)
        first += A_ROUND
    return runners


def distinct(finding):
    """Return what two cases of one fault have in common."""
    words = re.sub(r"[\d.+-]+", "N", finding["told"].split(" = ")[0].split(": ")[-1]).split()
    return finding["target"], finding["kind"], finding["where"] or " ".join(words[:3])


def tell(finding):
    """Return a finding as text, with the command that repeats it."""
    again = f"--targets {finding['target']} --seed {finding['seed']} --case {finding['number']}"
    lines = [f"{finding['target']} {finding['text'] or finding['kind']}", f"  at {finding['where']}"]
    return "\n".join([*lines, f"  spoilt: {finding['told']}", f"  again: python -m tests.fuzz {again}"])


def _tell_new(runner, told, keep):
    for finding in runner.findings:
        if (key := distinct(finding)) in told:
            if keep is not None:
                shutil.rmtree(keep / f"{runner.name}-{runner.seed}-{finding['number']}", ignore_errors=True)
            continue
        told.add(key)
        print(tell(finding), flush=True)
    runner.findings.clear()


def main():
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--targets", default=",".join(TARGETS), help="one or several, with commas: %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="by default one that is drawn, and told")
    parser.add_argument("--cases", type=int, default=None, help="so many of each target, of slow ones a quarter")
    parser.add_argument("--minutes", type=float, default=60.0, help="without --cases: %(default)s")
    parser.add_argument("--case", type=int, default=None, help="only the one with this number")
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="folder for inputs: %(default)s")
    parser.add_argument("--json", type=Path, default=None, help="write counts and findings to this file")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**9) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    cases = given.cases if given.case is None else 1
    runners = run(given.targets.split(","), seed, cases, given.minutes, given.case or 0, given.findings.resolve())
    told = set()
    for runner in runners:
        if given.json is None:
            _tell_new(runner, told, None)
        print(f"{runner.name}: {runner.counts}", flush=True)
    if given.json is not None:
        result = {each.name: {"counts": each.counts, "findings": each.findings} for each in runners}
        given.json.write_text(json.dumps(result))
    sys.exit(any(runner.counts["finding"] for runner in runners))


if __name__ == "__main__":
    main()
