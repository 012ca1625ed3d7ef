"""Check the gradients in bfloat16: are they finite, and near those in float32?"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import torch
from torch import nn
from torch.nn import functional as F

from bench.cases import OVERLAYS, dataset_of, parser_of
from scripts.core import keep_freed_memory, refuse
from scripts.inference import autocast


def gradients(network: str = "shipped", steps: int = 1000, every: int = 50, batch_size: int = 2) -> str:
    """Train in bfloat16 and compare some of the gradients with those in float32.

    It trains on synthetic volumes with augmentation, dropout, the loss of the config and Adam at a rate of 1e-3.

    Args:
        network: which network, shipped or published.
        steps: how many steps to train for.
        every: steps between two comparisons.
        batch_size: patches in a step.

    Returns:
        How many gradients were not finite, and the cosine of the angle between both gradients, which hold those of all
        parameters.

    Raises:
        UserError: for an unknown network, or numbers below 1.
    """
    if network not in OVERLAYS:
        refuse(f"--network {network}", "is not known", f"give one of {', '.join(OVERLAYS)}")
    if any(not isinstance(number, int) or number < 1 for number in (steps, every, batch_size)):
        refuse("--steps, --every and --batch_size", "are not all whole numbers of at least 1", "give such numbers")
    keep_freed_memory()
    with dataset_of((160, 160, 96), count=4) as dataset:
        length = {"iterations_per_epoch": steps, "batch_size": batch_size}
        parser = parser_of("train", *OVERLAYS[network], dataset_dir=str(dataset), **length)
        torch.manual_seed(0)
        net, loss = parser.get_parsed_content("network").train(), parser.get_parsed_content("loss")
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        broken, cosines = 0, []
        for step, batch in enumerate(parser.get_parsed_content("train#dataloader")):
            exact = _gradient(net, loss, batch, amp=False, seed=step) if step % every == 0 else None
            rounded = _gradient(net, loss, batch, amp=True, seed=step)
            if exact is not None:
                cosines.append(F.cosine_similarity(exact, rounded, dim=0).item())
            if torch.isfinite(rounded).all():
                optimizer.step()
            else:
                broken += 1
    return (
        f"{network}, {steps} steps of {batch_size}: {broken} gradients not finite; cosine to float32 at {len(cosines)} "
        f"of them: smallest {min(cosines):.5f}, median {median(cosines):.5f}"
    )


def _gradient(net: nn.Module, loss: Callable, batch: dict[str, torch.Tensor], amp: bool, seed: int) -> torch.Tensor:
    """Return the gradient of the loss of a batch by all parameters, (N,), in double precision."""
    torch.manual_seed(seed)  # of dropout
    net.zero_grad(set_to_none=True)
    loss(autocast(net, amp)(batch["image"]), batch["label"]).backward()
    return torch.cat([weights.grad.double().flatten() for weights in net.parameters()])
