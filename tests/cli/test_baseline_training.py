"""Baselines from the command line: fitted, then used by `classify` like any model."""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path

import pytest
import torch

from spi_viewer.baselines import vgg16_weights
from spi_viewer.baselines.fit_settings import FitSettings
from spi_viewer.baselines.vgg16_fitting import fit_vgg16
from spi_viewer.baselines.vgg16_network import Vgg16Config, file_shapes
from spi_viewer.baselines.vgg16_weights import FILE_NAME, VARIABLE
from spi_viewer.errors import ModelError
from spi_viewer.simulation.dataset import stream

SMALL = ("--family", "sphere", "--frames", 128, "--validation-frames", 64, "--test-frames", 64)


@pytest.fixture(scope="session")
def imagenet_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Vgg16Config]:
    """A narrow, random file of VGG16's layout, and its configuration."""
    torch.manual_seed(3)
    config = Vgg16Config("0" * 64, widths=(2, 2, 2, 4, 4), hidden=8, classes=3)
    path = tmp_path_factory.mktemp("imagenet") / FILE_NAME
    torch.save({name: torch.randn(shape) for name, shape in file_shapes(config).items()}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, Vgg16Config(sha256, config.widths, config.hidden, config.classes)


@pytest.fixture(scope="session")
def vgg16_folder(imagenet_file, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of that file."""
    path, config = imagenet_file
    batches = list(itertools.islice(stream(["sphere"], 32, seed=1), 1))
    settings = FitSettings("vgg16", device="cpu")
    folder = tmp_path_factory.mktemp("models") / "vgg16"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(path))
        fit_vgg16(batches, batches, folder, settings, config=config)
    return folder


@pytest.fixture
def vgg16(vgg16_folder: Path, imagenet_file, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, where the file is named."""
    monkeypatch.setenv(VARIABLE, str(imagenet_file[0]))
    return vgg16_folder


@pytest.fixture
def classify(spi_viewer, write_run, read_table, tmp_path: Path):
    """classify(model): how it ended, and the rows of the table."""

    def run(model: Path):
        output = tmp_path / "scores.csv"
        outcome = spi_viewer("classify", write_run("run.h5"), "-o", output, "--model", model)
        return outcome, read_table(output) if output.exists() else []

    return run


@pytest.mark.parametrize(
    ("kind", "options", "learned"),
    [
        ("lit_pixels", (), {128}),
        # Some may hold no light at all, and equal frames are one point of the map.
        ("diffusion_map", ("--labels-per-class", 3), {126, 127, 128}),
    ],
)
def test_a_baseline_is_fitted_measured_and_used(
    spi_viewer, classify, tmp_path: Path, kind: str, options: tuple[object, ...], learned: set[int]
) -> None:
    outcome = spi_viewer("train", "--model", kind, "-o", tmp_path / "old", *SMALL, *options)
    assert outcome.exit_code == 0, outcome.err
    assert "above 3000 photons" in outcome.out
    card = json.loads((tmp_path / "old" / "model.json").read_text())
    assert card["kind"] == kind
    assert card["figures"]["test"]["frames"] == 128  # whole batches
    assert card["training"]["frames"] in learned
    assert card["training"].get("labels", 0) <= 12
    outcome, rows = classify(tmp_path / "old")
    assert outcome.exit_code == 0
    assert len(rows) == 10
    for row in rows:
        p = [float(row[f"p_{name}"]) for name in ("single", "multi", "non_sample", "blank")]
        assert sum(p) == pytest.approx(1, abs=1e-4)
        assert row["verdict"] == ("good" if p[0] >= card["rule"]["threshold"] else "bad")


def test_vgg16_judges_with_the_file_that_is_named(classify, vgg16: Path) -> None:
    outcome, rows = classify(vgg16)
    assert outcome.exit_code == 0, outcome.err
    assert len(rows) == 10


def test_vgg16_downloads_what_is_missing(
    classify, vgg16: Path, imagenet_file, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    content, asked = imagenet_file[0].read_bytes(), []

    def download(path: Path, progress) -> None:
        asked.append(path)
        progress(len(content), len(content))
        path.write_bytes(content)

    monkeypatch.setattr(vgg16_weights, "download_weights", download)
    for _ in range(2):
        outcome, rows = classify(vgg16)
        assert (outcome.exit_code, len(rows)) == (0, 10)
    assert asked == [vgg16_weights.weights_path()]


def test_vgg16_without_a_network_names_the_way_out(
    classify, vgg16: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)

    def offline(path: Path, progress) -> None:
        raise ModelError("no network; copy the file yourself")

    monkeypatch.setattr(vgg16_weights, "download_weights", offline)
    outcome, rows = classify(vgg16)
    assert (outcome.exit_code, rows) == (1, [])
    assert outcome.err == "spi-viewer: no network; copy the file yourself\n"


def test_a_damaged_file_of_weights_is_refused_before_anything_is_read(
    classify, vgg16: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(b"\0" * 1000)
    monkeypatch.setenv(VARIABLE, str(damaged))
    outcome, rows = classify(vgg16)
    assert (outcome.exit_code, rows) == (1, [])
    assert str(damaged) in outcome.err
    assert "checksum" in outcome.err


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("lit_pixels", "--epochs", 3),
        ("lit_pixels", "--own-share", 0.5),
        ("diffusion_map", "--n", 3),
        ("lit_pixels", "--labels-per-class", 3),
        ("vgg16", "--labels-per-class", 3),
        ("resnet", "--frames", 100),
    ],
)
def test_an_option_that_a_kind_has_no_use_for_is_wrong_usage(
    spi_viewer, tmp_path: Path, kind: str, option: str, value: float
) -> None:
    outcome = spi_viewer("train", "--model", kind, "-o", tmp_path / "none", option, value)
    assert outcome.exit_code == 2
    assert option in outcome.err
    assert not (tmp_path / "none").exists()


def test_an_unknown_kind_is_answered_with_the_known_ones(spi_viewer, tmp_path: Path) -> None:
    outcome = spi_viewer("train", "--model", "oracle", "-o", tmp_path / "none")
    assert outcome.exit_code == 2
    assert "diffusion_map" in outcome.err
