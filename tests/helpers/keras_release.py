"""The layers of the authors' release in Keras itself, on its PyTorch backend: what writes and loads real files here."""

from __future__ import annotations

import os
from collections.abc import Sequence

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import pytest
from keras import layers

SLOPE = 0.2
WIDTHS = [4, 8, 16, 32, 64, 128]
QUIET = [  # of Keras on layers as the release has them, and on NumPy 2
    pytest.mark.filterwarnings(r"ignore:.build\(\). was called on layer"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]


class EncodeBlock(layers.Layer):
    """Two convolutions that share a normalisation, pooling, dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = layers.Conv3D(width, 3, padding="same")
        self.conv2 = layers.Conv3D(width, 3, padding="same")
        self.norm = layers.GroupNormalization(width // 4)
        self.lrelu = layers.LeakyReLU(negative_slope=SLOPE)
        self.pool = layers.MaxPooling3D()
        self.dropout = layers.Dropout(0.3)

    def call(self, x):
        """(B, Z, X, Y, C_in) to (B, Z/2, X/2, Y/2, C)."""
        for conv in (self.conv1, self.conv2):
            x = self.norm(self.lrelu(conv(x)))
        return self.dropout(self.pool(x))  # (B, Z/2, X/2, Y/2, C)


class UBlock(layers.Layer):
    """The bottleneck, whose second convolution is not normalised."""

    def __init__(self, width: int, below: int) -> None:
        super().__init__()
        self.conv1 = layers.Conv3D(width, 3, padding="same")
        self.conv2 = layers.Conv3D(below, 3, padding="same")
        self.norm = layers.GroupNormalization(width // 4)
        self.lrelu = layers.LeakyReLU(negative_slope=SLOPE)

    def call(self, x):
        """(B, Z, X, Y, C_in) to (B, Z, X, Y, C)."""
        return self.lrelu(self.conv2(self.norm(self.lrelu(self.conv1(x)))))


class AttnBlock(layers.Layer):
    """Made in every decoder block, and called in the attention variant alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.Wq = layers.Conv3D(width, 3, padding="same")
        self.Wk = layers.Conv3D(width, 3, padding="same")
        self.map = layers.Conv3D(1, 1, activation="sigmoid")

    def call(self, query, key):
        """(B, Z, X, Y, C) twice to (B, Z, X, Y, C)."""
        score = keras.ops.sum(self.Wq(query) * self.Wk(key), axis=-1, keepdims=True)  # (B, Z, X, Y, 1)
        return key * self.map(score)


class DecodeBlock(layers.Layer):
    """Concatenation, a transposed convolution and another, which share a normalisation."""

    def __init__(self, width: int, attention: bool) -> None:
        super().__init__()
        self.attention = attention
        self.transpose = layers.Conv3DTranspose(width, 2, strides=2, padding="same")
        self.conv = layers.Conv3D(width, 3, padding="same")
        self.attn = AttnBlock(width)
        self.norm = layers.GroupNormalization(width // 4)
        self.lrelu = layers.LeakyReLU(negative_slope=SLOPE)

    def call(self, skip, x):
        """(B, Z, X, Y, C_skip) and (B, Z, X, Y, C_in) to (B, 2Z, 2X, 2Y, C)."""
        x = self.attn(skip, x) if self.attention else keras.ops.concatenate([skip, x], axis=-1)
        for conv in (self.transpose, self.conv):
            x = self.norm(self.lrelu(conv(x)))
        return x


def release(
    channels: Sequence[int] = WIDTHS, classes: int = 2, inputs: int = 1, attention: bool = False
) -> keras.Model:
    """Build the release's model, with random weights, biases and normalisations, so that no mistake hides in a zero."""
    keras.utils.clear_session()  # layers are numbered within a session, and the numbers are in the file
    keras.utils.set_random_seed(0)
    *levels, deepest = channels
    image = layers.Input((32, 32, 32, inputs))
    x, skips = image, []
    for width in levels:
        x = EncodeBlock(width)(x)
        skips.append(x)
    x = UBlock(deepest, levels[-1])(x)
    for width, skip in zip(reversed(levels), reversed(skips), strict=True):
        x = DecodeBlock(width, attention)(skip, x)
    model = keras.Model(image, layers.Conv3D(classes, 1, activation="softmax")(x))
    draw = keras.random.SeedGenerator(1)
    for weights in model.trainable_weights:
        if len(weights.shape) == 1:
            weights.assign(weights + 0.1 * keras.random.normal(weights.shape, seed=draw))
    return model


def tree(path):
    """Every group named vars with its attributes and every array with its shape, as the fixture lists them."""
    lines = []

    def add(name, entry):
        if isinstance(entry, h5py.Dataset):
            lines.append(f"{name} {entry.shape} {entry.dtype}")
        elif name.endswith("vars"):
            lines.append(f"{name}/ attrs={dict(entry.attrs)}")

    with h5py.File(path) as file:
        file.visititems(add)
    return lines
