import pytest

from scripts.commands.bundle import EVALUATE, INFERENCE, TRAIN, run_bundle


def test_the_command_is_shown_as_one_types_it_and_its_failure_is_reported(tmp_path, capfd):
    missing = tmp_path / "two words"
    with pytest.raises(OSError, match=r"^the command above: failed with status 1; read what it printed$"):
        run_bundle([INFERENCE], dataset_dir=missing, output_dir=tmp_path / "out", overlap=0.25)
    printed = capfd.readouterr()
    assert f'$ tubenet segment "{missing}" {tmp_path / "out"} --overlap 0.25\n' in printed.out
    assert printed.err.splitlines()[-1].startswith(f"error: {missing}: no such file or folder")


def test_configs_that_no_command_runs(monkeypatch, capsys):
    commands = []

    class Done:
        returncode = 0

    monkeypatch.setattr("subprocess.run", lambda command, **_: commands.append(command) or Done)
    run_bundle([TRAIN, "configs/overlays/attention.json"], epochs=1)
    files = "['configs/train.json','configs/overlays/attention.json']"
    assert commands[0][1:] == ["-m", "monai.bundle", "run", "--config_file", files, "--epochs", "1"]
    assert f'$ python -m monai.bundle run --config_file "{files}" --epochs 1\n' in capsys.readouterr().out
    run_bundle([TRAIN, EVALUATE], dataset_dir="/d", output_dir="/o", threshold=0.5)
    assert commands[1][1:] == ["-m", "scripts", "evaluate", "/d", "/o", "--threshold", "0.5"]
