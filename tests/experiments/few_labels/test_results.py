"""`make results`: what it runs, that it goes on where it was, and what is refused before any work."""

import csv
import json
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest

from experiments.baselines import BASELINES
from experiments.few_labels import page as pages
from experiments.few_labels import results, rows, run_results, trial
from experiments.few_labels.page import BEGIN, END
from experiments.few_labels.plan import BLOCK, SLICES, SPLIT, WHOLE
from experiments.few_labels.tables import ORACLE, ZERO_SHOT
from experiments.few_labels.trial import FINE_TUNED, FROM_SCRATCH
from scripts.core import UserError, sha256, write_text
from scripts.data import find_dataset, find_labelled
from scripts.io import read_volume
from scripts.study import NOT_LABELLED
from tests.helpers.bundle_command import TINY_NETWORK, contents
from tests.helpers.dataset_examples import BUNDLE, write_pair, write_tubes

PAGE = f"# Title\n\n{BEGIN}\nbefore\n{END}\n"
SHORT = {"block": 16, "sizes": (8,), "slices": 3, "margin": 2, "parts": {"a_1": ":,18:36,:"}}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A stack, a cube that is too small for anything, and the page."""
    folder = tmp_path_factory.mktemp("dataset")
    write_tubes(folder, "a_1", (40, 36, 15))
    label = np.zeros((10, 10, 4))
    label[4:6, 4:6] = 1
    return write_pair(folder, "b_1", label + np.random.default_rng(0).random(label.shape), label)


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


class Commands:
    """Stands in for the commands of the bundle: a training writes its seed, of which an evaluation makes scores."""

    def __init__(self, monkeypatch):
        self.trained, self.scored, self.fail, self.stop_at = [], [], None, None
        monkeypatch.setattr(trial, "run_bundle", self)
        monkeypatch.setattr(rows, "step_seconds", lambda _: 0.5)
        # what takes seconds is real at the end of this file
        monkeypatch.setattr(rows, "_blind", lambda *_: {"dice": 0.125})
        monkeypatch.setattr(pages, "write_size_curve", lambda path, *_: write_text(path, "a picture"))

    def __call__(self, configs, dataset_dir, unlabelled_value, **options):
        (item,) = find_labelled(dataset_dir, unlabelled_value=unlabelled_value)
        voxels = read_volume(item["label"])[1]
        if "output_dir" in options:
            self.scored.append((item["name"], voxels, options))
            seed = options["ckpt_path"].read_text() if options["ckpt_path"].name == "model_best.pt" else 0
            scores = {"dice": 0.5 + int(seed) / 10, "cldice": 0.25, "auroc": None}
            scores |= {"average_precision": 0.75, "recall": 1.0}
            options["output_dir"].mkdir(parents=True, exist_ok=True)
            (options["output_dir"] / "metrics.json").write_text(json.dumps({"cases": {item["name"]: scores}}))
            return
        if self.fail and self.fail(options):
            raise UserError("the command above: failed with status 1; read what it printed")
        if len(self.trained) == self.stop_at:
            raise KeyboardInterrupt
        self.trained.append((item["name"], len(configs), voxels, options))
        options["ckpt_dir"].mkdir(parents=True)
        (options["ckpt_dir"] / "model_best.pt").write_text(str(options["seed"]))


def rows_of(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_is_worked_out_once_on_voxels_that_did_not_train(dataset, page, tmp_path, monkeypatch, capsys):
    commands, out = Commands(monkeypatch), tmp_path / "out"
    text = run_results(dataset, output_dir=out, page=page, seeds=(0, 2), **SHORT)
    found = {}
    for row in rows_of(out):
        key = (row["volume"], row["state"], row["weights"], row["side"])
        found.setdefault(key, []).append((row["seed"], row["dice"]))
    without = [*BASELINES, ORACLE, ZERO_SHOT]
    expected = {("a_1", kind, name, "") for kind in (WHOLE, BLOCK, SLICES, SPLIT) for name in without}
    expected |= {("b_1", WHOLE, name, "") for name in without}
    expected |= {("a_1", BLOCK, FINE_TUNED, side) for side in ("16", "8")} | {("a_1", BLOCK, FROM_SCRATCH, "16")}
    rest = "all but 0:40,18:36,0:15"
    expected |= {
        ("a_1", SLICES, FINE_TUNED, "3"),
        *(("a_1", SPLIT, method, rest) for method in (FINE_TUNED, FROM_SCRATCH)),
    }
    assert set(found) == expected
    assert found["a_1", BLOCK, FROM_SCRATCH, "16"] == [("0", "0.5"), ("2", "0.7")]
    assert len(commands.trained) == 2 * 6

    trained = {each[3]["ckpt_dir"]: each[2] != NOT_LABELLED for each in commands.trained}
    after = [(voxels, options) for _, voxels, options in commands.scored if options["ckpt_path"].parent in trained]
    assert len(after) == len(trained)
    for voxels, options in after:
        assert not (trained[options["ckpt_path"].parent] & (voxels != NOT_LABELLED)).any()
    told = capsys.readouterr().err
    assert "b_1: no room for a block of 16 voxels or more that is labelled as a whole" in told
    assert "0 of 37 rows are there from before; to do are 12 trainings of " in told
    assert f"training 12 of 12\nwrote {out / 'results.md'}, {out / 'images' / 'block_size.png'}, {page}, " in told
    (dice,) = [line for line in text.splitlines() if line.endswith(" | 0.500 | 0.600 ± 0.141 | 0.600 ± 0.141 |")]
    assert dice.startswith("| a_1 | 0.125 | ")
    assert page.read_text(encoding="utf-8") == PAGE.replace("before", text)
    assert (out / "results.md").read_text() == text + "\n"
    assert (tmp_path / "images" / "block_size.png").read_bytes() == (out / "images" / "block_size.png").read_bytes()

    before, scored = rows_of(out), len(commands.scored)
    assert run_results(dataset, output_dir=out, seeds=(0, 2), **SHORT) == text
    assert (rows_of(out), len(commands.trained), len(commands.scored)) == (before, 12, scored)
    run_results(dataset, output_dir=out, seeds=(0, 2), **{**SHORT, "margin": 3})  # scored anew, and not trained
    assert len(commands.trained) == 12
    assert len(commands.scored) > scored


def test_a_run_that_was_stopped_goes_on(dataset, tmp_path, monkeypatch):
    commands, out = Commands(monkeypatch), tmp_path / "out"
    commands.stop_at = 2
    with pytest.raises(KeyboardInterrupt, match=r"; 22 of 26 rows are in .*results.csv, and the same command goes on"):
        run_results(dataset, output_dir=out, seeds=[0], volumes=["a_1"], **SHORT)
    commands.stop_at = None
    kept = rows_of(out)
    run_results(dataset, output_dir=out, seeds=[0], volumes=["a_1"], **SHORT)
    assert rows_of(out)[: len(kept)] == kept
    assert len(commands.trained) == 6


def test_what_fails_stops_no_other_and_leaves_the_page(dataset, page, tmp_path, monkeypatch, capsys, caplog):
    commands, out = Commands(monkeypatch), tmp_path / "out"
    commands.fail = lambda options: options["ckpt_dir"].name.startswith("from_scratch")
    with pytest.raises(ValueError, match="2 rows: could not be worked out, each is named above; correct them and give"):
        run_results(dataset, output_dir=out, page=page, seeds=[0], volumes=["a_1"], **SHORT)
    assert "failed: from scratch, a_1, one block, " in capsys.readouterr().err
    assert "failed: from scratch, a_1, fixed split, all but " in caplog.text
    assert page.read_text(encoding="utf-8") == PAGE
    assert "| fine-tuned |" in (out / "results.md").read_text()
    commands.fail = None
    run_results(dataset, output_dir=out, page=page, seeds=[0], volumes=["a_1"], **SHORT)
    assert len(commands.trained) == 6
    assert "from scratch" in page.read_text(encoding="utf-8")


def test_without_seeds_nothing_is_trained(dataset, tmp_path, monkeypatch, capsys):
    """Whole volumes, and the part that others test on."""
    commands = Commands(monkeypatch)
    text = run_results(dataset, output_dir=tmp_path / "out", seeds=[], parts={"a_1": ":,18:36,:"})
    assert not commands.trained
    assert len(commands.scored) == 3
    assert "images" not in text
    assert "| a_1 | zero-shot | 0.500 | 0.250 | – | 0.750 | – |" in text
    assert "no room" not in capsys.readouterr().err
    assert f"sha256 `{sha256(BUNDLE / 'models' / 'model.pt')[:12]}`), tubenet " in text


def test_a_folder_of_slices_is_left_out(dataset, tmp_path, monkeypatch, capsys):
    items = [{**item, "image": str(tmp_path)} if item["name"] == "b_1" else item for item in find_dataset(dataset)]
    Commands(monkeypatch)
    monkeypatch.setattr(results, "find_dataset", lambda _: items)
    text = run_results(dataset, output_dir=tmp_path / "out", seeds=[])
    assert "b_1: is left out, its image is a folder; convert it into one file" in capsys.readouterr().err
    assert "| a_1 |" in text
    assert "b_1" not in text
    with pytest.raises(ValueError, match="has no volume to score; see the lines above"):
        run_results(dataset, output_dir=tmp_path / "out", seeds=[], volumes="b_1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dataset_dir": "none"}, "none: no such dataset; give --dataset_dir"),
        ({"dataset_dir": "."}, "has no folder images/"),
        ({"ckpt_path": "none.pt"}, "none.pt: no such weights; check --ckpt_path"),
        ({"page": "none.md"}, "none.md: no such file; give another --page"),
        ({"parts": {"c": ":,:,:"}}, "--parts: there is no volume 'c' in the dataset; it has a_1, b_1"),
        ({"parts": {"a_1": ":,:,0:99"}}, "--region :,:,0:99: does not fit"),
        ({"parts": "a_1"}, "--parts a_1: is not of the form that is read"),
        ({"volumes": ["c"]}, "--volumes: there is no volume 'c' in the dataset; it has a_1, b_1"),
        ({"seeds": "two"}, "--seeds two: is no list of whole numbers"),
        ({"sizes": [0.5]}, "--sizes [0.5]: is no list of whole numbers"),
        ({"block": -1}, "--block -1: is not a whole number of at least 0"),
        ({"options": "epochs"}, "--options epochs: is not of the form that is read"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_done_is_refused_before_the_work(given, told, dataset, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Commands(monkeypatch).fail = pytest.fail
    before = contents(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(told)) as error:
        run_results(**{"dataset_dir": dataset, "page": page, "output_dir": tmp_path / "out", **given})
    assert "\n" not in str(error.value)
    assert {path: each for path, each in contents(tmp_path).items() if path.parts[0] != "out"} == before
    assert not (tmp_path / "out" / "results.csv").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("forked_bundle")
def test_real_trainings_and_evaluations(dataset, tiny_weights, tmp_path):
    """One block and the same from scratch, by the commands themselves, with weights that need an overlay."""
    overlay, out = tmp_path / "tiny.json", tmp_path / "out"
    overlay.write_text(json.dumps(TINY_NETWORK))
    options = {"iterations_per_epoch": 1, "epochs": 1}
    how = {**SHORT, "sizes": (), "slices": 0, "parts": {}}
    text = run_results(dataset, tiny_weights, out, volumes="a_1", seeds=0, options=options, configs=str(overlay), **how)
    found = {row["weights"]: row for row in rows_of(out) if row["state"] == BLOCK}
    assert set(found) == {*BASELINES, ORACLE, ZERO_SHOT, FINE_TUNED, FROM_SCRATCH}
    for method in (FINE_TUNED, FROM_SCRATCH):
        assert 0 <= float(found[method]["dice"]) <= 1
        assert float(found[method]["seconds"]) > 0
        assert f"| {method} |" in text
    assert found[FINE_TUNED]["average_precision"] != found[FROM_SCRATCH]["average_precision"]
    trained = {path.parent.name.partition("_0_16_")[0] for path in (out / "trained" / "a_1").rglob("model_best.pt")}
    assert trained == {"fine_tuned", "from_scratch"}
    assert f"(sha256 `{sha256(tiny_weights)[:12]}`)" in text
    assert "`tiny.json`, `--iterations_per_epoch 1`, `--epochs 1`" in text
    assert (out / "images" / "block_size.png").stat().st_size > 10_000


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("given", "page"), [([], None), (["PAGE=docs/a b.md"], "docs/a b.md")], ids=["none", "named"])
def test_make_results_names_a_page_only_if_it_is_told_one(given, page):
    """What make would run; by default no page, so that the tables are only printed (above)."""
    words = ["make", "--dry-run", "results", "DATASET=some where", *given]
    done = subprocess.run(words, cwd=BUNDLE.parent, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "-m experiments results" in line]
    command = shlex.split(line)[1:]  # after PYTHONPATH=
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options.pop("--page", None) == page
    assert options == {"--dataset_dir": "some where", "--output_dir": "results"}
