"""Commands run in this process, a model that was trained on nothing, and small run files."""

from __future__ import annotations

import csv
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from spi_viewer.cli import main
from spi_viewer.networks.checkpoint import Model, save_model
from spi_viewer.networks.model_card import ModelCard
from spi_viewer.networks.resnet import ResNet, ResNetConfig
from spi_viewer.sources import reader_process
from spi_viewer.sources.local_reader import LocalReader

DATASET = "/entry_1/data_1/data"


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def spi_viewer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """spi_viewer(*arguments): the whole command line, reading in this process."""
    monkeypatch.setattr(reader_process, "ReaderProcess", lambda timeout_s: LocalReader())
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["spi-viewer", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        assert isinstance(code, int)
        return Outcome(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small model with random weights."""
    torch.manual_seed(1)
    network = ResNet(ResNetConfig(n=1, m=1))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
    torch.nn.init.normal_(network.fc.weight, std=0.1)
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(folder, Model(network.eval(), ModelCard("small", network.config)))
    return folder


@pytest.fixture(scope="session")
def frames() -> np.ndarray:
    """(10, 96, 96) uint16, sums of rings about the middle, all different."""
    axis = np.arange(96) - 47.5
    radius = np.hypot(axis[:, None], axis)
    rates = [8 * np.exp(-radius / 20) * (1 + np.cos(radius / (2 + k))) + 1 for k in range(10)]
    return np.random.default_rng(0).poisson(rates).astype(np.uint16)


@pytest.fixture
def write_run(tmp_path: Path, frames: np.ndarray) -> Callable[..., Path]:
    """write_run(name, frames, **datasets): a small CXI file."""

    def write(name: str, pixels: np.ndarray = frames, **datasets: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file.create_dataset(DATASET, data=pixels, chunks=(1, *pixels.shape[1:]))
            for key, values in datasets.items():
                file[key.replace("__", "/")] = values
        return path

    return write


@pytest.fixture
def read_table() -> Callable[[Path], list[dict[str, str]]]:
    """Rows of a CSV by the names of its columns."""

    def read(path: Path) -> list[dict[str, str]]:
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    return read
