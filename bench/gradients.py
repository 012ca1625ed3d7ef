"""Are gradients in bfloat16 sound: finite in every step of a training, and those of float32 but for rounding?"""

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
    """Train in bfloat16 on synthetic volumes; at times compare the gradient with that of the same step in float32.

    Args:
        network: shipped or published.
        steps: of the training, with augmentation, dropout, Adam at 1e-3 and the configs' own loss.
        every: steps between two comparisons.
        batch_size: patches a step.

    Returns:
        How many gradients were not finite, and the cosines between both gradients of all parameters together.

    Raises:
        UserError: for a network that there is not, or numbers below 1.
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
    torch.manual_seed(seed)  # of dropout
    net.zero_grad(set_to_none=True)
    loss(autocast(net, amp)(batch["image"]), batch["label"]).backward()
    return torch.cat([weights.grad.double().flatten() for weights in net.parameters()])
