"""TubeNet, the 3-D U-Net of *tUbe net: a generalisable deep learning tool for 3D vessel segmentation*."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from monai.networks.layers.factories import Conv, Pool
from monai.networks.layers.utils import get_act_layer
from torch import nn
from torch.nn import functional as F

CHANNELS_PER_GROUP = 4  # the paper: channels / 4 groups in every group normalisation


def _group_norm(channels: int, eps: float) -> nn.GroupNorm:
    return nn.GroupNorm(channels // CHANNELS_PER_GROUP, channels, eps=eps)


class SoundConv3d(nn.Conv3d):
    """3x3x3 convolution, zero-padded by one, whose weights get a sound gradient in bfloat16 too.

    On a CPU, torch 2.13 (oneDNN) computes that gradient from memory that nobody wrote where the first spatial axis has
    2 voxels, as in the deepest layer for a patch of 64: it is off by its own size, differs from call to call, and is
    sometimes infinite or NaN. 3 voxels are computed right, and a plane of zeros is what the padding stands for anyway.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size=3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(B, C_in, X, Y, Z)`` to ``(B, C_out, X, Y, Z)``."""
        size = x.shape[2]
        if self.training and size == 2:
            x = F.pad(x, [0, 0, 0, 0, 0, 1])  # (B, C_in, 3, Y, Z)
        return self._conv_forward(x, self.weight, self.bias)[:, :, :size]  # (B, C_out, X, Y, Z)


class ConvLayer(nn.Module):
    """3x3x3 convolutions, each followed by the activation and then group normalisation.

    The order (convolution, activation, normalisation) is the paper's.

    Args:
        widths: channels in, then the channels out of each convolution; two convolutions have three widths.
        act: activation, a name or a (name, arguments) pair as MONAI's ``Act`` factory takes it.
        norm_eps: epsilon of the normalisation.
        shared_norm: the convolutions share one set of normalisation parameters.
        last_norm: normalise after the last convolution too.

    Shapes:
        ``(B, widths[0], X, Y, Z)`` to ``(B, widths[-1], X, Y, Z)``.
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
            layers += [SoundConv3d(before, after), get_act_layer(act)]
            if i == len(widths) - 2 and not last_norm:
                break
            if norm is None or not shared_norm:
                norm = _group_norm(after, norm_eps)
            layers.append(norm)
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve, activate and normalise."""
        return self.layers(x)


class LuongGate(nn.Module):
    """Attention gate of the paper's attention variant, after Luong et al. (2015), *dot* score.

    With the encoder map *q* and the decoder map *k*, each through a trainable 3x3x3 convolution, the score of a voxel
    is the dot product of its two channel vectors. A 1x1x1 convolution and a sigmoid make it the attention map, which
    multiplies the decoder map. Every step is local, so the gate does not depend on the size of the patch.

    Shapes:
        q and k ``(B, C, X, Y, Z)`` to ``(B, C, X, Y, Z)``.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = SoundConv3d(channels, channels)
        self.key = SoundConv3d(channels, channels)
        self.map = Conv["conv", 3](1, 1, kernel_size=1)
        # The plain dot product grows with C and saturates the sigmoid: Vaswani et al. (2017), eq. 1, divide by sqrt(C).
        self.scale = channels**-0.5

    def forward(self, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        """Weight the decoder map ``k`` by its agreement with the encoder map ``q``."""
        score = (self.query(q) * self.key(k)).sum(dim=1, keepdim=True) * self.scale  # (B, 1, X, Y, Z)
        return k * torch.sigmoid(self.map(score))


class EncoderLayer(nn.Module):
    """Two convolutions, pooling by 2, dropout.

    Shapes:
        ``(B, C_in, X, Y, Z)`` to the pooled ``(B, C, X/2, Y/2, Z/2)`` and the full-resolution ``(B, C, X, Y, Z)``.
    """

    def __init__(self, widths: Sequence[int], dropout: float, act: str | tuple, norm_eps: float, shared_norm: bool):
        super().__init__()
        self.conv = ConvLayer(widths, act, norm_eps, shared_norm)
        self.pool = Pool["max", 3](kernel_size=2)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what goes down and what the skip may take."""
        features = self.conv(x)  # (B, C, X, Y, Z)
        return self.dropout(self.pool(features)), features  # (B, C, X/2, Y/2, Z/2), (B, C, X, Y, Z)


class DecoderLayer(nn.Module):
    """Transposed convolution, the skip, further convolutions, dropout.

    Args:
        in_channels: channels from the layer below.
        skip_channels: channels of the skip.
        out_channels: channels out.
        convolutions: how many follow the transposed one.
        dropout: fraction, after the layer.
        pooled_skip: the skip is half as large and joins before the transposed convolution, as released.
        attention: a :class:`LuongGate` replaces the concatenation; the skip then needs ``out_channels`` channels.

    Shapes:
        ``(B, in_channels, X, Y, Z)`` to ``(B, out_channels, 2X, 2Y, 2Z)``.
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
        self.norm = _group_norm(out_channels, norm_eps)
        self.gate = LuongGate(out_channels) if attention else None
        self.conv = ConvLayer(
            (out_channels + joined_after, *(out_channels,) * convolutions), act, norm_eps, shared_norm
        )
        if shared_norm:
            for i, layer in enumerate(self.conv.layers):
                if isinstance(layer, nn.GroupNorm):
                    self.conv.layers[i] = self.norm
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Double the resolution of ``x`` with the help of ``skip``."""
        if self.pooled_skip:
            x = torch.cat((skip, x), dim=1)  # (B, C_skip + C_in, X, Y, Z)
        x = self.norm(self.act(self.up(x)))  # (B, C_out, 2X, 2Y, 2Z)
        if self.gate is not None:
            x = self.gate(skip, x)
        elif not self.pooled_skip:
            x = torch.cat((skip, x), dim=1)  # (B, C_skip + C_out, 2X, 2Y, 2Z)
        return self.dropout(self.conv(x))  # (B, C_out, 2X, 2Y, 2Z)


class TubeNet(nn.Module):
    """Vessel segmentation network after the text of the tUbe net paper.

    Six convolutional layers with pooling by 2 between them and, against them, deconvolutional layers. With the
    defaults, each decoder layer has two convolutions after the transposed one, every convolution is normalised,
    every layer is followed by dropout, and the skips carry full-resolution features from before each pooling.

    The released implementation differs from its paper. ``decoder_convolutions=1, decoder_dropout=0.0,
    pooled_skips=True, shared_norm=True, norm_eps=1e-3, bottleneck_norm=False`` is its graph, weight for weight.

    Args:
        in_channels: channels of the image.
        out_channels: classes, background among them.
        channels: widths from the first layer to the bottleneck, each a multiple of 4; their number sets the depth.
        dropout: fraction dropped after each encoder layer, and after each decoder layer if ``decoder_dropout`` is None.
        act: activation; the paper's is LeakyReLU with slope 0.2.
        attention: gates (:class:`LuongGate`) replace the concatenation.
        decoder_convolutions: convolutions after each transposed one.
        decoder_dropout: fraction dropped after each decoder layer.
        pooled_skips: take the skips after pooling and dropout, join them before the transposed convolution, and let the
            bottleneck, then without dropout, return to their width.
        shared_norm: one normalisation serves all convolutions of a layer.
        norm_eps: epsilon of the normalisation.
        bottleneck_norm: normalise after the last convolution of the bottleneck.

    Attributes:
        arguments: those above, as JSON values; they travel with the weights.

    Shapes:
        ``(B, in_channels, X, Y, Z)`` to logits ``(B, out_channels, X, Y, Z)``; X, Y and Z are multiples of
        ``2 ** (len(channels) - 1)``.

    Raises:
        ValueError: for widths, counts or combinations that no graph has.
    """

    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 2,
        channels: Sequence[int] = (32, 64, 128, 256, 512, 1024),
        dropout: float = 0.3,
        act: str | tuple = ("leakyrelu", {"negative_slope": 0.2}),
        attention: bool = False,
        decoder_convolutions: int = 2,
        decoder_dropout: float | None = None,
        pooled_skips: bool = False,
        shared_norm: bool = False,
        norm_eps: float = 1e-5,
        bottleneck_norm: bool = True,
    ) -> None:
        super().__init__()
        channels = tuple(channels)
        self.arguments = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "channels": list(channels),
            "dropout": dropout,
            "act": act,
            "attention": attention,
            "decoder_convolutions": decoder_convolutions,
            "decoder_dropout": decoder_dropout,
            "pooled_skips": pooled_skips,
            "shared_norm": shared_norm,
            "norm_eps": norm_eps,
            "bottleneck_norm": bottleneck_norm,
        }
        if len(channels) < 2 or any(width < 4 or width % CHANNELS_PER_GROUP for width in channels):
            raise ValueError(f"channels must be two or more multiples of {CHANNELS_PER_GROUP}, got {channels}")
        if in_channels < 1:
            raise ValueError(f"in_channels must be at least 1, got {in_channels}")
        if decoder_convolutions < 1:
            raise ValueError(f"decoder_convolutions must be at least 1, got {decoder_convolutions}")
        if attention and pooled_skips:
            raise ValueError("attention needs full-resolution skips: set pooled_skips to false")
        if out_channels < 2:
            raise ValueError(f"out_channels counts the background too: at least 2, got {out_channels}")
        *levels, deepest = channels
        decoder_dropout = dropout if decoder_dropout is None else decoder_dropout

        self.encoder = nn.ModuleList(
            EncoderLayer((before, width, width), dropout, act, norm_eps, shared_norm)
            for before, width in zip((in_channels, *levels), levels, strict=False)
        )
        below = levels[-1] if pooled_skips else deepest
        self.bottleneck = ConvLayer((levels[-1], deepest, below), act, norm_eps, last_norm=bottleneck_norm)
        # the bottleneck is a layer too; as released it has no dropout of its own
        self.bottleneck_dropout = nn.Dropout(0.0 if pooled_skips else dropout)
        self.decoder = nn.ModuleList()
        for width in reversed(levels):
            self.decoder.append(
                DecoderLayer(
                    in_channels=below,
                    skip_channels=width,
                    out_channels=width,
                    convolutions=decoder_convolutions,
                    dropout=decoder_dropout,
                    act=act,
                    norm_eps=norm_eps,
                    shared_norm=shared_norm,
                    pooled_skip=pooled_skips,
                    attention=attention,
                )
            )
            below = width
        self.head = Conv["conv", 3](levels[0], out_channels, kernel_size=1)
        self.pooled_skips = pooled_skips

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Segment a batch of patches; returns logits."""
        skips: list[torch.Tensor] = []
        for layer in self.encoder:
            x, features = layer(x)  # (B, C, X/2, Y/2, Z/2), (B, C, X, Y, Z)
            skips.append(x if self.pooled_skips else features)
        x = self.bottleneck_dropout(self.bottleneck(x))
        for layer in self.decoder:
            x = layer(x, skips.pop())  # (B, C, 2X, 2Y, 2Z)
        return self.head(x)  # (B, out_channels, X, Y, Z)
