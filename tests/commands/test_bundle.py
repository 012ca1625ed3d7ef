import pytest

from scripts.commands.bundle import EVALUATE, INFERENCE, TRAIN, run_bundle


def test_the_command_is_shown_as_one_types_it_and_its_failure_is_reported(tmp_path, capfd):
    missing = tmp_path / "two words"
    with pytest.raises(OSError, match=r"^the command above: failed with status 1; read what it printed$"):
        run_bundle([INFERENCE], dataset_dir=missing, output_dir=tmp_path / "out")
    printed = capfd.readouterr()
    shown = f'$ python -m monai.bundle run --config_file configs/inference.json --dataset_dir "{missing}"'
    assert shown in printed.out
    assert printed.err.splitlines()[-1].startswith(f"error: {missing}: no such file or folder")


def test_several_configs_are_a_list(monkeypatch, capsys):
    commands = []

    class Done:
        returncode = 0

    monkeypatch.setattr("subprocess.run", lambda command, **_: commands.append(command) or Done)
    run_bundle([TRAIN, EVALUATE], threshold=0.5)
    files = "['configs/train.json','configs/evaluate.json']"
    assert commands[0][1:] == ["-m", "monai.bundle", "run", "--config_file", files, "--threshold", "0.5"]
    assert f'--config_file "{files}" --threshold 0.5' in capsys.readouterr().out
