"""How a model is trained: everything that a training is repeated from."""

from __future__ import annotations

from dataclasses import dataclass, field

from spi_viewer.networks.architectures import NetworkConfig
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.preprocessing.network_input import InputKind


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. An epoch is a number of steps, for streams have no end.

    Attributes:
        epochs: 0 calibrates and measures a finished model anew.
        false_positives: bad frames called good that the threshold may admit, of the bad frames
            that are bright enough to be judged.
    """

    name: str = "resnet10"
    network: NetworkConfig = field(default_factory=ResNetConfig)
    input_kind: InputKind = InputKind.PER_IMAGE
    epochs: int = 30
    steps_per_epoch: int = 200
    warm_up_steps: int = 200
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    average_decay: float = 0.998
    gradient_norm: float = 1.0
    false_positives: float = 0.01
    augmented: bool = True
    seed: int = 0
