"""The comparison with and without a strip: which commands it runs and what it makes of them, by hand."""

import json

import numpy as np
import pytest

from experiments.held_out import ALL_TRAINS, run_held_out
from scripts.core import WEIGHTS
from scripts.io import read_volume
from scripts.weights import sidecar_path
from tests.helpers.dataset_examples import train_parser, write_tubes

REGION = "0:32,2:34,:"


@pytest.fixture
def dataset(tmp_path):
    return write_tubes(tmp_path / "data", "v", (40, 36, 15))


def done(configs, **options):
    """Write what a training or an evaluation would."""
    if "ckpt_dir" in options:
        weights = options["ckpt_dir"] / "model_best.pt"
        weights.parent.mkdir(parents=True)
        weights.touch()
        kind, on = ("train", "itself") if "split" in options else ("val", "a strip")
        scores = {f"{kind}_dice": 0.5 + options["seed"] / 10, f"{kind}_auroc": 0.9}
        sidecar_path(weights).write_text(json.dumps({"threshold": 0.5, "validation": scores, "validated_on": on}))
    else:
        options["output_dir"].mkdir(parents=True, exist_ok=True)
        scores = {"dice": 0.25 if options["ckpt_path"] == WEIGHTS else 0.75, "auroc": 0.875}
        (options["output_dir"] / "metrics.json").write_text(json.dumps({"cases": {"v": scores}}))


def test_the_table_and_that_nothing_is_done_twice(dataset, tmp_path, monkeypatch, capsys):
    commands = []
    for module in ("held_out", "few_labels.trial"):
        monkeypatch.setattr(f"experiments.{module}.run_bundle", lambda *a, **k: (commands.append(k), done(*a, **k)))
    for _ in range(2):
        run_held_out(dataset, tmp_path / "out", {"v": REGION}, seeds=[0, 3])
    assert len(commands) == 1 + 2 * 2 * 2
    table = capsys.readouterr().out.splitlines()
    assert table[:6] == table[6:]
    assert table[2:6] == [
        f"| v `{REGION}` | 0 | val_dice 0.500 | a strip | 0.250, 0.875 | 0.750, 0.875 |",
        f"| v `{REGION}` | 0 | train_dice 0.500 | itself | 0.250, 0.875 | 0.750, 0.875 |",
        f"| v `{REGION}` | 3 | val_dice 0.800 | a strip | 0.250, 0.875 | 0.750, 0.875 |",
        f"| v `{REGION}` | 3 | train_dice 0.800 | itself | 0.250, 0.875 | 0.750, 0.875 |",
    ]
    truth = read_volume(dataset / "labels" / "v.tif")[1] > 0
    within = np.zeros(truth.shape, dtype=bool)
    within[:32, 2:34] = True
    for kind, labelled in (("block", within), ("rest", ~within)):
        _, label = read_volume(tmp_path / "out" / "v" / kind / "v.tif")
        assert (label == np.where(labelled, truth, 2)).all()


def test_all_of_the_block_trains_by_an_option(dataset):
    """It is an expression in the place of the config's own split."""
    parser = train_parser(dataset, region=REGION, split=ALL_TRAINS)
    assert parser.get_parsed_content("validation").on == "itself"
    (volume,) = parser.get_parsed_content("split_volumes")["train"]
    assert volume["region"] == ((0, 32), (2, 34), (0, 15))
    strip = train_parser(dataset, region=REGION, patch_size=[32, 32, 32]).get_parsed_content("validation").on
    assert strip == "a strip of 8 of 32 voxels along X of v, which touches what trains"


def test_a_block_of_no_volume_is_refused(dataset, tmp_path):
    with pytest.raises(ValueError, match=r"--blocks: there is no volume 'w' in the dataset; it has v"):
        run_held_out(dataset, tmp_path / "out", {"w": REGION})
