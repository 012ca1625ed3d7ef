"""TubeNet, the 3-D U-Net of the paper on tUbe net.

The paper is *tUbe net: a generalisable deep learning tool for 3D vessel segmentation* by Holroyd et al."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.layers.factories import Conv
from torch import nn

from scripts.core import refuse

from .blocks import ConvLayer, DecoderLayer, EncoderLayer
from .layers import CHANNELS_PER_GROUP, Dropout

MAX_LEVELS, MAX_WIDTH, MAX_CLASSES = 16, 4096, 1024
"""Limits far above any sensible network, so that none is built whose size a damaged file made up."""


class TubeNet(nn.Module):
    """Network that segments blood vessels, after the text of the paper on tUbe net.

    Encoder layers with pooling by 2 between them lead down to a bottleneck, decoder layers with transposed convolutions
    lead up again. With the defaults there are six levels, each decoder layer has two convolutions after the transposed
    one, every convolution is normalised, every layer is followed by dropout, and the skips carry full-resolution
    features from before each pooling.

    The implementation that the authors released differs from their paper. `decoder_convolutions=1, decoder_dropout=0.0,
    pooled_skips=True, shared_norm=True, norm_eps=1e-3, bottleneck_norm=False` is its graph, weight for weight.

    Args:
        in_channels: channels of the image.
        out_channels: number of classes, background among them.
        channels: widths from the first layer to the bottleneck, each a multiple of 4; their number sets the depth.
        dropout: fraction of values dropped after each encoder layer, and after each decoder layer too if
            `decoder_dropout` is None.
        act: activation, as MONAI's `Act` factory takes it; the paper's is LeakyReLU with slope 0.2.
        attention: whether gates (`LuongGate`) replace the concatenation.
        decoder_convolutions: number of convolutions after each transposed one.
        decoder_dropout: fraction of values dropped after each decoder layer.
        pooled_skips: whether skips are taken after pooling and dropout and join before the transposed convolution; the
            bottleneck then returns to their width and has no dropout.
        shared_norm: whether one normalisation serves all convolutions of a layer.
        norm_eps: epsilon of the normalisation.
        bottleneck_norm: whether there is a normalisation after the last convolution of the bottleneck.

    Attributes:
        arguments: the arguments above, as JSON values; they are kept with the weights.

    Shapes:
        `(B, in_channels, X, Y, Z)` to logits `(B, out_channels, X, Y, Z)`; X, Y and Z are multiples of
        `2 ** (len(channels) - 1)`.

    Raises:
        UserError: for widths, numbers or combinations that cannot be built.
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
        if not 2 <= len(channels) <= MAX_LEVELS or not all(_is_width(width) for width in channels):
            refuse(
                f"channels {list(channels)}",
                f"are not 2 to {MAX_LEVELS} multiples of {CHANNELS_PER_GROUP} up to {MAX_WIDTH}",
                "give widths such as [16, 32, 64]",
            )
        if not _is_count(in_channels, 1, MAX_WIDTH):
            refuse(f"in_channels {in_channels}", _not_from(1, MAX_WIDTH), "give the number of channels of the image")
        if not _is_count(decoder_convolutions, 1, MAX_LEVELS):
            refuse(f"decoder_convolutions {decoder_convolutions}", _not_from(1, MAX_LEVELS), "give 1 or 2")
        if isinstance(norm_eps, bool) or not isinstance(norm_eps, int | float) or not 0 < norm_eps < 1:
            refuse(f"norm_eps {norm_eps}", "is not a number between 0 and 1", "give one such as 0.00001")
        if attention and pooled_skips:
            refuse("attention", "needs full-resolution skips", "set pooled_skips to false")
        if not _is_count(out_channels, 2, MAX_CLASSES):
            remedy = "give the number of classes, background among them"
            refuse(f"out_channels {out_channels}", _not_from(2, MAX_CLASSES), remedy)
        *levels, deepest = channels
        decoder_dropout = dropout if decoder_dropout is None else decoder_dropout

        self.encoder = nn.ModuleList(
            EncoderLayer((before, width, width), dropout, act, norm_eps, shared_norm)
            for before, width in zip((in_channels, *levels), levels, strict=False)
        )
        below = levels[-1] if pooled_skips else deepest
        self.bottleneck = ConvLayer((levels[-1], deepest, below), act, norm_eps, last_norm=bottleneck_norm)
        # the bottleneck is a layer too, but in the released implementation it has no dropout
        self.bottleneck_dropout = Dropout(0.0 if pooled_skips else dropout)
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
        """Return the logits of a batch of patches."""
        skips: list[torch.Tensor] = []
        for layer in self.encoder:
            x, features = layer(x)  # (B, C, X/2, Y/2, Z/2), (B, C, X, Y, Z)
            skips.append(x if self.pooled_skips else features)
        x = self.bottleneck_dropout(self.bottleneck(x))  # (B, C_bottleneck, X, Y, Z)
        for layer in self.decoder:
            x = layer(x, skips.pop())  # (B, C, 2X, 2Y, 2Z)
        return self.head(x)  # (B, out_channels, X, Y, Z)


def _is_count(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_width(value: object) -> bool:
    return _is_count(value, CHANNELS_PER_GROUP, MAX_WIDTH) and value % CHANNELS_PER_GROUP == 0


def _not_from(low: int, high: int) -> str:
    return f"is not a whole number from {low} to {high}"
