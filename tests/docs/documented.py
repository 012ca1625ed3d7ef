"""The commands that pages of documentation show: read as a shell reads them, and made short and of small data."""

import re
import shlex
from dataclasses import dataclass
from functools import cache

PROGRAMS = {"curl", "docker", "make", "mypy", "pip", "pytest", "python", "python3", "python3.11", "ruff", "ssh"}
PROGRAMS |= {"tensorboard", "torchrun", "tubenet"}
SHELL = {".", "cd", "export", "py"}
IN_BUNDLE = ("docs/explanation/synthetic", "docs/how-to/", "README.md", "bundle/docs/README.md", "docs/results.md")
"""Pages whose blocks begin in the folder `bundle`, as they say, if they do not change to another."""

MENTION = re.compile(r"python -m (monai\.bundle|scripts|experiments|bench)( [A-Za-z-]+)?|tubenet [A-Za-z-]+|make")
"""A command that is named, in a line of text, rather than shown; `test_links.py` looks whether it exists."""

PLACEHOLDER = re.compile(
    r"(?<![\w/.-])(PATH|DATASET_OR_FILE|DATASET|OUT\d?|DIR|WEIGHTS|SCORES|FOLDER|IN|NAME|[ABCX])(?![\w-])"
)
REGION = re.compile(r"(\d*:\d*,){2}\d*:\d*")
SMALL_REGION = "0:32,:,:"
SHORT = {
    "train": {"epochs": 1, "iterations_per_epoch": 1, "batch_size": 1, "patch_size": "[32,32,32]", "num_workers": 0},
    "pretrain": {"validation_volumes": 1, "val_interval": 1},
    "published": {"network_def#channels": "[4,4,8,8,8,8]"},
    "synthesise": {"count": 1, "shape": "24,20,12"},
    "contact-sheet": {"count": 1},
}
"""Options that make a command short, by a word that tells its kind."""


@dataclass(frozen=True)
class Command:
    """One command of a page: its words, and the folder that it is typed in, seen from the top of the repository."""

    page: str
    words: tuple
    folder: str = ""

    @property
    def text(self):
        return " ".join(self.words)

    @property
    def kinds(self):
        """Words of `SHORT` that tell what it does."""
        word = self.words[1]
        said = {word, "train"} if word in ("finetune", "pretrain") else {word}
        said = said if self._is_tubenet else set()
        said |= set(re.findall(r"(\w+)\.json", self.text)) | {word for word in self.words if word in SHORT}
        return said - {"train"} if said & {"evaluate", "multi_gpu_evaluate"} else said

    @property
    def _is_tubenet(self):
        return self.words[0] == "tubenet"

    def shortened(self, world):
        """Its words with small data from the folder `world`, and with options that make it short."""
        words = [PLACEHOLDER.sub(lambda found: str(world / found[1]), word) for word in self.words]
        words = ["synthesise" if word == "COMMAND" else word for word in words]
        words = [SMALL_REGION if REGION.fullmatch(word) else word for word in words]
        given = "--ckpt_path" in words
        for kind in SHORT.keys() & self.kinds:
            for name, value in SHORT[kind].items():
                if given and name.startswith("network_def"):  # these come with the weights
                    continue
                if f"--{name}" in words:
                    words[words.index(f"--{name}") + 1] = str(value)
                else:
                    words += [f"--{name}", str(value)]
        return words


@cache
def commands_of(path, page):
    """All commands that a page shows: those of its blocks, and those in a line that have an argument."""
    found, folder = [], "bundle" if page.startswith(IN_BUNDLE) else ""
    pattern = r"^ *```(\w*)\n(.*?)^ *```|(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)"
    for _, block, inline in re.findall(pattern, path.read_text(encoding="utf-8"), re.M | re.S):
        words = inline.split()
        if block:
            folder = _read(found, page, block, folder)
        elif len(words) > 1 and words[0] in PROGRAMS and not MENTION.fullmatch(" ".join(words)):
            _read(found, page, " ".join(words), folder)
    return found


def snippets_of(path):
    """The snippets of Python that a page shows."""
    return re.findall(r"^ *```python\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.M | re.S)


def _read(found, page, block, folder):
    """Add the commands of a block to those found, and return the folder that it ends in.

    A block is of commands if its first line is one; then every other line has to be one, too.
    """
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in block.replace("\\\n", " ").splitlines()]
    parts = [part.removeprefix("$ ") for line in lines for part in line.split(" && ") if part]
    if not parts or parts[0].split()[0] not in PROGRAMS | SHELL:
        return folder
    for part in parts:
        words = shlex.split(part)
        assert words[0] in PROGRAMS | SHELL, f"{page}: {words[0]} is no program of PROGRAMS"
        if words[0] == "cd":
            folder = "" if words[1] == ".." else words[1]
        else:
            found.append(Command(page, tuple(words), folder))
    return folder
