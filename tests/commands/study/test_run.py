"""`tubenet study` as one types it: killed, gone on with, shared by two processes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import optuna
import pytest

from scripts.commands.study.run import run_study
from scripts.core import BUNDLE, UserError
from scripts.study import read_description
from tests.helpers.bundle_command import TINY_NETWORK, contents
from tests.helpers.dataset_examples import write_tubes
from tests.helpers.python_m import of_tests

OPTIONS = {**TINY_NETWORK, "iterations_per_epoch": 2}
MOST_SECONDS = 280


@pytest.fixture
def dataset(tmp_path):
    return write_tubes(tmp_path / "data", "v", (128, 32, 32))


def described(folder, **changes):
    """The study of losses, of two of them and two epochs, as a file of one's own."""
    _, found = read_description("losses")
    variants = {name: found["variants"][name] for name in ("DICE-BCE", "focal")}
    path = folder / "short.json"
    path.write_text(json.dumps({**found, "variants": variants, "epochs": 2, **changes}))
    return path


def started(study, dataset, out, **options):
    words = [str(study), str(dataset), str(out), "--options", str(OPTIONS)]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "scripts", "study", *words]
    return subprocess.Popen(command, cwd=BUNDLE, env=of_tests(), stderr=subprocess.PIPE, text=True)


def states(out, name="short"):
    record = out / f"{name}.json"
    return [trial["state"] for trial in json.loads(record.read_text())["trials"]] if record.is_file() else []


@pytest.mark.slow
def test_a_study_is_killed_and_gone_on_with_by_two_processes(dataset, tmp_path):
    out, study = tmp_path / "out", described(tmp_path)
    first = started(study, dataset, out, seeds=2)
    begun = time.monotonic()
    while "complete" not in states(out) or "running" not in states(out):
        assert time.monotonic() - begun < MOST_SECONDS
        assert first.poll() is None
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stderr.close()
    both = [started(study, dataset, out, seeds=2) for _ in range(2)]
    told = [process.communicate(timeout=MOST_SECONDS)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert any("was stopped, and is gone on with" in each for each in told)

    record = json.loads((out / "short.json").read_text())
    assert [(trial["variant"], trial["seed"], trial["state"]) for trial in record["trials"]] == [
        (variant, seed, "complete") for seed in (0, 1) for variant in ("DICE-BCE", "focal")
    ]
    assert all(trial["steps"] == 4 and trial["train_seconds"] > 0 for trial in record["trials"])
    assert all(0 <= trial["scores"]["v"]["auroc"] <= 1 for trial in record["trials"])
    assert len({json.dumps(trial["scores"]) for trial in record["trials"]}) == 4
    assert [trial["example"] is not None for trial in record["trials"]] == [True, True, False, False]

    kept = optuna.load_study(study_name="short", storage=f"sqlite:///{out / 'short.db'}").trials
    ended = Counter(trial.user_attrs["number"] for trial in kept if trial.state.name == "COMPLETE")
    assert ended == {0: 1, 1: 1, 2: 1, 3: 1}  # nothing twice
    assert sum(trial.state.name == "FAIL" for trial in kept) == 1  # what was killed

    rows = list(csv.DictReader((out / "short.csv").open()))
    assert [(row["variant"], row["volume"]) for row in rows] == [("DICE-BCE", "v"), ("focal", "v")] * 2
    page = (out / "short.html").read_text()
    assert "DICE-BCE" in page
    assert "monai.bundle run" in page
    assert (out / "short.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_search_scores_the_trial_alone_that_validated_best(dataset, tmp_path):
    _, found = read_description("hyperparameters")
    path = tmp_path / "few.json"
    path.write_text(json.dumps({**found, "trials": 2, "epochs": 2}))
    run_study(str(path), str(dataset), str(tmp_path / "out"), options=OPTIONS)
    record = json.loads((tmp_path / "out" / "few.json").read_text())
    validated = [trial["validation"] for trial in record["trials"]]
    assert len(set(validated)) == 2
    scored = [bool(trial["scores"]) for trial in record["trials"]]
    assert scored == [value == max(validated) for value in validated]
    variants = {trial["variant"] for trial in record["trials"]}
    assert len(variants) == 2
    network = json.loads((tmp_path / "out" / "few_trials" / "000" / "weights" / "model_best.json").read_text())
    assert network["network"]["dropout"] == record["trials"][0]["params"]["dropout"]


@pytest.mark.slow
def test_a_trial_that_fails_stops_no_other_and_is_tried_again(dataset, tmp_path, caplog):
    study = described(tmp_path, variants={"wrong": {"options": {"loss": "$1 / 0"}}, "right": {}}, example=False)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"1 trial failed, the first with: .*log\.txt: a command failed: error: "):
        run_study(str(study), str(dataset), str(out), seeds=1, options=OPTIONS)
    assert states(out) == ["failed", "complete"]
    problem = json.loads((out / "short.json").read_text())["trials"][0]["problem"]
    assert "division by zero" in problem
    with pytest.raises(UserError, match="1 trial failed"):
        run_study(str(study), str(dataset), str(out), seeds=1, options=OPTIONS)
    log = (out / "short_trials" / "000" / "log.txt").read_text()
    assert log.count("$ python -m monai.bundle run") == 2
    with pytest.raises(UserError, match=r"was begun with another seeds \(1\)"):
        run_study(str(study), str(dataset), str(out), seeds=2, options=OPTIONS)
    before = contents(out / "short_data")
    write_tubes(dataset, "w", (128, 32, 32))
    with pytest.raises(UserError, match="was begun with another kinds"):
        run_study(str(study), str(dataset), str(out), seeds=1, options=OPTIONS)
    assert contents(out / "short_data") == before  # which another process may be reading


@pytest.mark.slow
def test_steps_follow_from_the_minutes(dataset, tmp_path):
    study, network = described(tmp_path, example=False), TINY_NETWORK
    told = r"--budget 0\.05: 2 trainings and 2 scorings take \d+ minutes? at the least; give --budget \d"
    with pytest.raises(UserError, match=told):
        run_study(str(study), str(dataset), str(tmp_path / "out"), budget=0.05, seeds=1, options=network)
    assert not (tmp_path / "out" / "short_trials" / "pilot").exists()
    run_study(str(study), str(dataset), str(tmp_path / "out"), budget=1, seeds=1, options=OPTIONS)  # no longer too few
    assert states(tmp_path / "out") == ["complete", "complete"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.slow
def test_a_ctrl_c_ends_the_training_too(dataset, tmp_path):
    out = tmp_path / "out"
    process = started(described(tmp_path), dataset, out, seeds=1)
    log = out / "short_trials" / "000" / "log.txt"
    begun = time.monotonic()
    while not log.is_file():
        assert time.monotonic() - begun < MOST_SECONDS
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]
    assert process.returncode not in (0, None)
    assert "Traceback" not in told
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(out) not in running


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"budget": 0}, "--budget 0: is not a number of minutes above 0"),
        ({"budget": "long"}, "--budget long: is not"),
        ({"seeds": 0}, "--seeds 0: is not a whole number"),
        ({"study": "loses"}, "did you mean losses"),
        ({"kinds": "all"}, "--kinds all: does not name kinds"),
        ({"kinds": {"v": 3}}, "does not name kinds"),
        ({"kinds": {"z": "tube"}}, "--kinds z: no volume's name begins so; the dataset has v"),
        ({"options": 5}, "--options: options is 5"),
        ({"options": {"seed": 5}}, "--options: sets seed, which a study sets itself"),
        ({"options": {"patch_size": 32}}, "--patch_size 32"),
        ({"options": {"iterations_per_epoch": "two"}}, "--iterations_per_epoch two"),
        ({"unlabelled_value": "x"}, "--unlabelled_value x: is not a number"),
        ({"theme": "blue"}, "--theme blue: there is no such theme"),
        ({"storage": 5}, "5: cannot be opened"),
        ({"dataset_dir": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(given, told, dataset, tmp_path):
    with pytest.raises(UserError, match=told):
        run_study(**{"study": "losses", "dataset_dir": str(dataset), "output_dir": str(tmp_path / "out"), **given})
    assert not list(tmp_path.glob("out/*_trials/*/train.json"))
