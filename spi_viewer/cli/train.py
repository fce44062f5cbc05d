"""`train`: a network on fresh simulated frames, resumable at any moment."""

from __future__ import annotations

import itertools
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from spi_viewer.networks.training import TrainingBatch, TrainingProgress
    from spi_viewer.simulation.detector import DetectorPreset

# Far apart, so that no validation or test frame was ever trained on.
_VALIDATION_SEED = 1_000_000_007
_TEST_SEED = 2_000_000_011


def train(
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.")],
    n: Annotated[int, typer.Option(min=1, help="Residual pairs at 32x32x32.")] = 2,
    m: Annotated[int, typer.Option(min=1, help="Residual pairs at 16x16x64.")] = 2,
    family: Annotated[
        list[str] | None, typer.Option(help="Particle family, repeatable; all if not given.")
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(help="Detector preset, repeatable; repeats weigh more; all if not given."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs.")] = 30,
    steps: Annotated[int, typer.Option(min=1, help="Steps an epoch.")] = 200,
    batch: Annotated[int, typer.Option(min=2, help="Frames a step.")] = 64,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak learning rate.")] = 2e-3,
    false_positives: Annotated[
        float,
        typer.Option(min=1e-4, max=0.5, help="Bad frames that the threshold may let through."),
    ] = 0.01,
    input_kind: Annotated[
        str, typer.Option("--input", help="per_image, or the poster's per_pixel.")
    ] = "per_image",
    validation_frames: Annotated[int, typer.Option(min=64, help="To choose the best by.")] = 4096,
    test_frames: Annotated[int, typer.Option(min=64, help="For the figures in model.json.")] = 8192,
    reuse: Annotated[
        int, typer.Option(min=1, help="Times a simulated frame is shown, augmented anew.")
    ] = 1,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes that simulate; 0: the training's own device.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of frames and weights.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start anew instead of resuming in the folder.")
    ] = False,
) -> None:
    """Train ResNet(n, m) on simulated frames and write its model folder.

    Interrupt it at any time: the same command goes on where it stopped. The best model so far is
    always in the folder; the figures of the finished one are measured on frames of another seed.
    """
    from spi_viewer.cli.simulated_stream import simulated_stream
    from spi_viewer.networks.checkpoint import check_input_kind
    from spi_viewer.networks.resnet import ResNetConfig
    from spi_viewer.networks.training import train as train_network
    from spi_viewer.networks.training_config import TrainingConfig
    from spi_viewer.networks.training_data import replayed
    from spi_viewer.networks.training_state import completed_steps
    from spi_viewer.simulation.detector import find_detector
    from spi_viewer.simulation.particles import FAMILIES

    kind = check_input_kind(input_kind)
    families = family or list(FAMILIES)
    presets = [find_detector(name) for name in detector] if detector else None
    config = TrainingConfig(
        name=output.resolve().name,
        network=ResNetConfig(n=n, m=m, in_channels=kind.channels),
        input_kind=kind,
        epochs=epochs,
        steps_per_epoch=steps,
        learning_rate=learning_rate,
        false_positives=false_positives,
        seed=seed,
    )
    typer.echo("simulating the validation frames ...")
    validation = _frames(families, presets, validation_frames, _VALIDATION_SEED + seed)
    done = 0 if fresh else completed_steps(output)
    fresh_frames = simulated_stream(families, batch, (seed, done), workers, device, presets)
    with _ProgressBar() as show:
        train_network(
            config,
            replayed(cast("Iterable[TrainingBatch]", fresh_frames), reuse, seed=seed + done),
            validation,
            output,
            progress=show,
            resume=not fresh,
            device=device,
            description={"command": _command(), "families": list(families), "data": "simulated"},
        )
    typer.echo("measuring on frames it never saw ...")
    figures = _measure(output, families, presets, test_frames, _TEST_SEED + seed, device)
    bright = figures["above_3000_photons"]
    typer.echo(
        f"{output}: accuracy {bright['accuracy']:.4f}, "
        f"false positives {bright['false_positives']:.4f}, "
        f"false negatives {bright['false_negatives']:.4f} above 3000 photons"
    )


def _frames(
    families: Sequence[str], presets: Sequence[DetectorPreset] | None, count: int, seed: int
) -> list[TrainingBatch]:
    from spi_viewer.simulation.dataset import stream

    size = 128
    batches = stream(families, size, seed=seed, detectors=presets, augmented=False)
    return list(itertools.islice(batches, -(-count // size)))  # type: ignore[arg-type]


def _measure(
    folder: Path,
    families: Sequence[str],
    presets: Sequence[DetectorPreset] | None,
    count: int,
    seed: int,
    device: str,
) -> dict[str, Any]:
    from spi_viewer.networks.checkpoint import save_figures
    from spi_viewer.networks.classifier import Classifier
    from spi_viewer.networks.measurement import measure

    classifier = Classifier.load(folder, device=device)
    figures = measure(classifier, _frames(families, presets, count, seed))
    conditions = f"{count} simulated frames, seed {seed}, families: {', '.join(families)}"
    if presets:
        conditions += f", detectors: {', '.join(preset.name for preset in presets)}"
    save_figures(folder, {"test": {"conditions": conditions, **figures}})
    return figures


def _command() -> str:
    return shlex.join(["spi-viewer", *sys.argv[1:]])


class _ProgressBar:
    """A bar of steps with the loss, and a line an epoch."""

    def __enter__(self) -> Callable[[TrainingProgress], None]:
        from tqdm import tqdm

        self._bar = tqdm(unit=" steps", desc="training", disable=None)
        return self._show

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def _show(self, progress: TrainingProgress) -> None:
        self._bar.total = progress.steps
        self._bar.update(progress.step - self._bar.n)
        self._bar.set_postfix(loss=f"{progress.loss:.3f}", frames_per_s=progress.frames_per_s)
        result = progress.validation
        if result is not None:
            lost = result["false_negatives_at_allowed_false_positives"]
            self._bar.write(
                f"epoch {progress.epoch}: accuracy {result['accuracy']:.4f}, "
                f"false negatives {lost:.4f} at the allowed false positives, "
                f"{progress.frames_per_s:.0f} frames/s{', kept' if result['kept'] else ''}"
            )
