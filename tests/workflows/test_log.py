"""What a user reads while a command runs: on a terminal with a bar, without one in plain lines."""

import json
import os
import re
import struct
import threading
from collections import Counter

import numpy as np
import pytest

from tests.helpers.bundle_command import ALWAYS_PLAIN, BUNDLE, TINY_NETWORK, TINY_TRAINING

pty = pytest.importorskip("pty", reason="Windows has no such terminals")
fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

LINE = re.compile(r"\d\d:\d\d:\d\d (DEBUG|INFO|WARNING|ERROR) .+")
CONFIGS_RUN_CODE = "parsing config_file"  # MONAI's notice, which comes before anything of ours
COLUMNS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("volumes")
    for name in "ab":
        np.save(folder / f"{name}.npy", np.random.default_rng(0).integers(0, 99, (64, 64, 32)).astype(np.uint8))
    return folder


def on_a_terminal(bundle, *words):
    """Run a command whose stderr is a terminal, and return what that was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    sent = []

    def read():
        """Read until the last writer has gone, for a terminal holds only a few pages."""
        try:
            while chunk := os.read(ours, 2**16):
                sent.append(chunk)
        except OSError:  # how Linux says so
            pass

    reader = threading.Thread(target=read)
    reader.start()
    done = bundle(*words, terminal=os.ttyname(theirs))
    os.close(theirs)
    reader.join()
    os.close(ours)
    return done, b"".join(sent).decode()


def words(options, *configs):
    files = [f"{BUNDLE}/configs/{name}.json" for name in configs]
    given = [word for name, value in options.items() for word in (f"--{name}", value)]
    return ["run", "--config_file", files[0] if len(files) == 1 else files, *given]


@pytest.mark.skipif(ALWAYS_PLAIN, reason="no fork")
def test_a_terminal_has_a_bar_with_a_name_and_whole_lines(bundle, folder, tiny_weights, tmp_path):
    # a processor that has bfloat16 has one line more without
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, "output_dir": tmp_path, "amp": "false", **TINY_NETWORK}
    done, sent = on_a_terminal(bundle, *words(options, "inference"))
    assert done.status == 0, sent
    assert done.stdout == ""
    pieces = [piece for piece in re.split(r"[\r\n]+", sent) if piece.strip()]
    bars = [piece for piece in pieces if "|" in piece]
    assert {bar.split(" |")[0] for bar in bars} >= {"volume 1 of 2, a", "volume 2 of 2, b"}
    assert all(len(bar.rstrip()) < COLUMNS for bar in bars)
    shown = [piece for piece in pieces if piece not in bars]
    assert CONFIGS_RUN_CODE in shown[0]
    assert all(map(LINE.fullmatch, shown[1:])), shown
    assert [line[9:] for line in shown[2:]] == [
        shown[2][9:],
        "INFO volume 1 of 2, a: 64×64×32 voxels, voxel size not stated",
        f"INFO wrote {tmp_path / 'a_seg.npy'}",
        "INFO volume 2 of 2, b: 64×64×32 voxels, voxel size not stated",
        f"INFO wrote {tmp_path / 'b_seg.npy'}",
        shown[-1][9:],
    ]
    assert re.fullmatch(
        r"INFO segmenting 2 volumes on .+ in (fp32|bf16), about \d+(\.\d)? [MG]B of .*memory", shown[2][9:]
    )
    assert re.fullmatch(rf"INFO 2 volumes segmented in .+, into {tmp_path}", shown[-1][9:])


def test_quiet_tells_the_result_alone(bundle, folder, tiny_weights, tmp_path):
    options = {"dataset_dir": folder, "ckpt_path": tiny_weights, "output_dir": tmp_path, **TINY_NETWORK}
    done = bundle.run("inference", **options, verbosity="quiet").ok()
    notice, line = done.stderr.splitlines()
    assert CONFIGS_RUN_CODE in notice
    assert LINE.fullmatch(line)
    assert "2 volumes segmented in" in line
    assert done.stdout == ""


def test_verbose_tells_what_monai_was_given_once(bundle, tiny_dataset, tmp_path):
    options = {"dataset_dir": tiny_dataset, "ckpt_dir": tmp_path, **TINY_TRAINING, "val_interval": 1}
    done = bundle.run("train", **options, verbosity="verbose").ok()
    told = Counter(line[9:] for line in done.stderr.splitlines())
    assert told["INFO > verbosity: 'verbose'"] == 1
    assert [line for line in told if line.startswith("INFO trains on a: 40×36×15 voxels")]
    assert any(re.fullmatch(r"INFO training on .+ in (fp32|bf16), at most 1 epoch of 1 step", line) for line in told)
    assert "%|" not in done.stderr
    assert done.stdout == ""


def test_another_word_is_refused_before_anything_is_told(bundle, folder, tmp_path):
    done = bundle.run("inference", dataset_dir=folder, output_dir=tmp_path, verbosity="loud")
    done.refused("--verbosity loud", "quiet, normal, verbose")
    assert len(done.stderr.splitlines()) == 2


def test_of_overlays_only_those_of_others_are_told_to_run_code(python_m, folder, tiny_weights, tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps(TINY_NETWORK))
    words = ["segment", folder / "a.npy", tmp_path / "out", "--ckpt_path", tiny_weights, "--overlays", mine]
    told = python_m("scripts", *words).ok().stderr
    assert CONFIGS_RUN_CODE not in told
    assert told.count(f"WARNING {mine}: a config runs code; use it only if you trust whoever wrote it") == 1
    assert told.count("runs code") == 1
