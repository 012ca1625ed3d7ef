"""The table of results: what is in it, by hand and by a real run, and what is refused before any work."""

import json
import re
import shlex
import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from experiments.results_table import BEGIN, END, best_threshold_dice, results_table, run_results, with_table
from scripts.commands.synthesise import write_dataset
from scripts.core import sha256
from scripts.data import find_dataset
from scripts.io import read_volume
from tests.helpers.bundle_command import TINY_NETWORK, contents
from tests.helpers.dataset_examples import BUNDLE, write_pair

RESULTS = BUNDLE.parent / "docs" / "results.md"
VERSION = json.loads((BUNDLE / "configs" / "metadata.json").read_text())["version"]
PAGE = f"# Title\n\n{BEGIN}\nwhat was there before\n{END}\n\nmore, µm\n"


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    return path


# -- the best threshold ------------------------------------------------------------------------------------------------


def volume(folder, image, label):
    """Of the voxels of two rows, (X, Z), each twice along Y."""
    image, label = (np.reshape(each, (-1, 1, 2)).repeat(2, axis=1) for each in (image, label))
    write_pair(folder, "v", image, label, suffix=".npy")
    return {key: str(folder / f"{key}s" / "v.npy") for key in ("image", "label")}


def test_the_best_threshold_by_hand(tmp_path):
    """Of 3 vessels, from 9 on one is found, 2/4; from 5 on two and one voxel more, 4/6; from 3 on all and two, 6/8."""
    one = volume(tmp_path, [9, 5, 5, 3, 3, 1], [1, 1, 0, 1, 0, 0])
    assert best_threshold_dice(one) == 6 / 8
    assert best_threshold_dice(one, ((0, 1), (0, 1), (0, 2))) == 1
    assert best_threshold_dice(one, ((0, 2), (0, 1), (0, 2))) == 6 / 7  # all four are predicted
    assert np.isnan(best_threshold_dice(one, ((1, 2), (0, 1), (0, 1))))


def test_what_is_not_labelled_does_not_count(tmp_path):
    assert best_threshold_dice(volume(tmp_path, [9, 5, 5, 3], [-1, 1, 0, -1])) == 2 / 3


def test_no_threshold_is_better(tmp_path):
    """Against all thresholds between neighbouring values, on numbers that differ in their last bits."""
    random = np.random.default_rng(0)
    label = random.random(400) < 0.3
    image = (1 + 1e-6 * random.normal(label, 1)).astype(np.float32)
    values = np.unique(image).astype(float)
    assert 40 < len(values) < 200  # with ties
    every = [image > (a + b) / 2 for a, b in pairwise([0, *values])]
    best = max(2 * (label & predicted).sum() / (label.sum() + predicted.sum()) for predicted in every)
    assert best_threshold_dice(volume(tmp_path, image, label.astype(np.uint8))) == best


# -- the table ---------------------------------------------------------------------------------------------------------


def test_table():
    scores = {"dice": 0.66666, "cldice": None, "auroc": 0.9, "average_precision": 1.0, "recall": 0.1}
    rows = {"a": {**scores, "oracle": 0.5}, "a `:,1:2,:`": {"dice": 0.25, "oracle": float("nan")}}
    origin = {"weights": "w.pt", "weights_sha256": "0123456789abcdef", "software": "tubenet 9.8.7"}
    header, rule, *lines, empty, told = results_table(
        rows, origin, 0.41014, ["configs/overlays/wide.json"]
    ).splitlines()
    assert header == "| volume | Dice | clDice | AUROC | AP | best global threshold, Dice |"
    assert rule == "|---|---|---|---|---|---|"
    assert lines == ["| a | 0.667 | – | 0.900 | 1.000 | 0.500 |", "| a `:,1:2,:` | 0.250 | – | – | – | – |"]
    assert not empty
    assert told.startswith(
        "`w.pt` (sha256 `0123456789ab`), tubenet 9.8.7, `wide.json`, threshold 0.41. The last column:"
    )


def test_the_table_goes_between_the_lines(page):
    assert with_table(page, "| new |") == PAGE.replace("what was there before", "| new |")
    assert page.read_text(encoding="utf-8") == PAGE


@pytest.mark.parametrize("text", ["", BEGIN + "\n", f"{END}\n{BEGIN}\n", PAGE + PAGE, PAGE + f"{END}\n"], ids=range(5))
def test_a_page_without_the_lines_is_refused_before_the_work(page, text, tmp_path):
    page.write_text(text)
    with pytest.raises(ValueError, match=f"page.md: has not just one line {BEGIN} .*leave --page out") as error:
        run_results(tmp_path / "no dataset", page=page, output_dir=tmp_path / "out")
    assert "\n" not in str(error.value)
    assert page.read_text() == text


def test_the_table_of_results_is_that_of_the_shipped_weights():
    """Or `make results PAGE=docs/results.md` has to run again."""
    (table,) = re.findall(f"{BEGIN}\n(.*?){END}\n", RESULTS.read_text(encoding="utf-8"), re.DOTALL)
    assert f"sha256 `{sha256(BUNDLE / 'models' / 'model.pt')[:12]}`), tubenet {VERSION}" in table


# -- runs --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("dataset"), 2, style="mesh", shape=(40, 36, 15))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"dataset_dir": "none"}, "none: no such dataset; give --dataset_dir"),
        ({"dataset_dir": "."}, "has no folder images/"),
        ({"ckpt_path": "none.pt"}, "none.pt: no such weights; check --ckpt_path"),
        ({"page": "none.md"}, "none.md: no such file; give another --page"),
        ({"parts": {"b": ":,:,:"}}, "--parts: there is no volume 'b' in the dataset; it has mesh_0, mesh_1"),
        ({"parts": {"mesh_0": ":,:,0:99"}}, "--region :,:,0:99: does not fit"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_done_is_refused_before_the_work(given, told, dataset, page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("experiments.results_table.run_bundle", None)
    before = contents(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(told)) as error:
        run_results(**{"dataset_dir": dataset, "page": page, "output_dir": tmp_path / "out", **given})
    assert "\n" not in str(error.value)
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("forked_bundle")
def test_a_failed_evaluation_leaves_the_page(dataset, tiny_weights, page, tmp_path, capfd):
    """Weights of another width than the configs have."""
    with pytest.raises(OSError, match="failed with status 1"):
        run_results(dataset, tiny_weights, tmp_path / "out", page)
    assert "does not fit the config" in capfd.readouterr().err.splitlines()[-1]
    assert page.read_text(encoding="utf-8") == PAGE


@pytest.mark.slow
@pytest.mark.usefixtures("forked_bundle")
def test_results(dataset, tiny_weights, page, tmp_path, capfd):
    """Two volumes and the half of one, with weights that need an overlay."""
    overlay, out = tmp_path / "tiny.json", tmp_path / "out"
    overlay.write_text(json.dumps(TINY_NETWORK))
    region = ":,18:36,:"
    run_results(dataset, tiny_weights, out, page, parts={"mesh_1": region}, configs=[str(overlay)])
    whole, part = (json.loads((out / each / "metrics.json").read_text()) for each in ("whole", "parts/mesh_1"))
    assert list(part["cases"]) == ["mesh_1"]
    assert part["cases"]["mesh_1"]["dice"] != whole["cases"]["mesh_1"]["dice"]
    rows = {**whole["cases"], f"mesh_1 `{region}`": part["cases"]["mesh_1"]}

    text = page.read_text(encoding="utf-8")
    table = text.partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]
    assert text == PAGE.replace("what was there before", table)
    assert table in capfd.readouterr().out
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| mesh")]
    assert [line[0] for line in lines] == list(rows)
    for line, scores in zip(lines, rows.values(), strict=True):
        assert line[1:5] == [f"{scores[name]:.3f}" for name in ("dice", "cldice", "auroc", "average_precision")]
    item = find_dataset(dataset)[1]
    image, label = (read_volume(item[key])[1][:, 18:] for key in ("image", "label"))
    best = max(2 * (label > 0)[image >= v].sum() / ((label > 0).sum() + (image >= v).sum()) for v in np.unique(image))
    assert lines[2][5] == f"{best:.3f}"
    assert f"`tiny.pt` (sha256 `{sha256(tiny_weights)[:12]}`), tubenet {VERSION}, `tiny.json`, threshold 0.5." in table


def test_without_a_page_it_only_prints(dataset, tmp_path, monkeypatch, capsys):
    def evaluated(files, output_dir, **options):
        row = {"dice": 0.125, "cldice": 0.25, "auroc": 0.375, "average_precision": None}
        written = {"cases": {"mesh_0": row, "mesh_1": row}, "threshold": 0.5}
        output_dir.mkdir()
        (output_dir / "metrics.json").write_text(json.dumps(written))

    monkeypatch.setattr("experiments.results_table.run_bundle", evaluated)
    ours = RESULTS.read_bytes()
    run_results(dataset, output_dir=tmp_path / "out")
    assert "| mesh_1 | 0.125 | 0.250 | 0.375 | – | 0." in capsys.readouterr().out
    assert RESULTS.read_bytes() == ours


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(("given", "page"), [([], None), (["PAGE=docs/a b.md"], "docs/a b.md")], ids=["none", "named"])
def test_make_results_names_a_page_only_if_it_is_told_one(given, page):
    """What make would run; by default no page, so that the table is only printed (above)."""
    words = ["make", "--dry-run", "results", "DATASET=some where", *given]
    done = subprocess.run(words, cwd=BUNDLE.parent, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if "-m experiments results" in line]
    command = shlex.split(line)[1:]  # after PYTHONPATH=
    options = dict(zip(command[4::2], command[5::2], strict=True))
    assert options.pop("--page", None) == page
    assert options == {"--dataset_dir": "some where", "--output_dir": "results"}
