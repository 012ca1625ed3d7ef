import inspect
import json
import re
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigWorkflow, run

from scripts.core import check_overrides
from scripts.core.configs import MONAI_ARGUMENTS

KINDS = """{"epochs": 3, "patience": 5, "rate": 0.1, "threshold": null, "rotation": 30, "zoom": 1.25,
    "patch_size": [64, 64, 64], "device": "cpu", "scale": 1, "sides": [64, 64], "data_dir": "x",
    "on": false, "any": null}"""
CONFIGS = Path(__file__).resolve().parents[3] / "bundle" / "configs"


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A `monai.bundle run` of a config with the options `epochs`, `device`, and one more in an overlay."""
    monkeypatch.chdir(tmp_path)
    Path("train.json").write_text('{"epochs": 3, "device": "cpu", "network_def": {"channels": [4, 8]}}')
    Path("more.json").write_text('{"ckpt_path": "model.pt"}')
    return lambda *options, configs="train.json": check_overrides(
        ["monai/bundle/__main__.py", "run", "--config_file", configs, *options]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epoch", "1"], "--epoch: there is no such option; did you mean --epochs?"),
        (["-epoch", "1"], "--epoch: there is no such option; did you mean --epochs?"),  # fire takes one dash for two
        (["--epochs", "1", "--epoch=1"], "--epoch: there is no such option; did you mean --epochs?"),
        (["--divice", "cuda"], "--divice: there is no such option; did you mean --device?"),
        (["--xyzzy", "1"], "--xyzzy: there is no such option"),
        (["--ckpt_path", "a.pt"], "--ckpt_path: there is no such option"),  # only the overlay has it
        (["--override", "1"], "--override: there is no such option"),  # the name of MONAI's **kwargs
    ],
)
def test_a_mistyped_option_is_refused(command, options, message):
    with pytest.raises(ValueError, match=r"^--") as info:
        command(*options)
    assert str(info.value).startswith(message)


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--epochs", "1", "--device=cpu"],
        ["--network_def#channels", "[4, 4]"],  # a path: MONAI itself refuses a wrong one
        ["--network_def::channels", "[4, 4]"],
        ["--bundle_root", "/x"],
        ["--meta_file", "m.json", "--logging_file", "l.conf", "--run_id", "run", "--init-id", "initialize"],
        ["--workflow_type", "train", "--tracking", "mlflow", "--experiment_name", "e"],
    ],
)
def test_what_the_configs_and_monai_know_passes(command, options):
    Path("train.json").write_text(json.dumps(json.loads(Path("train.json").read_text()) | {"bundle_root": "."}))
    command(*options)


def test_what_monai_itself_takes_is_listed():
    """Listed, because MONAI takes seconds to import."""
    taken = {*inspect.signature(run).parameters, *inspect.signature(ConfigWorkflow).parameters}
    tracked = {"tracking_uri", "experiment_name", "run_name", "save_execute_config"}
    assert (taken | tracked) - {"override"} == MONAI_ARGUMENTS


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("typo#channels", "--typo#channels: the config has no 'typo'; correct it, or leave it out"),
        ("network_deff#channels", "the config has no 'network_deff'; did you mean --network_def#channels?"),
        ("network_def#chanels#0", "network_def has no 'chanels'; did you mean --network_def#channels#0?"),
        ("network_def::channels::2", "network_def#channels is a list of 2 and has no '2'; count from 0"),
        ("network_def#channels#x", "network_def#channels is a list of 2 and has no 'x'; count from 0"),
        ("epochs#most", "--epochs#most: epochs is a single value and has no 'most'; set --epochs, or leave this out"),
    ],
)
def test_an_id_whose_parent_does_not_exist(command, option, message):
    """MONAI would end in a KeyError with its traceback."""
    with pytest.raises(ValueError, match=r"^--") as error:
        command(f"--{option}", "4")
    assert message in str(error.value)


def test_an_option_may_make_the_parent_of_the_next(command):
    command("--network_def", "{'new': {}}", "--network_def#new#deep", "1")
    with pytest.raises(ValueError, match="network_def has no 'channels'"):
        command("--network_def", "{'new': {}}", "--network_def#channels#0", "1")


@pytest.mark.parametrize("value", ["[" * 70 + "]" * 70, "[" * 5000 + "]" * 5000])
def test_a_value_that_is_nested_too_deep(command, value):
    with pytest.raises(ValueError, match=r"^--epochs.*: (its value is nested deeper than 64 levels|is not a whole)"):
        command("--epochs", value)


@pytest.mark.parametrize(("word", "remedy"), [("mlfow", "did you mean --tracking mlflow?"), ("x", "name one of these")])
def test_a_mistyped_tracking(command, word, remedy):
    line = re.escape(f"--tracking {word}: is neither mlflow nor a file of settings; {remedy}")
    with pytest.raises(ValueError, match=f"^{line}$"):
        command("--tracking", word)


def test_training_has_one_folder_to_write_into(command):
    """MONAI's tracking wants an id `output_dir`, but as an option of training it would move nothing else."""
    train = "['train.json','out.json']"
    Path("out.json").write_text('{"output_dir": "$@ckpt_dir"}')
    with pytest.raises(ValueError, match="--output_dir x: training writes into --ckpt_dir; give that"):
        command("--output_dir", "x", configs=train)
    Path("evaluate.json").write_text('{"output_dir": "eval"}')
    command("--output_dir", "x", configs="['train.json','out.json','evaluate.json']")


def test_overlays_bring_options_of_their_own(command):
    command("--ckpt_path", "a.pt", "--epochs", "1", configs="['train.json','more.json']")
    with pytest.raises(ValueError, match=r"--ckpt_pth: there is no such option; did you mean --ckpt_path\?"):
        command("--ckpt_pth", "a.pt", configs="['train.json', 'more.json']")


def test_the_equals_sign_may_name_the_config(command):
    with pytest.raises(ValueError, match=r"did you mean --epochs\?"):
        check_overrides(["monai.bundle", "run", "--epoch=1", "--config_file=train.json"])
    with pytest.raises(ValueError, match=r"did you mean --epochs\?"):
        check_overrides(["monai.bundle", "run", "--epoch=1", "--config-file=train.json"])


def test_options_of_an_args_file_are_checked_too(command):
    def run(*options, **arguments):
        Path("args.json").write_text(json.dumps(arguments))
        check_overrides(["monai.bundle", "run", "--args_file", "args.json", *options])

    run(config_file="train.json", epochs=1)
    run(config_file=["train.json", "more.json"], ckpt_path="a.pt")
    for typed in ({"epoch": 1}, {"epoch": 1, "config_file": "more.json"}):  # the command line's file goes first
        with pytest.raises(ValueError, match=r"--epoch: there is no such option; did you mean --epochs\?"):
            run("--config_file", "train.json", **typed)
    with pytest.raises(ValueError, match=r"--epoch: there is no such option"):
        run(epoch=1, config_file="train.json")
    with pytest.raises(ValueError, match=r"--devise: there is no such option; did you mean --device\?"):
        run("--devise", "cpu", config_file="train.json")


def test_other_commands_pass(command, monkeypatch):
    check_overrides(["monai.bundle", "verify_metadata", "--config_file", "train.json", "--epoch", "1"])
    check_overrides(["pytest", "--epoch", "1"])
    monkeypatch.setattr("sys.argv", ["monai.bundle", "run", "--config_file", "train.json", "--epoch", "1"])
    with pytest.raises(ValueError, match="--epoch"):  # by default, the command line of this process
        check_overrides()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("epochs", "many", "--epochs many: is not a whole number of at least 1; give one such as 3"),
        ("epochs", "0", "--epochs 0: is not a whole number of at least 1; give one such as 3"),
        ("epochs", "1.5", "--epochs 1.5: is not a whole number of at least 1; give one such as 3"),
        ("patience", "0", "--patience 0: is not a whole number of at least 1; give one such as 5"),
        ("patience", "True", "--patience True: is not a whole number of at least 1; give one such as 5"),
        # of a None MONAI would silently make the default
        (
            "patience",
            "None",
            "--patience None: MONAI would ignore it, and nothing would change; write --patience '$None'",
        ),
        (
            "epochs",
            "None",
            "--epochs None: MONAI would ignore it, and nothing would change; leave it out, or give a value",
        ),
        (
            "data_dir",
            "None",
            "--data_dir None: MONAI would ignore it, and nothing would change; leave it out, or give a value",
        ),
        ("data_dir", "", "--data_dir : is not a path; give one, ./NAME if its name has a comma"),
        ("data_dir", "a,b", '--data_dir a,b: is not a path; give one such as "./NAME"'),
        ("data_dir", "True", "--data_dir True: is read as a number and not as a path; write ./True"),
        ("rate", "fast", "--rate fast: is not a number; give one such as 0.1"),
        ("threshold", "half", "--threshold half: is not a number from 0 to 1; give one such as 0.5"),
        ("threshold", "128", "--threshold 128: is not a number from 0 to 1; give one such as 0.5"),
        ("rotation", "60", "--rotation 60: is not a number from 0 to 45; give one such as 30"),
        ("zoom", "0.5", "--zoom 0.5: is not a number from 1 to 4; give one such as 1.25"),
        (
            "patch_size",
            "[64,64]",
            '--patch_size [64,64]: is not a list of three whole numbers; give one such as "[64, 64, 64]"',
        ),
        ("scale", "-1", "--scale -1: is neither auto nor a number from 0.02 to 4; give one such as 0.5"),
        ("scale", "0.001", "--scale 0.001: is neither auto nor a number from 0.02 to 4; give one such as 0.5"),
        ("scale", "automatic", "--scale automatic: is neither auto nor a number from 0.02 to 4; give one such as 0.5"),
        ("scale", "True", "--scale True: is neither auto nor a number from 0.02 to 4; give one such as 0.5"),
        ("device", "gpu", "--device gpu: is not a device; write cpu, cuda, cuda:0 or mps"),
        (
            "device",
            "meta",
            "--device meta: PyTorch cannot compute on it here; leave --device out, or write cpu or cuda",
        ),
        ("sides", "32", '--sides 32: is not a list; give one such as "[64, 64]"'),
        ("sides", "32x32", '--sides 32x32: is not a list; give one such as "[64, 64]"'),
        ("data_dir", "2024", "--data_dir 2024: is read as a number and not as a path; write ./2024"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(command, option, value, message):
    Path("kinds.json").write_text(KINDS)
    with pytest.raises(ValueError, match=r"^--") as info:
        command(f"--{option}", value, configs="kinds.json")
    assert str(info.value) == message
    with pytest.raises(ValueError, match=r"^--"):
        command(f"--{option}={value}", configs="kinds.json")


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "1e2", "--sides", "[1,2]", "--data_dir", "2024_dataset", "--on", "true", "--any", "1,2"],
        ["--scale", "auto"],
        ["--scale=0.25"],
        ["--scale", "2"],
        ["--epochs", "$2 * 3", "--sides", "@other", "--data_dir", "%x.json#dir", "--patience", "$None"],
        ["--patience", "1", "--any", "None", "--threshold", "None"],
        ["--rate", "-1", "--sides", "32,32", "--data_dir", "./2024", "--any", "text", "--threshold", "0.2"],
    ],
)
def test_values_of_the_right_kind_pass(command, options):
    Path("kinds.json").write_text(KINDS)
    command(*options, configs="kinds.json")


@pytest.mark.parametrize("configs", ["inference.json", "train.json", "['train.json','evaluate.json']"])
def test_the_bundles_own_options(configs, monkeypatch):
    monkeypatch.chdir(CONFIGS)
    given = [
        "--dataset_dir",
        "x",
        "--device",
        "cpu",
        "--amp",
        "true",
        "--overlap",
        "0.25",
        "--patch_size",
        "[32,32,32]",
    ]
    check_overrides(["monai.bundle", "run", "--config_file", configs, *given])
    with pytest.raises(ValueError, match=r"--dataset_dirs: there is no such option; did you mean --dataset_dir\?"):
        check_overrides(["monai.bundle", "run", "--config_file", configs, "--dataset_dirs", "x"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU")
def test_a_gpu_that_is_not_there(command):
    with pytest.raises(ValueError, match=r"--device cuda: this machine has no GPU"):
        command("--device", "cuda")
