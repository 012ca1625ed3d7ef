"""`python -m monai.bundle ...` as one types it, options of trainings that take seconds, and what those leave."""

import json
from pathlib import Path

from tests.helpers.python_m import ALWAYS_PLAIN, BUNDLE

TINY_CHANNELS = [4, 4, 8, 8, 8, 8]
TINY_NETWORK = {"network_def#channels": TINY_CHANNELS, "patch_size": [32, 32, 32]}
TINY_TRAINING = {**TINY_NETWORK, "epochs": 1, "iterations_per_epoch": 1, "batch_size": 2}
LEFT_BY_TRAINING = ["epochs.csv", "model_best.json", "model_best.pt", "model_last.json", "model_last.pt", "resume.pt"]


def network_arguments(overlay):
    """The network's arguments that an overlay changes, where there are no weights to take them from."""
    config = json.loads((BUNDLE / "configs" / "overlays" / f"{overlay}.json").read_text())
    return {
        path.removeprefix("network_def#"): value["otherwise"] if isinstance(value, dict) else value
        for path, value in config.items()
    }


def contents(folder):
    """All that is in a folder, to be compared with what was there before."""
    return {path.relative_to(folder): path.is_file() and path.read_bytes() for path in sorted(folder.rglob("*"))}


class BundleCommand:
    """Run `python -m monai.bundle WORDS`."""

    def __init__(self, python_m):
        self.python_m = python_m

    def __call__(self, *words, **how):
        return self.python_m("monai.bundle", *words, **how)

    def run(self, configs="inference", cwd=BUNDLE, plain=ALWAYS_PLAIN, **options):
        """`monai.bundle run` of one config by name, or of several, with options."""
        folder = "configs" if Path(cwd) == BUNDLE else f"{BUNDLE}/configs"
        files = [f"{folder}/{name}.json" for name in ([configs] if isinstance(configs, str) else configs)]
        given = [word for name, value in options.items() for word in (f"--{name}", value)]
        return self("run", "--config_file", files[0] if len(files) == 1 else files, *given, cwd=cwd, plain=plain)
