"""How processes find one another, and what is refused before they do (with real ones: test_shares)."""

import json

import pytest
import torch
from monai.bundle import ConfigParser

from scripts.training.launch import _FirstToFail, backend_for
from tests.helpers.bundle_command import BUNDLE, TINY_NETWORK, TINY_TRAINING


def test_each_process_takes_a_gpu_of_its_own_whatever_an_earlier_config_names(tmp_path):
    """MONAI Label writes the device that a viewer chose, cuda:0 perhaps, into the config that comes first."""
    given = json.loads((BUNDLE / "configs" / "train.json").read_text()) | {"device": "cuda:0"}
    (tmp_path / "monailabel_train.json").write_text(json.dumps(given))
    parser = ConfigParser()
    parser.read_config([str(tmp_path / "monailabel_train.json"), str(BUNDLE / "configs" / "multi_gpu_train.json")])
    assert parser.get_parsed_content("device") == ("cuda" if torch.cuda.is_available() else "cpu")


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return type(caught), caught, caught.__traceback__


def test_the_first_to_fail_tells(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "error.json"))
    hook = _FirstToFail(torch.distributed.HashStore())
    hook(*raised(ZeroDivisionError("of 1\nby 0")))
    assert capsys.readouterr().err.splitlines()[-1] == "error: ZeroDivisionError: of 1 by 0"
    assert json.loads((tmp_path / "error.json").read_text())["message"] == "ZeroDivisionError: of 1 by 0"
    hook(*raised(ValueError("another")))
    assert capsys.readouterr().err == ""


def test_who_lost_another_process_says_so(capsys):
    hook = _FirstToFail(torch.distributed.HashStore())
    hook(
        *raised(RuntimeError("[gloo/transport/tcp/pair.cc:537] Read error [127.0.0.1]:2742: Connection reset by peer"))
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: another process: has ended without a message")


def test_cpus_talk_by_gloo():
    assert backend_for("cpu", 7) == "gloo"


def test_gpus_talk_by_nccl_if_there_is_one_for_each(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)  # no GPU is touched
    assert [backend_for("cuda", rank) for rank in range(2)] == ["nccl", "nccl"]
    with pytest.raises(
        ValueError, match=r"2 GPU\(s\), and each process needs its own; start torchrun with --nproc_per_node=2"
    ):
        backend_for("cuda", 2)
    with pytest.raises(ValueError, match="--device cuda:0: would be shared by all processes; write cuda"):
        backend_for("cuda:0", 0)


@pytest.mark.parametrize(
    ("configs", "options", "folder"),
    [
        (("train", "multi_gpu_train"), TINY_TRAINING, "ckpt_dir"),
        (("train", "evaluate", "multi_gpu_evaluate"), TINY_NETWORK, "output_dir"),
    ],
    ids=["train", "evaluate"],
)
def test_without_torchrun(configs, options, folder, bundle, tiny_dataset, tmp_path):
    done = bundle.run(configs, **options, dataset_dir=tiny_dataset, **{folder: tmp_path / "out"})
    done.refused(
        "configs/multi_gpu_*.json", "torchrun --nproc_per_node=GPUS -m monai.bundle run", "leave the config out"
    )
    assert not (tmp_path / "out").exists()
