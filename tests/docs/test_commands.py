"""Every command that README and docs show is run, on small data and for a step; or it is said why not."""

import re
import shutil
import subprocess
from collections import Counter

import pytest
import torch

from scripts.core import BUNDLE
from scripts.io import write_volume
from scripts.metrics import curves_of
from scripts.network import TubeNet
from scripts.report.curves import write_curves
from scripts.weights import save_weights
from scripts.weights.keras import export_weights
from scripts.weights.keras.layout import RELEASED
from tests.docs.documented import MENTION, SHORT, Command, commands_of, snippets_of
from tests.helpers.bundle_command import TINY_CHANNELS
from tests.helpers.counts_examples import counts, noisy
from tests.helpers.dataset_examples import write_tubes

ROOT = BUNDLE.parent
PAGES = {str(page.relative_to(ROOT)): page for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))}
PAGES["bundle/docs/README.md"] = BUNDLE / "docs" / "README.md"
for without in ("CHANGELOG.md", "docs/reference/commands.md"):  # of the past; forms to fill in, by make docs
    del PAGES[without]

NOT_RUN = [
    (r"make .*", "sets up environments, or takes hours; `make -n` reads it", None),
    (r"pip (install|wheel) .*|python3(\.11)? -m venv .*|\. \.venv.*", "installs from the network", None),
    (r"docker .*", "needs a daemon", None),
    (r"curl .*|tensorboard .*|ssh .*|export .*", "speaks to a server, or is of other programs", None),
    (r"ruff .*|mypy.*|(python -m )?pytest.*", "is what runs this", None),
    (r"python -m scripts (label|restore-foundation) .*", "needs MONAI Label", "tests/server/conftest.py: label"),
    (r"tubenet (label|restore-foundation) .*", "needs MONAI Label", "tests/server/conftest.py: label"),
    (r".*(scripts|tubenet) watch .*", "goes on until it is stopped", 'tests/commands/test_watch.py: "watch"'),
    (r".*(scripts|tubenet) demo.*", "takes minutes", "tests/commands/test_demo.py: run_demo("),
    (r"tubenet study .*", "takes minutes", "tests/commands/study/test_run.py: run_study("),
    (r"tubenet suggest .*", "needs a person in between", "tests/commands/suggest/test_suggest.py: suggest("),
    (
        r"tubenet finetune OUT DIR --unlabelled_value 254",
        "is of the same",
        "tests/commands/suggest/test_suggest.py: suggest(",
    ),
    (r"python -m monai.bundle onnx_export .*", "runs elsewhere", 'tests/weights/test_export.py: "onnx_export"'),
    (r"python -m monai.bundle ckpt_export .*", "runs elsewhere", 'tests/weights/test_export.py: "ckpt_export"'),
    (
        r"tubenet import-dataset .* --kind .*",
        "needs a data set",
        "tests/data/convert/test_tube_net.py: import_dataset(",
    ),
    (r"torchrun .*", "runs elsewhere", 'tests/training/test_distributed.py: "train", "pretrain", "multi_gpu_train"'),
    (r"python -m bench compare .*", "runs elsewhere", 'tests/bench/test_measure.py: bench("compare"'),
    (r"python -m bench gradients .*", "runs elsewhere", 'tests/bench/test_measure.py: bench("gradients"'),
    (r"python -m experiments .*", "takes hours", "tests/experiments/test_ablation.py: run_ablation("),
]
"""What is not run: the commands, why, and where else they run (a file of tests and what stands in it)."""

REFUSED = {"inference_trt": "TensorRT"}
"""What needs hardware that a machine of tests lacks, and a word of the line that refuses it."""

WITH_OPTIONS = {"DIR/previous/", "DIR/events", "DIR/mlruns.db", "OUT/mlruns.db"}
WITH_OPTIONS |= {"OUT/NAME_prob.EXT", "OUT/NAME_std.EXT", "OUT/blocks/NAME.EXT"}
"""Files of the text that need an option of it, or a second run."""

ALONE = {"docs/how-to/authors-release.md", "docs/results.md"}
"""Pages about other weights than the rest, so that their `DIR` is another."""


def reason(command):
    return next((each for each in NOT_RUN if re.fullmatch(each[0], command.text)), None)


EVERY = [command for page, path in sorted(PAGES.items()) for command in commands_of(path, page)]
RUN = [each for each in EVERY if reason(each) is None]


def first_of_each():
    """Each command that is run, once, with `README.md` first, for what it makes is used later."""
    found = {}
    for command in sorted(RUN, key=lambda each: each.page != "README.md"):
        found.setdefault((command.text, command.page if command.page in ALONE else None), command)
    return list(found.values())


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A copy of the bundle, beside what the pages call DATASET, PATH/stack.tif and so on, all very small."""
    world = tmp_path_factory.mktemp("world")
    shutil.copytree(BUNDLE, world / "bundle", ignore=shutil.ignore_patterns("__pycache__"))
    if (ROOT / "tubenet").is_dir():
        shutil.copytree(ROOT / "tubenet", world / "tubenet", ignore=shutil.ignore_patterns("__pycache__"))
    write_tubes(world / "DATASET", "stack", (40, 36, 15))
    shutil.copytree(world / "DATASET", world / "DATASET_OR_FILE")
    for place in (world / "PATH", world, world / "bundle"):
        place.mkdir(exist_ok=True)
        shutil.copy(world / "DATASET" / "images" / "stack.tif", place)
    for name in "AB":
        for suffix in (".pt", ".json"):
            shutil.copy(BUNDLE / "models" / f"model{suffix}", world / f"{name}{suffix}")
    for seed, name in enumerate(("OUT1", "OUT2")):
        write_curves(world / name, {"case": curves_of(counts(*noisy(seed, 5000)))}, 0.5)
    return world


@pytest.fixture(scope="module")
def released(template, tmp_path_factory):
    """What the pages about the authors' release begin with: their weights, small, and their data, a volume."""
    world = tmp_path_factory.mktemp("released") / "world"
    shutil.copytree(template, world)
    network = TubeNet(channels=TINY_CHANNELS, **{name: value for name, value in RELEASED.items() if name != "act"})
    sidecar = {"network": network.arguments, "normalisation": {"lower": 0.0, "upper": 100.0}, "threshold": 0.5}
    save_weights(world / "DIR" / "model_best.pt", network, sidecar)
    export_weights(world / "DIR" / "model_best.pt", world / "NAME.weights.h5")
    (world / "DIR" / "model_best.weights.h5").unlink(missing_ok=True)
    for part, ending in (("Image data", ""), ("Labels", "_labels")):
        tube = torch.zeros(12, 10, 8, dtype=torch.uint8).numpy()
        tube[:, 4:6, 4:6] = 1
        write_volume(world / "FOLDER" / part / f"stack{ending}.tif", tube)
    shutil.rmtree(world / "DATASET")
    return world


@pytest.fixture(scope="module")
def done(template, released, python_m):
    """All commands, one after another, the places in which they were run, and what lay there after any of them."""
    worlds, finished, seen = {}, {}, set()
    for page in PAGES:
        worlds[page] = released if page == "docs/how-to/authors-release.md" else template
    alone = template.parent / "alone"
    shutil.copytree(template, alone)
    worlds["docs/results.md"] = alone
    for command in first_of_each():
        finished[command] = run(command, worlds[command.page], python_m)
        seen.update(worlds[command.page].rglob("*"))  # a later training sets aside what an earlier one left
    return worlds, finished, seen


def run(command, world, python_m):
    words = command.shortened(world)
    assert words[0] in ("python", "tubenet"), f"{command.text}: is neither run nor listed in NOT_RUN"
    module, rest = (words[2], words[3:]) if words[0] == "python" else ("tubenet", words[1:])
    environment = {"PYTHONPATH": str(world)} if words[0] == "tubenet" else {}
    return python_m(module, *rest, cwd=world / command.folder, environment=environment)


@pytest.mark.parametrize("command", first_of_each(), ids=lambda command: f"{command.page}: {command.text[:90]}")
def test_it_does_what_the_page_says(command, done):
    finished = done[1][command]
    for config, word in REFUSED.items():
        if config in command.text and not torch.cuda.is_available():
            finished.refused(word)
            return
    finished.ok()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_files_that_the_page_says_it_leaves_are_there(page, done):
    world, seen = done[0][page], done[2]
    text = PAGES[page].read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:PATH|OUT|out\d?|DIR|WEIGHTS|SCORES)/[\w./]+)`", text))
    for name in named - WITH_OPTIONS:
        file = name.replace("NAME", "stack").replace("EXT", "tif")
        assert seen & {world / file, world / "bundle" / file}, name


@pytest.mark.parametrize("page", sorted(page for page, path in PAGES.items() if snippets_of(path)))
def test_snippets_of_python_run(page, template, done, python_m):  # they read what commands wrote
    for number, code in enumerate(snippets_of(PAGES[page])):
        (template / "bundle" / f"snippet_{number}.py").write_text(code)
        python_m(f"snippet_{number}", cwd=template / "bundle").ok()


# -- what is not run ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", sorted({each.words for each in EVERY if each.words[0] == "make"}))
def test_make_knows_what_it_would_do(words):
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_installed_exists():
    named = {word for each in EVERY if "install" in each.words for word in each.words if word.endswith(".txt")}
    assert "requirements.txt" in named
    assert all((ROOT / name).is_file() for name in named)


@pytest.mark.parametrize(("pattern", "why", "where"), NOT_RUN)
def test_each_exception_is_needed_and_true(pattern, why, where):
    assert why
    if where is not None:
        file, _, text = where.partition(": ")
        assert text in (ROOT / file).read_text(encoding="utf-8")


def test_what_is_read_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Say `make it` or `python -m scripts demo` or `python -m scripts publish A.pt B.pt`.\n\n"
        "```\ncd bundle && python -m scripts watch \\\n    --input_dir IN     # until\n```\n"
        "```\na/  a folder\nmake it\n```\n"
    )
    assert commands_of(page, "page") == [
        Command("page", ("make", "it")),
        Command("page", ("python", "-m", "scripts", "publish", "A.pt", "B.pt")),
        Command("page", ("python", "-m", "scripts", "watch", "--input_dir", "IN"), "bundle"),
    ]
    assert MENTION.fullmatch("python -m scripts demo")


def test_a_command_is_made_short_by_options(tmp_path):
    words = ("tubenet", "finetune", "DATASET", "DIR", "--region", "0:99,:,:", "--epochs", "9")
    short = Command("page", words).shortened(tmp_path)
    assert short[:8] == [
        "tubenet",
        "finetune",
        f"{tmp_path}/DATASET",
        f"{tmp_path}/DIR",
        "--region",
        "0:32,:,:",
        "--epochs",
        "1",
    ]
    assert Counter(short[6::2]) == Counter(f"--{name}" for name in SHORT["train"])
