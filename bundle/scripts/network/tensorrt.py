"""Run the network by NVIDIA's TensorRT, which is fast on NVIDIA GPUs.

MONAI's `trt_compile` builds an engine at the first window and keeps it beside the weights. Where TensorRT is missing,
MONAI only warns and goes on without it; here that is refused.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
from monai.networks import trt_compile
from torch import nn

from scripts.core import refuse, sha256

PACKAGES = {  # name of the package by name of its module
    "tensorrt": "tensorrt",
    "polygraphy": "polygraphy",
    "onnx_graphsurgeon": "onnx-graphsurgeon",
    "cuda": "cuda-python",
    "onnx": "onnx",
    "onnxscript": "onnxscript",
}
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
INPUT = "x"
"""Name of the argument of the network's `forward`."""
HASH_DIGITS = 12
"""Digits of the weights' hash in the file name of an engine."""


def check_capable(device: str) -> None:
    """Check that this machine can build and run an engine.

    Args:
        device: `cuda` or `cuda:1`.

    Raises:
        UserError: for a device that is not an NVIDIA GPU, or if a package is missing.
    """
    if torch.device(device).type != "cuda" or torch.version.cuda is None or not torch.cuda.is_available():
        refuse("TensorRT", f"needs an NVIDIA GPU, and the device is {device}", "leave inference_trt.json out")
    missing = [package for module, package in PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        packages = "-r requirements/deploy.txt tensorrt polygraphy onnx-graphsurgeon cuda-python"
        remedy = f"pip install {packages}, or leave inference_trt.json out"
        refuse("TensorRT", f"{', '.join(missing)} not installed", remedy)


def window_profile(
    patch_size: Sequence[int], batch_size: int, in_channels: int = 1, divisor: int = 32
) -> dict[str, list[list[int]]]:
    """Return the smallest, the usual and the largest input of a network in inference.

    Args:
        patch_size: sides of the window along X, Y, Z, in voxels.
        batch_size: largest number of windows at a time.
        in_channels: channels of the image.
        divisor: 2 to the number of poolings; no side of a window is smaller.

    Returns:
        `{name: [smallest, usual, largest]}`, each `[B, C, X, Y, Z]`: a profile as `trt_compile` takes it.
    """
    largest = [batch_size, in_channels, *patch_size]
    return {INPUT: [[1, in_channels, *[divisor] * len(patch_size)], largest, largest]}


def by_tensorrt(
    network: nn.Module,
    ckpt_path: str | Path,
    device: str,
    patch_size: Sequence[int],
    batch_size: int,
    precision: str = "fp32",
) -> nn.Module:
    """Make a network run by TensorRT.

    Weights may be loaded into it until it is first called.

    Args:
        network: a `TubeNet` on the device.
        ckpt_path: its weights, `X.pt`. The engine is kept beside them, named after their hash, the precision and the
            largest input; it is built where there is none of that name, or another GPU built it.
        device: `cuda` or `cuda:1`.
        patch_size: sides of the window along X, Y, Z, in voxels.
        batch_size: largest number of windows at a time.
        precision: `fp32`, `tf32`, `bf16` or `fp16`.

    Returns:
        The same network.

    Raises:
        UserError: for another precision, missing weights, a device that is not an NVIDIA GPU or missing packages.
    """
    if precision not in PRECISIONS:
        refuse(f"--precision {precision}", "is not known", f"give one of {', '.join(PRECISIONS)}")
    check_capable(device)
    weights = Path(ckpt_path)
    if not weights.is_file():
        refuse(weights, "no such weights", "check --ckpt_path", FileNotFoundError)
    profile = window_profile(patch_size, batch_size)
    largest = "x".join(map(str, profile[INPUT][-1]))
    engine = weights.with_name(f"{weights.stem}_{sha256(weights)[:HASH_DIGITS]}_{precision}_{largest}")
    return trt_compile(network, str(engine), args={"precision": precision, "input_profiles": [profile]})
