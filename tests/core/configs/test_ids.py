"""Mistyped and outdated ids of overlays and options are refused, new ones pass if used."""

import json
from pathlib import Path

import pytest

from scripts.core import CONFIGS, check_overrides

PRETRAIN, ELSEWHERE = CONFIGS / "pretrain.json", CONFIGS / "overlays" / "validate_elsewhere.json"


def run(*configs, options=()):
    files = [str(CONFIGS / f"{each}.json") if isinstance(each, str) else str(each) for each in configs]
    check_overrides(["monai.bundle", "run", "--config_file", json.dumps(files).replace('"', "'"), *options])


@pytest.fixture
def overlay(tmp_path):
    def write(name="mine.json", **content):
        (tmp_path / name).write_text(json.dumps(content))
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("base", "content", "why"),
    [
        ("train", {"epoch": 5}, "'epoch' is no id of the configs, and nothing refers to it; did you mean epochs?"),
        ("train", {"learningrate": 1e-4}, "did you mean learning_rate?"),
        ("train", {"xyzzy": 1}, "; correct it; the name of a comment begins with _"),
        ("train", {"+epoch": [5]}, "did you mean epochs?"),
        ("train", {"normalisation#lowr": 1}, "there is no such percentile; write normalisation#lower or"),
        ("inference", {"displayable_configs": {}}, "has another name now; write request_options"),
        ("inference", {"preprocessing#transforms#1#lowr": 1}, "did you mean preprocessing#transforms#1#lower?"),
        ("train", {"study": {}}, "'study' has another name now; write volumes"),
        ("inference", {"called_above": 0.4}, "'called_above' has another name now; write decision_threshold"),
        (
            "inference",
            {"inferer#roi_size": [32, 32, 32]},
            "inferer#roi_size has another name now; write windows#roi_size",
        ),
        ("train", {"validate#inferer#overlap": 0.1}, "write validate#windows#overlap"),
        (
            "inference",
            {"windows#sw_batchsize": 1},
            "has no argument 'sw_batchsize'; did you mean windows#sw_batch_size?",
        ),
        ("inference", {"evaluator::devise": "cpu"}, "evaluator#devise: scripts.inference.FolderEvaluator has no argu"),
        (
            "train",
            {"loss#loss#lambda_dise": 1},
            "monai.losses.DiceCELoss has no argument 'lambda_dise'; did you mean",
        ),
        (
            "train",
            {"train#trainer#max_epoch": 1},
            "SupervisedTrainer has no argument 'max_epoch'; did you mean train#trainer#max_epochs?",
        ),
    ],
)
def test_what_is_refused(base, content, why, overlay):
    path = overlay(**content)
    with pytest.raises(ValueError, match="mine") as error:
        run(base, path)
    assert str(error.value).startswith(f"{path}: ")
    assert why in str(error.value)
    name, value = next(iter(content.items()))
    if "::" in name or "#" in name:
        with pytest.raises(ValueError, match=f"^--{name}: ") as error:
            run(base, options=[f"--{name}", str(value)])
        assert why.replace("did you mean ", "did you mean --") in str(error.value)


@pytest.mark.parametrize(
    ("base", "content"),
    [
        ("train", {"epochs": 5, "_comment": "why", "_meta_": {}}),
        ("train", {"width": 4, "network_def#channels": "$[@width, 2 * @width]"}),
        ("train", {"augmentation#mine": {"_target_": "RandFlipd", "keys": "image"}}),  # one more part
        ("train", {"+train#handlers": [], "train#trainer#accumulation_steps": 2}),
        ("train", {"loss": {"_target_": "monai.losses.DiceLoss"}, "loss#_target_": "monai.losses.FocalLoss"}),
        ("inference", {"windows#overlap": 0.25, "windows#sw_batch_size": 1, "scales#scale": 1}),
        ("inference", {"my_windows": 8, "windows#sw_batch_size": "%my_windows"}),
        ("inference", {"my_windows": 8, "windows#sw_batch_size": "%mine.json::my_windows"}),
        ("inference", {"val_dir": "unused, but another config has it"}),
    ],
)
def test_what_passes(base, content, overlay):
    run(base, overlay(**content))


def test_an_id_may_be_used_by_another_overlay_or_the_command_line(overlay):
    mine, other = overlay(width=4), overlay("other.json", **{"network_def#channels": "$[@width, 8]"})
    run("train", mine, other)
    run("train", overlay("third.json", mine=["$print(1)"]), options=["--run_id", "mine"])
    with pytest.raises(ValueError, match="'width' is no id of the configs"):
        run("train", mine)


def test_a_config_that_stands_on_its_own_may_hold_what_it_likes(overlay):
    run(overlay(**{"epochs": 3, "notes": "mine"}))


def test_a_validation_dataset_with_pretraining():
    with pytest.raises(ValueError, match=r"train#dataset#data: scripts\.data\.MixedPatches has no argument 'data'"):
        run("train", PRETRAIN, ELSEWHERE)


OF_MONAI = sorted({*CONFIGS.rglob("*.json")} - {*CONFIGS.glob("studies/*")})


@pytest.mark.parametrize("file", OF_MONAI, ids=lambda path: path.stem)
def test_the_configs_of_the_bundle(file):
    name = str(file.relative_to(CONFIGS)).removesuffix(".json")
    if name == "metadata":
        return
    of_inference = ("inference_trt", *(f"overlays/{each}" for each in ("large_volume", "best", "quick")))
    bases = ["inference"] if name in of_inference else ["train"]
    run(*[base for base in bases if base != name], *(["evaluate"] if name == "multi_gpu_evaluate" else []), Path(file))
