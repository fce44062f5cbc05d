"""VGG16 (Simonyan & Zisserman 2015, ICLR, configuration D), its layers frozen, with class scores.

The 8192 outputs of the two fully connected layers before ImageNet's classes are the features that
the class scores are linear in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from spi_viewer.baselines.baseline_folder import Shape
from spi_viewer.baselines.vgg16_weights import SHA256
from spi_viewer.networks.model_card import CLASSES
from spi_viewer.networks.network import Network

_BLOCKS = (2, 2, 3, 3, 3)  # convolutions before each halving of the size
_SIDE_PX = 224
_GRID = _SIDE_PX >> len(_BLOCKS)
_IMAGENET_CLASSES = 1000
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
# What is black and white in a frame, in standard deviations of its square root from its mean.
_BLACK, _WHITE = -1.5, 3.5
_CPU_FRAMES, _GPU_FRAMES = 4, 64  # at a time: the first maps of a frame take 13 MB, twice
_MAX_WIDTH, _MAX_HIDDEN = 4096, 32768


@dataclass(frozen=True)
class Vgg16Config:
    """What rebuilds the network.

    Attributes:
        vgg16_sha256: checksum of the file of ImageNet's weights.
        widths: channels of the convolutions of each block; others than VGG16's own are of use
            only with a file of weights of one's own.
        hidden: outputs of each of the two fully connected layers.
        classes: of the file's last layer, which is not used.
    """

    vgg16_sha256: str
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    hidden: int = 4096
    classes: int = _IMAGENET_CLASSES

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))  # JSON knows lists only

    def check(self) -> None:
        """Raise ValueError for values that no network can be built from."""
        if type(self.vgg16_sha256) is not str or len(self.vgg16_sha256) != 64:
            raise ValueError("vgg16_sha256 must be a SHA-256")
        if len(self.widths) != len(_BLOCKS):
            raise ValueError(f"widths must be {len(_BLOCKS)} numbers")
        numbers = [(width, _MAX_WIDTH) for width in self.widths]
        for number, most in [*numbers, (self.hidden, _MAX_HIDDEN), (self.classes, _MAX_HIDDEN)]:
            if type(number) is not int or not 1 <= number <= most:
                raise ValueError(f"widths, hidden and classes must be whole numbers up to {most}")

    @property
    def feature_count(self) -> int:
        """Outputs of the two fully connected layers; 8192 of VGG16 itself."""
        return 2 * self.hidden


VGG16 = Vgg16Config(SHA256)


def file_shapes(config: Vgg16Config) -> dict[str, Shape]:
    """Names and shapes in the file of ImageNet's weights."""
    shapes: dict[str, Shape] = {}
    for number, (fan_in, width) in _conv_sizes(config).items():
        shapes[f"features.{number}.weight"] = (width, fan_in, 3, 3)
        shapes[f"features.{number}.bias"] = (width,)
    sizes = (config.widths[-1] * _GRID**2, config.hidden, config.hidden, config.classes)
    for number, fan_in, width in zip((0, 3, 6), sizes[:-1], sizes[1:], strict=True):
        shapes[f"classifier.{number}.weight"] = (width, fan_in)
        shapes[f"classifier.{number}.bias"] = (width,)
    return shapes


def _conv_sizes(config: Vgg16Config) -> dict[int, tuple[int, int]]:
    """Channels in and out of each convolution, by its number among the layers of the file."""
    sizes, number, fan_in = {}, 0, 3
    for convolutions, width in zip(_BLOCKS, config.widths, strict=True):
        for _ in range(convolutions):
            sizes[number] = (fan_in, width)
            number, fan_in = number + 2, width  # the ReLU has a number, too
        number += 1  # and so has the pooling
    return sizes


class Vgg16(Network):
    """13 convolutions and two fully connected layers, all frozen, and the class scores.

    Input is the networks' per-image input, of which the first channel, the standardised square
    root, becomes a grey picture of 224 x 224 px with ImageNet's mean and spread.
    """

    def __init__(self, config: Vgg16Config) -> None:
        super().__init__()
        self.config = config
        convs = {str(n): nn.Conv2d(*s, 3, padding=1) for n, s in _conv_sizes(config).items()}
        self.features = nn.ModuleDict(convs)
        flat = config.widths[-1] * _GRID**2
        self.fc6, self.fc7 = nn.Linear(flat, config.hidden), nn.Linear(config.hidden, config.hidden)
        self.head = nn.Linear(config.feature_count, len(CLASSES))

    @property
    def feature_count(self) -> int:
        """Channels of the last maps."""
        return self.config.widths[-1]

    def forward_features(self, x: Tensor) -> Tensor:
        """Network input (B, 3, 128, 128) -> last maps (B, 512, 7, 7), a few frames at a time."""
        frames = _CPU_FRAMES if x.device.type == "cpu" else _GPU_FRAMES
        return torch.cat([self._last_maps(part) for part in x.split(frames)])

    def fully_connected(self, features: Tensor) -> Tensor:
        """Last maps -> outputs of the two fully connected layers, (B, 8192)."""
        first = F.relu(self.fc6(features.flatten(1)))
        return torch.cat([first, F.relu(self.fc7(first))], 1)

    def forward_head(self, features: Tensor) -> Tensor:
        """Last maps -> class scores (B, K)."""
        return self.head(self.fully_connected(features))

    def class_activation(self, features: Tensor) -> Tensor:
        """Gradient of each class score times activation, summed over channels: (B, K, 7, 7).

        With the biases that reach it, their sum is the score: ReLU networks are linear in pieces.
        """
        first, second = self.fully_connected(features).chunk(2, 1)
        to_first, to_second = self.head.weight.chunk(2, 1)  # (K, hidden)
        back = (to_second * (second > 0)[:, None]) @ self.fc7.weight  # (B, K, hidden)
        back = ((back + to_first) * (first > 0)[:, None]) @ self.fc6.weight
        return (back.unflatten(2, features.shape[1:]) * features[:, None]).sum(2)

    def feature_maps(self, x: Tensor) -> list[tuple[str, Tensor]]:
        """Name and maps (B, c, h, w) after each convolution, in order."""
        return list(self._layers(x))

    def fuse_batch_norm(self) -> Self:
        """There is none."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Vgg16:
        """A copy with the same tensors, which nothing ever changes: half a gigabyte."""
        return built(self.config, self.state_dict())

    def _last_maps(self, x: Tensor) -> Tensor:
        for _, maps in self._layers(x):  # no more than two at a time in memory
            last = maps
        return F.max_pool2d(last, 2)

    def _layers(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        x = self._picture(x)
        convs = iter(self.features.values())
        for block, convolutions in enumerate(_BLOCKS, start=1):
            for number in range(1, convolutions + 1):
                x = F.relu(next(convs)(x), inplace=True)
                yield f"conv {block}_{number}", x
            x = F.max_pool2d(x, 2)

    def _picture(self, x: Tensor) -> Tensor:
        """(B, 3, 128, 128) -> (B, 3, 224, 224), grey, as ImageNet's pictures are normalised."""
        grey = ((x[:, :1] - _BLACK) / (_WHITE - _BLACK)).clamp(0, 1)
        grey = F.interpolate(grey, (_SIDE_PX, _SIDE_PX), mode="bilinear")
        mean, std = x.new_tensor(_IMAGENET_MEAN), x.new_tensor(_IMAGENET_STD)
        return (grey - mean[:, None, None]) / std[:, None, None]


def built(config: Vgg16Config, tensors: Mapping[str, Tensor]) -> Vgg16:
    """The network around tensors that it shares, in evaluation mode."""
    with torch.device("meta"):  # no time for random weights, which would be thrown away
        network = Vgg16(config)
    network.load_state_dict(dict(tensors), assign=True)
    return network.eval().requires_grad_(False)
