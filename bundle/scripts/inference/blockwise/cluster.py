"""Do the blocks of a stage by several processes, on one machine or many, with Dask.

Every block is a task, and what one block passes on to another goes through files, so that a task that is run again,
because a worker was killed, does no harm. Sums are added in the same order whoever computes them: the result is the
same, bit for bit. Only this process records what is done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from scripts.core import refuse

from .grid import Index
from .stages import Stage

SENT = "sent_from_to"  # attribute, as `DONE`: blocks whose windows have been run, and that wait for others
WAIT = 60  # seconds for the first worker


@contextmanager
def cluster(
    workers: int = 0, scheduler: str | None = None
) -> Iterator[Callable[[Stage, Callable[[Index], None]], None]]:
    """Start processes on this machine, or join those of a scheduler.

    Args:
        workers: number of processes to start; each takes the memory of a block.
        scheduler: address of a Dask scheduler whose workers share this machine's files, instead.

    Yields:
        What runs a stage by them.

    Raises:
        UserError: if Dask is not installed, or the scheduler does not answer or has no workers.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        refuse(
            "--workers",
            "needs Dask",
            "pip install 'tubenet[large]' (in a checkout: pip install -r requirements/large.txt)",
        )
    logging.getLogger("distributed").setLevel(logging.WARNING)  # it tells of each of its parts that starts or stops
    if scheduler is None:
        with (
            # memory is planned by blocks, and Dask's own limits would kill what is within them
            LocalCluster(n_workers=workers, threads_per_worker=1, memory_limit=0, dashboard_address=None) as local,
            Client(local) as client,
        ):
            yield lambda stage, told: run_apart(client, stage, told)
        return
    try:
        client = Client(scheduler, timeout=WAIT)
    except (OSError, ValueError) as error:
        refuse(f"--scheduler {scheduler}", f"does not answer ({error})", "check that it runs, and its address", OSError)
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            refuse(f"--scheduler {scheduler}", "has no workers", "start some: dask worker ADDRESS", OSError)
        yield lambda stage, told: run_apart(client, stage, told)


def run_apart(client: Any, stage: Stage, told: Callable[[Index], None]) -> None:
    """Do all blocks of a stage, and say in one line if workers were lost with what they held."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        _run_apart(client, stage, told)
    except (FutureCancelledError, KilledWorker) as error:
        problem = f"all workers were lost, or one block killed several ({type(error).__name__})"
        refuse(
            "--workers", problem, "give the same command again, which goes on where it was, or more --memory a worker"
        )


def _run_apart(client: Any, stage: Stage, told: Callable[[Index], None]) -> None:
    """Do all blocks of a stage that are not done yet.

    Args:
        client: Dask's.
        stage: the stage, which each worker gets once, the network with it.
        told: called when the windows of a block have been run.
    """
    import dask
    from distributed import as_completed

    left, done, sent = stage.left(), stage.done(), stage.done(SENT)
    if not left:
        return
    # a task's result, which workers take from one another, and which Dask makes again if those that have it are lost;
    # what it scatters is gone with them, and while it scatters it waits for them
    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "10GB"}):
        there = client.submit(_itself, stage, pure=False)
    if stage.apart is None:
        tasks = [client.submit(_do, there, index, pure=False) for index in left]
        for future in as_completed(tasks):
            done.add(future.result())
            stage.mark(done)
            told(future.result())
        return
    # of a task whose future is kept, Dask computes the result anew when the worker that had it is killed
    waits = {index: set(stage.apart.needs(index)) - done - sent for index in left}
    running = as_completed(
        [client.submit(_send, there, index, pure=False) for index in left if index not in sent]
        + [client.submit(_merge, there, index, pure=False) for index in left if not waits[index]]
    )
    for future in running:
        kind, index = future.result()
        future.release()
        if kind == _MERGED:
            done.add(index)
            stage.mark(done)
            stage.finished(index)
            continue
        sent.add(index)
        stage.mark(sent, SENT)
        told(index)
        for other, missing in waits.items():
            if index in missing:
                missing.remove(index)
                if not missing:
                    running.add(client.submit(_merge, there, other, pure=False))
    for index in stage.blocks.indices:  # a task that was run again has sent again
        stage.finished(index)


_SENT, _MERGED = "sent", "merged"


def _itself(stage: Stage) -> Stage:
    return stage


def _do(stage: Stage, index: Index) -> Index:
    stage.store(index, stage.compute(index, stage.load(index)))
    return index


def _send(stage: Stage, index: Index) -> tuple[str, Index]:
    assert stage.apart is not None  # or `_do` would do it
    stage.apart.send(index, stage.compute(index, stage.load(index)))
    return _SENT, index


def _merge(stage: Stage, index: Index) -> tuple[str, Index]:
    assert stage.apart is not None
    stage.apart.merge(index)
    return _MERGED, index
