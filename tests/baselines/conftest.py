"""Toy frames whose classes anyone can tell apart, and a small file of VGG16's layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from spi_viewer.baselines.diffusion_model import DiffusionMapConfig, fit_diffusion_map
from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.lit_pixels import fit_lit_pixels
from spi_viewer.baselines.vgg16_fitting import fit_vgg16
from spi_viewer.baselines.vgg16_network import Vgg16Config, file_shapes
from spi_viewer.baselines.vgg16_weights import VARIABLE
from spi_viewer.frames import FrameClass
from spi_viewer.networks.training_data import TrainingBatch


def _toy_batch(seed: int, frames: int = 32) -> TrainingBatch:
    """Rings are single, stripes multi, a soft blob non-sample, a few photons blank."""
    generator = torch.Generator().manual_seed(seed)
    frame_class = torch.randint(0, 4, (frames,), generator=generator)
    axis = torch.arange(128) - 63.5
    radius = torch.hypot(axis[:, None], axis)
    shapes = {
        FrameClass.SINGLE: torch.sin(radius / 2) + 1,
        FrameClass.MULTI: (torch.sin(axis / 2)[:, None] + 1).expand(128, 128),
        FrameClass.NON_SAMPLE: 4 * torch.exp(-radius / 20),
        FrameClass.BLANK: torch.full((128, 128), 0.01),
    }
    rates = torch.stack([shapes[c] for c in FrameClass])[frame_class]
    counts = torch.poisson(5 * rates, generator=generator)
    valid = torch.rand(frames, 128, 128, generator=generator) > 0.02
    photons = counts.sum((1, 2)) * (frame_class != FrameClass.BLANK)
    family = [FrameClass(c).label for c in frame_class.tolist()]
    return TrainingBatch(counts, valid, frame_class, photons, family)


@pytest.fixture
def toy_batch() -> Callable[..., TrainingBatch]:
    """toy_batch(seed, frames)."""
    return _toy_batch


@pytest.fixture(scope="session")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Vgg16Config]:
    """A file of the official one's names and of torch's first format, narrow and random."""
    torch.manual_seed(3)
    narrow = Vgg16Config("0" * 64, widths=(4, 4, 8, 8, 8), hidden=24, classes=10)
    tensors = {
        name: torch.randn(shape) * (2 / max(shape[1:].numel(), 1)) ** 0.5
        for name, shape in ((n, torch.Size(s)) for n, s in file_shapes(narrow).items())
    }
    path = tmp_path_factory.mktemp("imagenet") / "vgg16.pth"
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, Vgg16Config(sha256, narrow.widths, narrow.hidden, narrow.classes)


@pytest.fixture(autouse=True)
def named_weights(imagenet_file: tuple[Path, Vgg16Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """The small file is where VGG16's weights are looked for."""
    monkeypatch.setenv(VARIABLE, str(imagenet_file[0]))


@pytest.fixture(scope="session")
def fitted(
    tmp_path_factory: pytest.TempPathFactory, imagenet_file: tuple[Path, Vgg16Config]
) -> Callable[[str], Path]:
    """fitted(kind): a model folder fitted to toy frames; copy it before changing it."""
    training = [_toy_batch(seed) for seed in range(3)]
    validation = [_toy_batch(seed) for seed in range(100, 102)]
    folders: dict[str, Path] = {}

    def fit(kind: str) -> Path:
        if kind in folders:
            return folders[kind]
        folder = tmp_path_factory.mktemp("models") / f"toy-{kind}"
        settings = FitSettings(folder.name, device="cpu")
        if kind == "lit_pixels":
            fit_lit_pixels(training, validation, folder, settings)
        elif kind == "diffusion_map":
            config = DiffusionMapConfig(clusters=8)
            fit_diffusion_map(training, validation, folder, settings, config=config)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(VARIABLE, str(imagenet_file[0]))
                fit_vgg16(training, validation, folder, settings, config=imagenet_file[1])
        folders[kind] = folder
        return folder

    return fit
