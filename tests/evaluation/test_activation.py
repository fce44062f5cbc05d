from __future__ import annotations

import torch

from spi_viewer.evaluation.activation import activation_part, choose_examples
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch


def batch(classes: list[int], photons: list[float]) -> TrainingBatch:
    counts = torch.rand(len(classes), 128, 128) + torch.arange(len(classes))[:, None, None]
    return TrainingBatch(
        counts, counts > -1, torch.tensor(classes), torch.tensor(photons), ["x"] * len(classes)
    )


def test_the_first_bright_frame_of_each_class_is_taken() -> None:
    one, two = batch([1, 0, 0], [9e4, 10, 9e4]), batch([2, 3, 0], [9e4, 0, 9e4])
    examples = choose_examples([one, two])
    assert [example.frame_class for example in examples] == list(FrameClass)
    assert examples[0].counts.min() >= 2  # the third frame of the first batch


def test_no_more_frames_are_made_than_needed() -> None:
    def endless():
        yield batch([0, 1, 2, 3], [9e4, 9e4, 9e4, 0])
        raise AssertionError

    assert len(choose_examples(endless())) == 4


def test_models_without_maps_are_named(toy_classifier) -> None:
    examples = choose_examples([batch([0, 1], [9e4, 9e4])])
    models = {"net": toy_classifier(), "lit/pixels": toy_classifier(has_maps=False)}
    part = activation_part(models, examples)
    assert [figure.name for figure in part.figures] == ["activation_net"]
    assert "lit/pixels" in part.text


def test_a_frame_without_valid_pixels_is_drawn_too(toy_classifier) -> None:
    examples = choose_examples([batch([3], [0])])
    examples[0].valid[:] = False
    figure = activation_part({"net": toy_classifier()}, examples).figures[0].figure
    figure.canvas.draw()
