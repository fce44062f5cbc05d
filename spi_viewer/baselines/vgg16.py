"""Transfer learning with VGG16: ImageNet's weights and, in the model folder, new class scores.

As in the poster, a logistic regression on the features of VGG16 tells the classes apart. Only the
regression is trained, and only it and the checksum of ImageNet's weights are in the folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from spi_viewer.baselines.baseline_folder import Shape, load_baseline, save_baseline
from spi_viewer.baselines.vgg16_network import Vgg16Config, built, file_shapes
from spi_viewer.baselines.vgg16_weights import read_weights, weights_path
from spi_viewer.networks.checkpoint import Model
from spi_viewer.networks.classifier import Classifier, find_model
from spi_viewer.networks.devices import choose_device
from spi_viewer.networks.familiarity import Familiarity
from spi_viewer.networks.model_card import CLASSES, ModelCard

KIND = "vgg16"
_FULLY_CONNECTED = {"fc6": "classifier.0", "fc7": "classifier.3"}  # here, and in the file


def imagenet_tensors(config: Vgg16Config, path: Path) -> dict[str, Tensor]:
    """The network's tensors but for the class scores, from the file; raises ModelError."""
    stored = read_weights(path, file_shapes(config), config.vgg16_sha256)
    tensors = {name: value for name, value in stored.items() if name.startswith("features.")}
    for ours, theirs in _FULLY_CONNECTED.items():
        for part in ("weight", "bias"):
            tensors[f"{ours}.{part}"] = stored[f"{theirs}.{part}"]
    return tensors


class Vgg16Classifier(Classifier):
    """Judges frames with VGG16 as the networks do, maps and all."""

    @classmethod
    def load(cls, name_or_folder: str | Path, device: str = "auto") -> Vgg16Classifier:
        """Load a model folder, and the file of ImageNet's weights from where it lies.

        Raises ModelError naming the folder or the file, and the fault.
        """
        place = choose_device(device)
        folder = find_model(name_or_folder)
        card, tensors = load_baseline(folder, KIND, Vgg16Config, folder_shapes)
        network = built(card.config, imagenet_tensors(card.config, weights_path()) | _head(tensors))
        known = {name: tensors[f"familiarity.{name}"] for name in ("means", "whitening", "limit")}
        return cls(Model(network, card, familiarity=Familiarity(**known)), place)


def folder_shapes(config: Vgg16Config) -> dict[str, Shape]:
    """Names and shapes in a model folder."""
    last = config.widths[-1]
    return {
        "head.weight": (len(CLASSES), config.feature_count),
        "head.bias": (len(CLASSES),),
        "familiarity.means": (-1, last),
        "familiarity.whitening": (last, last),
        "familiarity.limit": (),
    }


def save_vgg16(folder: Path, card: ModelCard, head: nn.Linear, familiarity: Familiarity) -> None:
    """Write what was fitted; raises ModelError."""
    tensors = {f"head.{name}": value for name, value in head.state_dict().items()}
    tensors |= {f"familiarity.{name}": value for name, value in vars(familiarity).items()}
    save_baseline(folder, KIND, card, tensors)


def _head(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in tensors.items() if name.startswith("head.")}
