"""Layers that train right and fast on a CPU, where PyTorch's own are wrong or slow.

Elsewhere they are PyTorch's own: each computes what its base class computes, but for rounding, and does so by the base
class's operations where a graph is taken of it (TorchScript, `torch.export`, `torch.compile`). How much
time they save: docs/explanation/speed.md.

This file does without `from __future__ import annotations`, because TorchScript needs annotations that are types.
"""

from math import gcd

import torch
from torch import nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.nn import functional as F

CHANNELS_PER_GROUP = 4  # the paper has channels / 4 groups in every group normalisation
ROW = 1024  # numbers that are worked on at once; fewer leave the vector registers of a CPU half empty


class Conv3x3x3(nn.Conv3d):
    """3x3x3 convolution, zero-padded by one, with the right gradient in bfloat16 too.

    On a CPU, PyTorch 2.13 (oneDNN) computes the gradient of the weights in bfloat16 from memory that nobody wrote,
    where the first spatial axis has 2 voxels, as it has in the deepest layer for a patch of 64. That gradient is off by
    its own size, differs from call to call, and is sometimes infinite or NaN. With 3 voxels it is right, so a plane of
    zeros is appended, which the padding stands for anyway.

    Args:
        in_channels: channels in.
        out_channels: channels out.

    Shapes:
        `(B, in_channels, X, Y, Z)` to `(B, out_channels, X, Y, Z)`.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve."""
        if not self.training or x.shape[2] != 2:
            return self._conv_forward(x, self.weight, self.bias)  # (B, C_out, X, Y, Z)
        x = F.pad(x, [0, 0, 0, 0, 0, 1])  # (B, C_in, 3, Y, Z)
        # cloned, so that there is no gap in memory between the voxels
        return self._conv_forward(x, self.weight, self.bias)[:, :, :2].clone()  # (B, C_out, 2, Y, Z)


class GroupNorm(nn.GroupNorm):
    """Group normalisation with four channels a group, whose gradient is fast in bfloat16 too.

    On a CPU in bfloat16, the gradients of weight and bias are right to about 0.5 % of their size, and there is no
    second derivative.

    Args:
        channels: channels C, a multiple of 4.
        eps: number that is added to the variance.

    Shapes:
        `(B, C, X, Y, Z)` to `(B, C, X, Y, Z)`.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(channels // CHANNELS_PER_GROUP, channels, eps=eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise, then scale and shift."""
        if self.training and not torch.jit.is_scripting() and self._has_rows(x):
            return self._of_rows(x)
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    @torch.jit.unused
    def _has_rows(self, x: torch.Tensor) -> bool:
        """Tell whether the fast gradient suits a tensor."""
        suits = x.dtype == torch.bfloat16 and x.is_cpu and x.dim() == 5 and x.numel() > 0
        return suits and not torch.compiler.is_compiling()

    @torch.jit.unused
    def _of_rows(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise with the fast gradient."""
        x = x.contiguous(memory_format=torch.channels_last_3d)
        return _GroupNormOfRows.apply(x, self.weight, self.bias, self.num_groups, self.eps)


class _GroupNormOfRows(torch.autograd.Function):
    """PyTorch's group normalisation with a gradient of a few operations on long rows of memory.

    A channels-last tensor holds one voxel after the other, `C` numbers each; several voxels make a row. The gradient is
    derived, by the chain rule, from eq. 1 to 4 of Wu and He, *Group Normalization* (2018).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, groups: int, eps: float
    ) -> torch.Tensor:
        """Normalise `x` (B, C, X, Y, Z) as PyTorch does, and keep what the gradient needs."""
        batch, channels = x.shape[:2]
        y, mean, rstd = torch.native_group_norm(x, weight, bias, batch, channels, x[0, 0].numel(), groups, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.groups = groups
        return y

    @staticmethod
    @once_differentiable  # mean and rstd are constants below; for a second derivative they would have to be functions
    def backward(ctx: FunctionCtx, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of `x`, `weight` and `bias` for that of the result, `dy`."""
        x, weight, mean, rstd = ctx.saved_tensors
        (batch, channels), sides = x.shape[:2], x.shape[2:]  # x, dy: (B, C, X, Y, Z)
        voxels, share = x[0, 0].numel(), channels // ctx.groups
        # voxels a row: a power of two, because the sides of patches are multiples of powers of two
        together = gcd(voxels, 2 ** max(0, (ROW // channels).bit_length() - 1))

        def rows(values: torch.Tensor) -> torch.Tensor:
            values = values.contiguous(memory_format=torch.channels_last_3d).permute(0, 2, 3, 4, 1)  # (B, X, Y, Z, C)
            return values.reshape(batch, voxels // together, together * channels)  # (B, rows, numbers)

        def over_voxels(values: torch.Tensor) -> torch.Tensor:
            # a sum is rounded to bfloat16 when it is done, so the last and fewest additions are in float32
            return values.sum(dim=1).view(batch, together, channels).sum(dim=1, dtype=torch.float32)  # (B, C)

        def over_groups(values: torch.Tensor) -> torch.Tensor:
            return values.view(batch, ctx.groups, share).sum(dim=2).repeat_interleave(share, dim=1)  # (B, C)

        def along_rows(values: torch.Tensor) -> torch.Tensor:
            return values.to(x.dtype).repeat(1, together)[:, None]  # (B, 1, numbers)

        x, dy = rows(x), rows(dy)
        mean, rstd = (statistic.float().repeat_interleave(share, dim=1) for statistic in (mean, rstd))  # (B, C)
        sum_dy, sum_dy_x = over_voxels(dy), over_voxels(dy * x)
        of_mean = over_groups(sum_dy * weight)
        of_rstd = over_groups(sum_dy_x * weight) - of_mean * mean
        slope = -of_rstd * rstd**3 / (voxels * share)
        offset = -slope * mean - of_mean * rstd / (voxels * share)
        dx = torch.addcmul(along_rows(offset), x, along_rows(slope)).addcmul_(dy, along_rows(weight * rstd))
        dx = dx.view(batch, *sides, channels).permute(0, 4, 1, 2, 3)  # (B, C, X, Y, Z)
        dweight = ((sum_dy_x - mean * sum_dy) * rstd).sum(dim=0)
        return dx, dweight.to(weight.dtype), sum_dy.sum(dim=0).to(weight.dtype), None, None


class MaxPool(nn.MaxPool3d):
    """Maximum pooling by 2 that stays in bfloat16 where it is given that.

    Autocasting on a CPU would go to float32 and back, for the same result.

    Shapes:
        `(B, C, X, Y, Z)` to `(B, C, X/2, Y/2, Z/2)`.
    """

    def __init__(self) -> None:
        super().__init__(kernel_size=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the largest of each 2 x 2 x 2 voxels."""
        if x.dtype == torch.bfloat16 and not torch.jit.is_scripting():
            return self._without_casts(x)
        return F.max_pool3d(x, 2)  # (B, C, X/2, Y/2, Z/2)

    @torch.jit.unused
    def _without_casts(self, x: torch.Tensor) -> torch.Tensor:
        """Pool in the precision of the input."""
        with torch.autocast(x.device.type, enabled=False):
            return F.max_pool3d(x, 2)  # (B, C, X/2, Y/2, Z/2)


class Dropout(nn.Dropout):
    """Dropout that is fast on a CPU, because 16 random bits decide on each value.

    The fraction dropped is therefore a multiple of 1/65536.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Drop values and scale up those that are left."""
        if self.training and not torch.jit.is_scripting() and self._draws_bits(x):
            return x * self._factors(x)
        return F.dropout(x, self.p, self.training, self.inplace)

    @torch.jit.unused
    def _draws_bits(self, x: torch.Tensor) -> bool:
        """Tell whether the fast draw suits a tensor."""
        suits = x.is_cpu and x.numel() % 4 == 0 and 0 < round(self.p * 2**16) < 2**16 and not self.inplace
        return suits and not torch.compiler.is_compiling()

    @torch.jit.unused
    def _factors(self, x: torch.Tensor) -> torch.Tensor:
        """Draw the factor of each value: 0, or 1 / (1 - p)."""
        bits = torch.empty_like(x, dtype=torch.int16)  # dense, in the layout of x
        bits.as_strided((bits.numel(),), (1,)).view(torch.int64).random_(-(2**63), None)
        return (bits >= round(self.p * 2**16) - 2**15).to(x.dtype).mul_(1 / (1 - self.p))
