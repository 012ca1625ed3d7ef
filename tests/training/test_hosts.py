"""Two hosts of `torchrun` against one process; network namespaces, joined by nothing but a cable, stand in."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest

from tests.helpers.bundle_command import BUNDLE, TINY_TRAINING
from tests.helpers.several_processes import ENVIRONMENT

HOSTS = [(f"tubenet-{os.getpid()}-{rank}", f"cable{rank}", f"10.77.0.{rank + 1}") for rank in range(2)]
OPTIONS = {**TINY_TRAINING, "device": "cpu", "amp": "false", "network_def#dropout": 0, "batch_size": 2}


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def hosts():
    """Two namespaces whose processes reach one another; nothing else of the network is there."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("needs root, and ip of iproute2")
    with ExitStack() as stack:
        try:
            for name, _, _ in HOSTS:
                ip("netns", "add", name)
                stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
            (one, cable, _), (other, end, _) = HOSTS
            ip("link", "add", cable, "netns", one, "type", "veth", "peer", "name", end, "netns", other)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.decode().strip()}")
        for name, cable, address in HOSTS:
            ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
            for device in ("lo", cable):
                ip("-n", name, "link", "set", device, "up")
        yield [name for name, _, _ in HOSTS]


def torchrun(rank, *words):
    """Start what the page on several GPUs says for the host of that rank."""
    name, cable, _ = HOSTS[rank]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", f"--node_rank={rank}", "--nproc_per_node=1"]
    command += [f"--master_addr={HOSTS[0][2]}", "--master_port=29500", "-m", "monai.bundle", "run"]
    environment = {**ENVIRONMENT, "GLOO_SOCKET_IFNAME": cable}
    words = ["ip", "netns", "exec", name, *command, *map(str, words)]
    return subprocess.Popen(words, cwd=BUNDLE, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def words(configs, **options):
    files = [f"configs/{name}.json" for name in configs]
    return ["--config_file", files, *(word for name in options for word in (f"--{name}", options[name]))]


def rows(folder):
    return list(csv.DictReader((folder / "epochs.csv").read_text().splitlines()))


def test_two_hosts_train_as_one_process(hosts, tiny_dataset, bundle, tmp_path):
    options = {**OPTIONS, "dataset_dir": tiny_dataset, "epochs": 2}
    running = [
        torchrun(rank, *words(["train", "multi_gpu_train"], **options, ckpt_dir=tmp_path / "two")) for rank in range(2)
    ]
    told = [process.communicate(timeout=200)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    bundle("run", *map(str, words(["train"], **options, ckpt_dir=tmp_path / "one"))).ok()
    assert len(rows(tmp_path / "two")) == 2
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert float(two["train_loss"]) == pytest.approx(float(one["train_loss"]), rel=1e-4)


def test_when_a_host_is_lost_the_other_ends_with_a_line(hosts, tiny_dataset, tmp_path):
    options = {**OPTIONS, "dataset_dir": tiny_dataset, "epochs": 500}
    command = words(["train", "multi_gpu_train"], **options, ckpt_dir=tmp_path / "two")
    running = [torchrun(rank, *command) for rank in range(2)]
    deadline = time.monotonic() + 200
    while not (tmp_path / "two" / "resume.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in subprocess.run(["ip", "netns", "pids", hosts[1]], capture_output=True, check=True).stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    told = running[0].communicate(timeout=200)[1].decode()
    running[1].communicate(timeout=200)
    assert running[0].returncode == 1
    assert "another process: has ended without a message" in told
    assert "continue a training with --resume true" in told
