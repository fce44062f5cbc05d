"""VGG16 as a classifier: ImageNet's layers as they are, new class scores, and its reasons."""

import copy
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from spi_viewer.baselines.vgg16 import Vgg16Classifier, imagenet_tensors
from spi_viewer.baselines.vgg16_network import Vgg16Config, built
from spi_viewer.baselines.vgg16_weights import VARIABLE
from spi_viewer.errors import ModelError


@pytest.fixture
def network(imagenet_file):
    """The network around the small file, with random class scores."""
    path, config = imagenet_file
    torch.manual_seed(5)
    head = {"head.weight": torch.randn(4, 48), "head.bias": torch.randn(4)}
    return built(config, imagenet_tensors(config, path) | head)


@pytest.fixture
def frames():
    """Network input (2, 3, 128, 128)."""
    return torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))


def reference_features(tensors, x):
    """The last two fully connected layers, layer by layer from the paper's configuration D."""
    grey = ((x[:, :1] + 1.5) / 5).clamp(0, 1).expand(-1, 3, -1, -1)
    x = F.interpolate(grey, (224, 224), mode="bilinear")
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    number = 0
    for layer in "cc-cc-ccc-ccc-ccc-":
        if layer == "-":
            x = F.max_pool2d(x, 2, 2)
            number += 1
            continue
        weight, bias = tensors[f"features.{number}.weight"], tensors[f"features.{number}.bias"]
        x = F.conv2d(x, weight, bias, padding=1).relu()
        number += 2
    flat = x.flatten(1)
    fc6 = (flat @ tensors["classifier.0.weight"].T + tensors["classifier.0.bias"]).relu()
    fc7 = (fc6 @ tensors["classifier.3.weight"].T + tensors["classifier.3.bias"]).relu()
    return torch.cat([fc6, fc7], 1)


def test_features_are_the_last_two_fully_connected_layers(network, frames, imagenet_file):
    found = network.fully_connected(network.forward_features(frames))
    expected = reference_features(torch.load(imagenet_file[0]), frames)
    assert found.shape == (2, network.config.feature_count)
    assert (expected > 0).float().mean() > 0.2  # something to compare
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_class_map_is_gradient_times_activation(network, frames):
    features = network.forward_features(frames).requires_grad_()
    scores = network.forward_head(features)
    found = network.class_activation(features)
    assert found.shape == (2, 4, 7, 7)
    for frame_class in range(4):
        (slope,) = torch.autograd.grad(scores[:, frame_class].sum(), features, retain_graph=True)
        expected = (slope * features).sum(1)
        torch.testing.assert_close(found[:, frame_class], expected, rtol=1e-4, atol=1e-4)


def test_there_are_maps_after_each_of_the_13_convolutions(network, frames):
    maps = network.feature_maps(frames)
    assert [name for name, _ in maps][::4] == ["conv 1_1", "conv 3_1", "conv 4_2", "conv 5_3"]
    assert [tuple(part.shape[1:]) for _, part in maps][-1] == (8, 14, 14)
    assert len(maps) == 13
    assert all((part >= 0).all() for _, part in maps)


def test_many_frames_at_once_are_judged_as_one_by_one(network):
    many = torch.randn(9, 3, 128, 128)
    one_by_one = torch.cat([network(frame[None]) for frame in many])
    torch.testing.assert_close(network(many), one_by_one, rtol=1e-3, atol=1e-3)


def test_a_copy_shares_the_half_gigabyte(network):
    twin = copy.deepcopy(network)
    assert twin.fc6.weight.data_ptr() == network.fc6.weight.data_ptr()
    assert twin.fc6.weight is not network.fc6.weight


def test_toy_classes_are_told_apart(fitted, toy_batch):
    classifier = Vgg16Classifier.load(fitted("vgg16"), "cpu")
    batch = toy_batch(50)
    answer = classifier.classify(batch.counts.numpy(), batch.valid.numpy())
    assert (answer.probabilities.argmax(1) == batch.frame_class.numpy()).mean() > 0.85
    assert answer.out_of_distribution.mean() < 0.2
    assert answer.features.shape == (32, 8)


def test_the_reasons_have_class_maps_and_all_layers(fitted, toy_batch):
    classifier = Vgg16Classifier.load(fitted("vgg16"), "cpu")
    batch = toy_batch(50)
    counts, valid = batch.counts[0].numpy(), batch.valid[0].numpy()
    reasons = classifier.explain(counts, valid)
    assert reasons.class_maps.shape == (4, 128, 128)
    assert len(reasons.layers) == 13
    judged = classifier.classify(counts[None], valid[None]).probabilities[0]
    assert reasons.probabilities == pytest.approx(judged, abs=1e-4)


def test_the_folder_holds_the_checksum_and_not_the_weights(fitted, imagenet_file):
    folder = fitted("vgg16")
    card = json.loads((folder / "model.json").read_text())
    assert card["config"]["vgg16_sha256"] == imagenet_file[1].vgg16_sha256
    size = (folder / "weights.safetensors").stat().st_size
    assert size < 0.3 * imagenet_file[0].stat().st_size


def test_other_weights_than_it_was_fitted_with_are_refused(fitted, tmp_path, monkeypatch):
    other = tmp_path / "other.pth"
    torch.save({}, other)
    monkeypatch.setenv(VARIABLE, str(other))
    with pytest.raises(ModelError, match="checksum") as refused:
        Vgg16Classifier.load(fitted("vgg16"), "cpu")
    assert str(other) in str(refused.value)


def test_loading_never_goes_online(fitted, monkeypatch):
    import urllib.request

    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("it went online"))
    with pytest.raises(ModelError, match="are not there"):
        Vgg16Classifier.load(fitted("vgg16"), "cpu")


@pytest.mark.parametrize(
    "wrong",
    [
        {"vgg16_sha256": "397923af"},
        {"widths": [64, 128]},
        {"widths": [64, 128, 256, 512, 10**9]},
        {"hidden": 0},
        {"hidden": 4096.0},
        {"classes": "1000"},
    ],
)
def test_a_configuration_that_no_network_is_built_from_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Vgg16Config(**{"vgg16_sha256": "0" * 64, **wrong}).check()


def test_no_frames_are_judged_without_an_error(fitted):
    classifier = Vgg16Classifier.load(fitted("vgg16"), "cpu")
    none = np.zeros((0, 128, 128), np.float32)
    assert classifier.classify(none, none.astype(bool)).probabilities.shape == (0, 4)
