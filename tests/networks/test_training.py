"""A toy problem is learned in seconds, and an interruption changes nothing."""

import itertools
import os

import numpy as np
import pytest
import torch

from spi_viewer.errors import ModelError
from spi_viewer.networks.checkpoint import load_model, save_model
from spi_viewer.networks.classifier import Classifier
from spi_viewer.networks.measurement import measure
from spi_viewer.networks.model_folder import complete_write
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.networks.training import TrainingConfig, train
from spi_viewer.networks.training_state import STATE_NAME, completed_steps
from spi_viewer.networks.training_step import Update, learning_rate
from spi_viewer.preprocessing.network_input import InputKind

SMALL = ResNetConfig(n=1, m=1)
SHORT = TrainingConfig(
    name="short", network=SMALL, epochs=3, steps_per_epoch=3, warm_up_steps=2, average_decay=0.9
)


@pytest.fixture
def validation(toy_batch):
    return [toy_batch(10_000 + seed) for seed in range(2)]


@pytest.fixture
def small_stream(toy_stream):
    return lambda seed: toy_stream(seed, 8)


class Killed(BaseException):
    """An end that nobody is told of."""


def interrupted(stream, after, by=KeyboardInterrupt):
    yield from itertools.islice(stream, after)
    raise by


def weights(folder):
    return load_model(folder).network.state_dict()


def test_classes_anyone_can_tell_apart_are_learned(toy_stream, validation, toy_batch, tmp_path):
    config = TrainingConfig(network=SMALL, epochs=2, steps_per_epoch=25, average_decay=0.9)
    lines = []
    card = train(config, toy_stream(0), validation, tmp_path / "toy", progress=lines.append)
    assert card.figures["validation"]["all"]["accuracy"] > 0.95
    fresh = measure(Classifier.load(tmp_path / "toy", "cpu"), [toy_batch(99, 64)])
    assert fresh["all"]["accuracy"] > 0.95
    assert fresh["average_precision"] > 0.98
    assert fresh["out_of_distribution"] < 0.1
    losses = [line.loss for line in lines]
    assert losses[-1] < losses[0] / 2
    assert lines[-1].step == lines[-1].steps == 50
    assert [line.validation["epoch"] for line in lines if line.validation] == [1, 2]
    assert sorted(p.name for p in (tmp_path / "toy").iterdir()) == [
        "model.json",
        "weights.safetensors",
    ]


@pytest.mark.parametrize(
    ("after", "by"), [(1, KeyboardInterrupt), (3, KeyboardInterrupt), (5, SystemExit)]
)
def test_an_interrupted_training_resumes_as_if_nothing_had_happened(
    after, by, small_stream, validation, tmp_path
):
    train(SHORT, small_stream(0), validation, tmp_path / "whole", device="cpu")
    broken = tmp_path / "broken"
    with pytest.raises(by):
        train(SHORT, interrupted(small_stream(0), after, by), validation, broken, device="cpu")
    assert completed_steps(broken) == after
    rest = small_stream(completed_steps(broken))
    train(SHORT, rest, validation, broken, device="cpu")
    expected, resumed = weights(tmp_path / "whole"), weights(broken)
    for name in expected:
        torch.testing.assert_close(resumed[name], expected[name], rtol=1e-5, atol=1e-6)
    assert completed_steps(broken) == 0


def test_a_killed_training_loses_at_most_one_epoch(small_stream, validation, tmp_path):
    stream = interrupted(small_stream(0), 5, Killed)
    with pytest.raises(Killed):
        train(SHORT, stream, validation, tmp_path, device="cpu")
    assert completed_steps(tmp_path) == 3
    assert load_model(tmp_path).card.name == "short"  # the best so far is already of use


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("cut_at", range(4))
def test_a_kill_while_a_model_is_written_leaves_the_old_or_the_new_one(
    cut_at, first, untrained, tmp_path, monkeypatch
):
    """Cut off before each of the writes and renames; SIGKILL runs no clean-up either."""
    untrained.card.name = "old"
    if not first:
        save_model(tmp_path, untrained)
    calls = itertools.count()

    def until_cut(work):
        def step(*arguments):
            if next(calls) >= cut_at:
                raise SystemExit(9)
            return work(*arguments)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", until_cut(os.fsync))
        patch.setattr(os, "replace", until_cut(os.replace))
        untrained.card.name = "new"
        torch.nn.init.normal_(untrained.network.fc.weight)
        with pytest.raises(SystemExit):
            save_model(tmp_path, untrained)
    if first and cut_at < 3:
        with pytest.raises(ModelError, match="cannot be read"):
            load_model(tmp_path)
    else:
        assert load_model(tmp_path).card.name == ("new" if cut_at == 3 else "old")
    complete_write(tmp_path)
    assert (tmp_path / "model.json").exists() == (not first or cut_at == 3)


def test_training_repeats_with_its_seed_and_leaves_torch_s_generator_alone(
    small_stream, validation, tmp_path
):
    for name in ("a", "b"):
        torch.manual_seed(5)
        train(SHORT, small_stream(0), validation, tmp_path / name, device="cpu")
        drawn = torch.rand(1)
        torch.manual_seed(5)
        assert drawn == torch.rand(1)
    a, b = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_poster_s_input_is_trained_with_statistics_of_the_stream(
    toy_stream, validation, tmp_path
):
    config = TrainingConfig(
        network=ResNetConfig(n=1, m=1, in_channels=1),
        input_kind=InputKind.PER_PIXEL,
        epochs=1,
        steps_per_epoch=2,
    )
    train(config, toy_stream(0, 8), validation, tmp_path, device="cpu")
    statistics = load_model(tmp_path).pixel_statistics
    assert 1 < float(statistics.mean.mean()) < 10
    batch = validation[0]
    answer = Classifier.load(tmp_path, "cpu").classify(batch.counts.numpy(), batch.valid.numpy())
    assert np.isfinite(answer.probabilities).all()


def test_a_finite_set_is_begun_again_and_an_exhausted_stream_is_refused(
    toy_batch, validation, tmp_path
):
    batches = [toy_batch(seed, 8) for seed in range(2)]
    card = train(SHORT, batches, validation, tmp_path / "set", device="cpu")
    assert card.training["frames_seen"] <= 9 * 8
    with pytest.raises(ModelError, match="ended before"):
        train(SHORT, iter(batches), validation, tmp_path / "stream", device="cpu")


def only(batches, good):
    for batch in batches:
        batch.frame_class = torch.full_like(batch.frame_class, 0 if good else 2)
        yield batch


@pytest.mark.parametrize(("good", "lacking"), [(True, "all good"), (False, "all bad")])
def test_a_training_or_validation_set_of_one_class_is_refused(
    good, lacking, small_stream, toy_batch, validation, tmp_path
):
    config = TrainingConfig(network=SMALL, epochs=1, steps_per_epoch=100)
    with pytest.raises(ModelError, match=f"training frames are {lacking}"):
        train(config, only(small_stream(0), good), validation, tmp_path, device="cpu")
    with pytest.raises(ModelError, match=f"validation frames are {lacking}"):
        train(config, small_stream(0), list(only(validation, good)), tmp_path, device="cpu")
    with pytest.raises(ModelError, match="got none"):
        train(config, small_stream(0), [], tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())


def test_a_finished_model_is_not_trained_over_unasked(small_stream, validation, tmp_path):
    train(SHORT, small_stream(0), validation, tmp_path, device="cpu")
    before = weights(tmp_path)
    with pytest.raises(ModelError, match="finished model"):
        train(SHORT, small_stream(1), validation, tmp_path, device="cpu")
    assert all(torch.equal(value, weights(tmp_path)[name]) for name, value in before.items())
    train(SHORT, small_stream(1), validation, tmp_path, device="cpu", resume=False)


def test_resuming_with_other_settings_names_the_difference(small_stream, validation, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(SHORT, interrupted(small_stream(0), 2), validation, tmp_path, device="cpu")
    other = TrainingConfig(name="short", network=SMALL, epochs=3, steps_per_epoch=3, seed=4)
    with pytest.raises(ModelError, match="was begun with"):
        train(other, small_stream(0), validation, tmp_path, device="cpu")


def test_a_training_is_not_resumed_on_other_frames(small_stream, validation, tmp_path):
    """What was learned from must not be called held out afterwards."""
    spheres = {"families": ("sphere",), "held_out": ("torus",)}
    begun = {"device": "cpu", "frames": spheres}
    with pytest.raises(KeyboardInterrupt):
        train(SHORT, interrupted(small_stream(0), 2), validation, tmp_path, **begun)
    other = {"families": ("torus",), "held_out": ("sphere",)}
    with pytest.raises(ModelError, match="was begun with frames"):
        train(SHORT, small_stream(0), validation, tmp_path, device="cpu", frames=other)
    train(SHORT, small_stream(0), validation, tmp_path, **begun)


def test_a_finished_training_that_is_not_measured_yet_is_not_done_again(
    small_stream, validation, tmp_path
):
    first = train(SHORT, small_stream(0), validation, tmp_path, device="cpu", keep_state=True)
    again = train(SHORT, iter(()), validation, tmp_path, device="cpu")
    assert again.weights_sha256 == first.weights_sha256
    assert not (tmp_path / STATE_NAME).exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 100])
def test_a_damaged_state_is_refused_and_names_the_way_out(
    content, small_stream, validation, tmp_path
):
    (tmp_path / STATE_NAME).write_bytes(content)
    with pytest.raises(ModelError, match="start afresh"):
        train(SHORT, small_stream(0), validation, tmp_path, device="cpu")
    train(SHORT, small_stream(0), validation, tmp_path, device="cpu", resume=False)


def test_a_training_that_diverges_stops_and_says_so(small_stream, validation, tmp_path):
    config = TrainingConfig(network=SMALL, epochs=1, steps_per_epoch=30, learning_rate=1e35)
    with pytest.raises(ModelError, match="lower learning rate"):
        train(config, small_stream(0), validation, tmp_path, device="cpu")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_no_numbers_are_never_kept(small_stream, validation, tmp_path):
    def poisoned(update, loss):
        if update._state.step == 6:
            torch.nn.init.constant_(update._state.average.fc.bias, float("nan"))
        return loss

    step = Update.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Update, "step", lambda self, batch: poisoned(self, step(self, batch)))
        with pytest.raises(ModelError, match="lower learning rate"):
            train(SHORT, small_stream(0), validation, tmp_path, device="cpu")
    assert completed_steps(tmp_path) == 3
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_the_learning_rate_warms_up_and_comes_down():
    config = TrainingConfig(epochs=10, steps_per_epoch=100, warm_up_steps=50)
    rates = [learning_rate(config, step) for step in range(1000)]
    assert rates[0] < rates[25] < rates[49] == pytest.approx(config.learning_rate)
    assert all(a >= b for a, b in itertools.pairwise(rates[49:]))
    assert rates[-1] == pytest.approx(config.learning_rate / 100, rel=0.01)
