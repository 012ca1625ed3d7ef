"""The blocks of TubeNet: encoder and decoder layers, and the attention gate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv
from monai.networks.layers.utils import get_act_layer
from torch import nn

from .layers import Conv3x3x3, Dropout, GroupNorm, MaxPool


class ConvLayer(nn.Module):
    """3x3x3 convolutions, each followed by the activation and then group normalisation.

    This order is that of the paper on tUbe net.

    Args:
        widths: channels in, then channels out of each convolution: three numbers for two convolutions.
        act: activation, a name or a (name, arguments) pair as MONAI's `Act` factory takes it.
        norm_eps: epsilon of the normalisation.
        shared_norm: whether all convolutions share one set of normalisation parameters.
        last_norm: whether there is a normalisation after the last convolution too.

    Shapes:
        `(B, widths[0], X, Y, Z)` to `(B, widths[-1], X, Y, Z)`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        act: str | tuple,
        norm_eps: float,
        shared_norm: bool = False,
        last_norm: bool = True,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        norm: nn.Module | None = None
        for i, (before, after) in enumerate(pairwise(widths)):
            layers += [Conv3x3x3(before, after), get_act_layer(act)]
            if i == len(widths) - 2 and not last_norm:
                break
            if norm is None or not shared_norm:
                norm = GroupNorm(after, norm_eps)
            layers.append(norm)
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve, activate and normalise."""
        return self.layers(x)  # (B, widths[-1], X, Y, Z)


class LuongGate(nn.Module):
    """Attention gate, which weights the decoder map by its agreement with the encoder map.

    It is that of the attention variant in the paper on tUbe net, with the *dot* score of Luong et al., *Effective
    Approaches to Attention-based Neural Machine Translation* (2015). The encoder map *q* and the decoder map *k* each
    pass a trainable 3x3x3 convolution; the score of a voxel is the dot product of its two channel vectors. A 1x1x1
    convolution and a sigmoid turn the scores into the attention map, which multiplies *k*. Every step is local, so the
    gate does not depend on the size of the patch.

    Args:
        channels: channels C of both maps.

    Shapes:
        q and k `(B, C, X, Y, Z)` to `(B, C, X, Y, Z)`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = Conv3x3x3(channels, channels)
        self.key = Conv3x3x3(channels, channels)
        self.map = Conv["conv", 3](1, 1, kernel_size=1)
        # The plain dot product grows with C and saturates the sigmoid; Vaswani et al., *Attention Is All You Need*
        # (2017), eq. 1, therefore divide by sqrt(C).
        self.scale = channels**-0.5

    def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        """Weight the decoder map `k` by the attention map."""
        score = (self.query(q) * self.key(k)).sum(dim=1, keepdim=True) * self.scale  # (B, 1, X, Y, Z)
        return k * torch.sigmoid(self.map(score))  # (B, C, X, Y, Z)


class EncoderLayer(nn.Module):
    """Convolutions, pooling by 2, dropout.

    Args:
        widths: channels in, then channels out of each convolution, the last of them C.
        dropout: fraction of values dropped after pooling.
        act: activation, as `ConvLayer` takes it.
        norm_eps: epsilon of the normalisation.
        shared_norm: whether all convolutions share one set of normalisation parameters.

    Shapes:
        `(B, C_in, X, Y, Z)` to the pooled `(B, C, X/2, Y/2, Z/2)` and the full-resolution `(B, C, X, Y, Z)`.
    """

    def __init__(
        self, widths: Sequence[int], dropout: float, act: str | tuple, norm_eps: float, shared_norm: bool
    ) -> None:
        super().__init__()
        self.conv = ConvLayer(widths, act, norm_eps, shared_norm)
        self.pool = MaxPool()
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the input of the next layer, and the features that a skip may take."""
        features = self.conv(x)  # (B, C, X, Y, Z)
        return self.dropout(self.pool(features)), features  # (B, C, X/2, Y/2, Z/2), (B, C, X, Y, Z)


class DecoderLayer(nn.Module):
    """Decoder block: transposed convolution, skip connection, further convolutions, dropout.

    Args:
        in_channels: channels from the layer below.
        skip_channels: channels of the skip connection.
        out_channels: channels out.
        convolutions: number of convolutions after the transposed one.
        dropout: dropout rate, applied at the end of the layer.
        act: activation, as `ConvLayer` takes it.
        norm_eps: epsilon of the normalisation.
        shared_norm: whether all convolutions, including the transposed one, share one set of normalisation parameters.
        pooled_skip: whether the skip has the lower resolution of the input and joins before the transposed convolution,
            as in the authors' released implementation.
        attention: whether a `LuongGate` replaces the concatenation; `skip_channels` must then equal `out_channels`.

    Shapes:
        `(B, in_channels, X, Y, Z)` and a skip `(B, skip_channels, 2X, 2Y, 2Z)`, or `(B, skip_channels, X, Y, Z)` if
        pooled, to `(B, out_channels, 2X, 2Y, 2Z)`.
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        convolutions: int,
        dropout: float,
        act: str | tuple,
        norm_eps: float,
        shared_norm: bool,
        pooled_skip: bool,
        attention: bool,
    ) -> None:
        super().__init__()
        self.pooled_skip = pooled_skip
        joined_before = skip_channels if pooled_skip else 0
        joined_after = 0 if pooled_skip or attention else skip_channels
        self.up = Conv["convtrans", 3](in_channels + joined_before, out_channels, kernel_size=2, stride=2)
        self.act = get_act_layer(act)
        self.norm = GroupNorm(out_channels, norm_eps)
        self.gate = LuongGate(out_channels) if attention else None
        self.conv = ConvLayer(
            (out_channels + joined_after, *(out_channels,) * convolutions), act, norm_eps, shared_norm
        )
        if shared_norm:
            for i, layer in enumerate(self.conv.layers):
                if isinstance(layer, GroupNorm):
                    self.conv.layers[i] = self.norm
        self.dropout = Dropout(dropout)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Double the resolution of `x`, with the help of the encoder's features in `skip`."""
        if self.pooled_skip:
            x = torch.cat((skip, x), dim=1)  # (B, C_skip + C_in, X, Y, Z)
        x = self.norm(self.act(self.up(x)))  # (B, C_out, 2X, 2Y, 2Z)
        if self.gate is not None:
            x = self.gate(skip, x)  # (B, C_out, 2X, 2Y, 2Z)
        elif not self.pooled_skip:
            x = torch.cat((skip, x), dim=1)  # (B, C_skip + C_out, 2X, 2Y, 2Z)
        return self.dropout(self.conv(x))  # (B, C_out, 2X, 2Y, 2Z)
