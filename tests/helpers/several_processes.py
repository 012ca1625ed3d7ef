"""Bundle commands in several processes: `torchrun ... several_processes.py JOBS`.

Each of torchrun's processes imports MONAI once and forks for every job, so that those seconds are paid once. The first
job meets where torchrun says, each other one at a free port of its own, for torchrun's store remembers the first.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

if __name__ == "__main__":  # torchrun starts it by its path
    sys.path[0] = str(Path(__file__).resolve().parents[2])
from tests.helpers.python_m import BUNDLE, PRELOADED, Finished

COMMAND = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}


def torchrun(*words, seconds=500):
    """`torchrun --nproc_per_node=2 WORDS` from inside the bundle."""
    command = [*COMMAND, *map(str, words)]
    done = subprocess.run(
        command, cwd=BUNDLE, env=ENVIRONMENT, capture_output=True, text=True, timeout=seconds, check=False
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def in_two_processes(jobs, folder):
    """Do jobs, by name: the words of a `python -m monai.bundle` command, or [function of this module, argument].

    Returns:
        Of each job a `Finished` for either process.
    """
    path = folder / "jobs.json"
    listed = {name: [str(word) for word in words] for name, words in jobs.items()}
    path.write_text(json.dumps(list(zip(listed.items(), [0, *free_ports(len(jobs) - 1)], strict=True))))
    done = torchrun(__file__, path)
    assert done.status == 0, done.stderr
    return {name: [read(folder, name, rank) for rank in range(2)] for name in jobs}


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens at now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def read(folder, name, rank):
    status, out, err = ((folder / f"{name}.{rank}.{part}").read_text() for part in ("status", "stdout", "stderr"))
    return Finished(int(status), out, err)


def do_in_a_fork(path, words):
    if pid := os.fork():
        Path(f"{path}.status").write_text(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))
        return
    signal.alarm(200)  # a hang ends here
    os.chdir(BUNDLE)
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{path}.{name}", os.O_RDWR | os.O_CREAT), stream)
    sys.path[0] = str(BUNDLE)
    if words[0] in (own := {"global_losses": global_losses, "shared_batches": shared_batches}):
        own[words[0]](*words[1:])
        sys.exit()
    sys.argv[1:] = words
    runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
    sys.exit()


def loss_of(overlays, bundle=Path()):
    """The loss that training has with some overlays, and a small network in double precision."""
    import torch
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config([str(bundle / "configs" / f"{name}.json") for name in ("train", *overlays)])
    parser["bundle_root"] = str(bundle)
    network = torch.nn.Conv3d(1, 2, 1).double()
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.linspace(-1, 1, weights.numel()).reshape(weights.shape))
    return parser.get_parsed_content("loss"), network


def global_losses(path):
    """Print value and gradients of every loss of which this process has a share of the batch."""
    import torch
    from ignite.engine import Engine

    from scripts.training import DistributedGradients, GlobalLoss, join_processes

    join_processes("cpu")
    found = {}
    for name, batch in torch.load(path).items():
        loss, network = loss_of(batch["overlays"])
        trainer = Engine(lambda *_: None)
        DistributedGradients(network)(trainer)
        rank = int(os.environ["RANK"])
        value = GlobalLoss(loss)(trainer.network(batch["image"][rank::2]), batch["label"][rank::2])
        value.backward()
        found[name] = [value.item(), *torch.cat([weights.grad.flatten() for weights in network.parameters()]).tolist()]
    print(json.dumps(found))


def shared_batches(batch_size):
    """Share batches of such a size."""
    from torch.utils.data import SequentialSampler

    from scripts.training import DistributedBatches, join_processes

    join_processes("cpu")
    print([*DistributedBatches(SequentialSampler(range(10)), int(batch_size))])


if __name__ == "__main__":
    for module in (*PRELOADED, "ignite.distributed", "torch.nn.parallel"):
        importlib.import_module(module)
    listed = Path(sys.argv[1]).resolve()  # forks change the folder
    for (name, words), port in json.loads(listed.read_text()):
        if port:
            os.environ |= {
                "TORCHELASTIC_USE_AGENT_STORE": "False",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
        do_in_a_fork(listed.with_name(f"{name}.{os.environ['RANK']}"), words)
