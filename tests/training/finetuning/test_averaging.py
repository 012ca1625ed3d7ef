"""The mean of the weights before and after a fine-tuning: what it is, when there is none, when it is not kept."""

import json
import logging
from types import SimpleNamespace

import pytest
import torch

from scripts.core import UserError
from scripts.training import average_with_start
from scripts.training.finetuning import averaging
from scripts.weights import read_sidecar, save_weights
from tests.helpers.weights_examples import NORMALISATION, network


@pytest.fixture
def trained(tmp_path):
    """The network that a training began with, the best one of it, and what its sidecar says."""
    begun, best = network(seed=0), network(seed=1)
    sidecar = {"network": best.arguments, "normalisation": NORMALISATION, "threshold": 0.4, "epoch": 3}
    sidecar |= {"validation_before": {"val_dice": 0.6}, "validation": {"val_dice": 0.8}}
    save_weights(tmp_path / "model_best.pt", best, sidecar)
    sidecar = read_sidecar(tmp_path / "model_best.pt")
    sidecar.pop("sha256")
    return SimpleNamespace(begun=begun.state_dict(), best=best.state_dict(), sidecar=sidecar, folder=tmp_path)


@pytest.fixture
def scored(monkeypatch):
    """Let every mean score a Dice, and return the choices and files that were scored."""
    seen = []

    def set_to(dice):
        def score(validator, weights, batches, tried, classifier=None):
            seen.append((tuple(tried), torch.load(weights, weights_only=True)))
            return SimpleNamespace(scores={choice: {"dice": dice, "threshold": 0.3} for choice in tried})

        monkeypatch.setattr(averaging, "score_choices", score)
        return seen

    return set_to


VALIDATOR = SimpleNamespace(data_loader=())


def best_in(folder):
    return torch.load(folder / "model_best.pt", weights_only=True)


@pytest.mark.parametrize("share", [0.5, "0.25"])
def test_it_is_the_mean_by_the_share(trained, scored, caplog, share):
    seen = scored(0.75)
    with caplog.at_level(logging.INFO):
        average_with_start(share, trained.folder, trained.begun, VALIDATOR)
    found, share = best_in(trained.folder), float(share)
    assert found.keys() == trained.best.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, (1 - share) * trained.begun[name] + share * trained.best[name])
    assert seen[0][0] == ((0.0, 0.0),)
    assert all(torch.equal(value, found[name]) for name, value in seen[0][1].items())
    sidecar = read_sidecar(trained.folder / "model_best.pt")
    assert sidecar["tuned_share"] == share
    assert sidecar.items() >= trained.sidecar.items()
    assert f"{share:g} of it after, has a Dice of 0.7500, those after 0.8000" in caplog.text


def test_a_mean_is_not_averaged_again_when_its_training_is_resumed(trained, scored):
    scored(0.75)
    average_with_start(0.5, trained.folder, trained.begun, VALIDATOR)
    once = best_in(trained.folder)
    average_with_start(0.5, trained.folder, trained.begun, VALIDATOR)
    assert all(torch.equal(value, once[name]) for name, value in best_in(trained.folder).items())


@pytest.mark.parametrize("share", [None, "", 1, "1.0"])
def test_without_a_share_or_with_all_the_weights_stay(trained, scored, share):
    seen = scored(0.75)
    before = (trained.folder / "model_best.pt").read_bytes()
    average_with_start(share, trained.folder, trained.begun, VALIDATOR)
    assert (trained.folder / "model_best.pt").read_bytes() == before
    assert not seen


def test_without_what_training_began_with_the_weights_stay(trained, scored):
    before = (trained.folder / "model_best.pt").read_bytes()
    average_with_start(0.5, trained.folder, None, VALIDATOR)
    assert (trained.folder / "model_best.pt").read_bytes() == before


def test_the_start_is_not_averaged_with_itself(trained, scored):
    path = trained.folder / "model_best.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"epoch": 0}))
    average_with_start(0.5, trained.folder, trained.begun, VALIDATOR)
    assert "tuned_share" not in read_sidecar(trained.folder / "model_best.pt")


def test_where_no_epoch_had_a_score_nothing_is_done(tmp_path):
    average_with_start(0.5, tmp_path, network().state_dict(), VALIDATOR)
    assert not list(tmp_path.iterdir())


def test_a_mean_that_scores_lower_than_the_start_is_not_kept(trained, scored, caplog):
    scored(0.59)
    with caplog.at_level(logging.INFO):
        average_with_start(0.5, trained.folder, trained.begun, VALIDATOR)
    assert all(torch.equal(value, trained.best[name]) for name, value in best_in(trained.folder).items())
    assert "tuned_share" not in read_sidecar(trained.folder / "model_best.pt")
    assert "before training it was 0.6000, so those after are kept alone" in caplog.text


@pytest.mark.parametrize("smooth", [0.7, None])
def test_it_is_scored_as_smoothed_as_it_will_be(trained, scored, smooth):
    path, seen = trained.folder / "model_best.json", scored(0.75)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cleaning": {"smooth": smooth}}))
    average_with_start(0.5, trained.folder, trained.begun, VALIDATOR)
    assert seen[0][0] == ((0.0, smooth or 0.0),)


@pytest.mark.parametrize("share", [1.5, -0.1, "half"])
def test_a_share_that_is_none_is_refused(trained, share):
    with pytest.raises(UserError, match="tuned_share"):
        average_with_start(share, trained.folder, trained.begun, VALIDATOR)
