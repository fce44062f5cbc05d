"""The same frame gets the same answer, whatever surrounds it and whatever the device does."""

import threading

import numpy as np
import pytest
import torch

from spi_viewer import paths
from spi_viewer.errors import ModelError
from spi_viewer.frames import DecisionRule, FrameClass
from spi_viewer.networks import classifier as module
from spi_viewer.networks.checkpoint import save_model
from spi_viewer.networks.classifier import Classifier, find_model
from spi_viewer.networks.devices import choose_device

CPU = torch.device("cpu")


@pytest.fixture
def classifier(untrained):
    return Classifier(untrained, CPU)


@pytest.fixture
def frames(toy_batch):
    batch = toy_batch(3, 9)
    return batch.counts.numpy(), batch.valid.numpy()


def test_probabilities_of_each_frame_add_up_to_one(classifier, frames):
    answer = classifier.classify(*frames)
    assert answer.probabilities.shape == (9, len(FrameClass))
    assert answer.probabilities.dtype == np.float32
    assert answer.out_of_distribution.dtype == bool
    np.testing.assert_allclose(answer.probabilities.sum(1), 1, rtol=1e-5)
    assert answer.probabilities.std(0).max() > 1e-4  # the frames do differ to it


def test_answers_do_not_depend_on_the_size_of_the_batch(classifier, frames, monkeypatch):
    together = classifier.classify(*frames)
    counts, valid = frames
    for i in range(len(counts)):
        alone = classifier.classify(counts[i : i + 1], valid[i : i + 1])
        np.testing.assert_allclose(
            alone.probabilities[0], together.probabilities[i], rtol=1e-3, atol=1e-5
        )
    repeated = classifier.classify(np.tile(counts, (9, 1, 1)), np.tile(valid, (9, 1, 1)))
    np.testing.assert_allclose(
        repeated.probabilities[72:], together.probabilities, rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("scale", [1e-6, 0.37, 65000.0])
def test_answers_do_not_depend_on_the_unit_of_the_counts(classifier, frames, scale):
    counts, valid = frames
    expected = classifier.classify(counts, valid).probabilities
    scaled = classifier.classify((counts * scale).astype(np.float32), valid).probabilities
    np.testing.assert_allclose(scaled, expected, atol=2e-3)


def test_answers_are_the_network_s_own_at_the_card_s_temperature(classifier, frames, untrained):
    from spi_viewer.preprocessing.network_input import InputKind, network_input

    x = network_input(*map(torch.from_numpy, frames), InputKind.PER_IMAGE)
    expected = (untrained.network(x) / 1.7).softmax(1).detach().numpy()
    np.testing.assert_allclose(classifier.classify(*frames).probabilities, expected, atol=1e-4)


def test_frames_that_cannot_be_written_to_are_judged_silently(classifier, frames):
    expected = classifier.classify(*frames).probabilities
    for array in frames:
        array.flags.writeable = False
    np.testing.assert_array_equal(classifier.classify(*frames).probabilities, expected)


def test_no_frames_give_no_answers(classifier):
    answer = classifier.classify(np.zeros((0, 128, 128), np.float32), np.zeros((0, 128, 128), bool))
    assert answer.probabilities.shape == (0, 4)
    assert answer.out_of_distribution.shape == (0,)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -3e38, 65535.0])
def test_frames_of_one_value_get_a_finite_answer(classifier, value):
    counts = np.full((2, 128, 128), value, np.float32)
    valid = np.stack([np.ones((128, 128), bool), np.zeros((128, 128), bool)])
    assert np.isfinite(classifier.classify(counts, valid).probabilities).all()


def test_frames_of_another_size_are_a_mistake_of_the_caller(classifier):
    with pytest.raises(ValueError, match="128"):
        classifier.classify(np.zeros((2, 64, 64), np.float32), np.zeros((2, 64, 64), bool))


def test_the_explanation_agrees_with_the_answer(classifier, frames):
    counts, valid = frames
    explanation = classifier.explain(counts[0], valid[0])
    answer = classifier.classify(counts[:1], valid[:1])
    np.testing.assert_allclose(explanation.probabilities, answer.probabilities[0], atol=1e-5)
    assert explanation.network_input.shape == (3, 128, 128)
    assert explanation.class_maps.shape == (4, 128, 128)
    assert [layer.maps.shape[0] for layer in explanation.layers] == [16, 32, 32, 64, 64]
    assert all(isinstance(layer.maps, np.ndarray) for layer in explanation.layers)


def test_two_threads_get_the_answers_that_one_gets(classifier, frames):
    expected = classifier.classify(*frames).probabilities
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(classifier.classify(*frames)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    explained = classifier.explain(frames[0][0], frames[1][0])
    for thread in threads:
        thread.join(60)
    assert len(answers) == 2
    for answer in answers:
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(explained.probabilities, expected[0], atol=1e-5)


class LimitedMemory(torch.nn.Module):
    """Stands in for a network on a GPU that holds few frames."""

    def __init__(self, network, max_frames):
        super().__init__()
        self.network, self.max_frames, self.seen = network, max_frames, []

    def forward_features(self, x):
        if len(x) > self.max_frames:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        self.seen.append(len(x))
        return self.network.forward_features(x)

    def forward_head(self, features):
        return self.network.forward_head(features)


def on_broken_gpu(classifier, network, device=CPU):
    """Let the classifier compute with a network that fails like one on a GPU."""
    place = classifier._placement
    classifier._placement = module._Placement(device, network, place.familiarity, place.max_frames)


def test_a_batch_too_large_for_the_memory_is_halved_until_it_fits(classifier, frames, caplog):
    expected = classifier.classify(*frames).probabilities
    limited = LimitedMemory(classifier._placement.network, max_frames=5)
    on_broken_gpu(classifier, limited)
    answer = classifier.classify(*frames)
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    assert max(limited.seen) <= 5
    assert "batches of 4 frames" in caplog.text
    caplog.clear()
    classifier.classify(*frames)
    assert not caplog.text  # remembered


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_a_lost_gpu_is_replaced_by_the_cpu(classifier, frames, error, monkeypatch, caplog):
    expected = classifier.classify(*frames).probabilities

    class Lost(torch.nn.Module):
        def forward_features(self, x):
            raise error

    # 'meta' is a device that is not the CPU and exists everywhere
    on_broken_gpu(classifier, Lost(), torch.device("meta"))
    monkeypatch.setattr(
        Classifier, "_input", lambda self, place, counts, valid: inputs(self, place, counts, valid)
    )
    inputs = cpu_input
    answer = classifier.classify(*frames)
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-5)
    assert classifier.device_name == "CPU"
    assert "going on with the CPU" in caplog.text


def cpu_input(classifier, place, counts, valid):
    from spi_viewer.preprocessing.network_input import InputKind, network_input

    return network_input(counts, valid, InputKind.PER_IMAGE)


def test_an_error_that_is_not_about_the_device_is_not_hidden(classifier, frames):
    class Wrong(torch.nn.Module):
        def forward_features(self, x):
            raise RuntimeError("shapes do not match")

    on_broken_gpu(classifier, Wrong())
    with pytest.raises(RuntimeError, match="shapes"):
        classifier.classify(*frames)


def test_the_rule_is_the_card_s_until_the_operator_sets_a_threshold(untrained):
    untrained.card.rule = DecisionRule(0.9, 0.4, 0.95)
    classifier = Classifier(untrained, CPU)
    assert classifier.rule.threshold == 0.9
    classifier.set_threshold(0.3)
    assert classifier.rule == DecisionRule(0.3, 0.3, 0.95)
    with pytest.raises(ValueError, match="threshold"):
        classifier.set_threshold(1.5)


def test_models_are_found_by_bundled_name_and_by_folder(tmp_path, untrained, monkeypatch):
    monkeypatch.setattr(paths, "models_dir", lambda: tmp_path)
    save_model(tmp_path / "small", untrained)
    by_name = Classifier.load("small", device="cpu")
    by_folder = Classifier.load(tmp_path / "small", device="cpu")
    assert by_name.model_hash == by_folder.model_hash == untrained.card.weights_sha256
    with pytest.raises(ModelError, match="bundled are: small"):
        find_model("smal")


def test_a_device_that_is_not_there_is_refused_by_name(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(ModelError, match="no usable GPU"):
        choose_device("cuda")
    with pytest.raises(ModelError, match="toaster"):
        choose_device("toaster")
