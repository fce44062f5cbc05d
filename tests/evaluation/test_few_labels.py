"""The report says what labels of the run are worth, and only for models that can use them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from spi_viewer.adaptation import AS_TRAINED, HEAD
from spi_viewer.evaluation.few_labels import few_labels_part
from spi_viewer.evaluation.labelled_run import LabelledRun
from spi_viewer.evaluation.models import load_models
from spi_viewer.frames import FrameClass, FrameId
from spi_viewer.labelled_frames import LabelledFrames
from spi_viewer.networks.checkpoint import Model, save_model
from spi_viewer.networks.intervals import Estimate
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNet, ResNetConfig


def rings_and_stripes(events: int) -> LabelledRun:
    """Rings are single particles, stripes are multiple hits."""
    axis = torch.arange(128) - 63.5
    ring = 8 * (1 + torch.cos(torch.hypot(axis[:, None], axis) / 2))
    stripe = (8 * (1 + torch.cos(axis / 2))).expand(128, 128)
    is_ring = torch.arange(events) % 2 == 0
    rate = torch.where(is_ring[:, None, None], ring, stripe)
    frame_class = torch.where(is_ring, int(FrameClass.SINGLE), int(FrameClass.MULTI))
    labelled = LabelledFrames(
        torch.poisson(rate, generator=torch.Generator().manual_seed(0)),
        torch.ones(events, 128, 128, dtype=torch.bool),
        frame_class,
        rate.sum((1, 2)).double(),
        np.array([f"e{number}" for number in range(events)]),
        tuple(FrameId("run.h5", "data", number, "") for number in range(events)),
        "run.h5",
    )
    return LabelledRun("run.h5", labelled)


@pytest.fixture
def network(tmp_path):
    torch.manual_seed(0)
    untrained = ResNet(ResNetConfig(1, 1)).eval()
    torch.nn.init.normal_(untrained.fc.weight, std=0.05)
    save_model(tmp_path / "net", Model(untrained, ModelCard("net", untrained.config)))
    return load_models([tmp_path / "net"], "cpu")[0]


def test_labels_help_an_untrained_network_and_the_row_says_how_many(network):
    part = few_labels_part(rings_and_stripes(32), [network], "cpu")
    table = part.tables[0]
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["labels a class"] for row in rows] == [5, 20]
    assert (rows[0]["labels"], rows[0]["frames judged"]) == (10, 22)
    before, after = rows[0][AS_TRAINED], rows[0][HEAD]
    assert isinstance(after, Estimate)
    assert after.value > before.value
    assert after.low <= after.value <= after.high


def test_models_that_cannot_adapt_have_no_such_part(toy_model, network):
    vgg16 = replace(network, kind="vgg16")  # whose classifier is a network's, too
    assert few_labels_part(rings_and_stripes(8), [toy_model(), vgg16], "cpu") is None


def test_a_run_with_too_few_labels_says_so(network):
    part = few_labels_part(rings_and_stripes(2), [network], "cpu")
    assert part.tables[0].rows == []
    assert "too few labels" in part.text
