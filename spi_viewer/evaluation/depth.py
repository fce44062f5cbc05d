"""Figure 6 of the poster: accuracy on training and validation frames for growing ResNets.

Networks of several (n, m) learn from the same small fixed set, shown again and again with flips
and quarter turns alone, which is what makes deep ones learn it by heart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from spi_viewer.evaluation.frame_sets import BATCH_FRAMES
from spi_viewer.evaluation.progress import Progress
from spi_viewer.frames import FrameClass
from spi_viewer.networks.classifier import Classifier
from spi_viewer.networks.intervals import Estimate, rate
from spi_viewer.networks.model_card import CARD_NAME
from spi_viewer.networks.resnet import ResNetConfig
from spi_viewer.networks.training import TrainingProgress, train
from spi_viewer.networks.training_config import TrainingConfig
from spi_viewer.networks.training_data import TrainingBatch
from spi_viewer.networks.training_state import STATE_NAME
from spi_viewer.simulation.dataset import stream

SIZES = ((1, 1), (2, 2), (4, 4), (7, 7))
_EPOCHS = 15
_LEAST_STEPS = 40  # an epoch, over a small set several times; fewer teach nothing
_BATCH = 32
_TRAINING_SEED, _VALIDATION_SEED = 3_500_000_017, 3_600_000_011


@dataclass(frozen=True)
class DepthPoint:
    """A ResNet(n, m) and its accuracies; training is None where nobody measured it."""

    n: int
    m: int
    training: Estimate | None
    validation: Estimate
    model: str = ""


@dataclass(frozen=True)
class DepthStudy:
    """What is trained for the figure.

    Attributes:
        frames: to learn from; half as many to validate on.
        families: of particles.
        seed: of frames and weights, from 0.
        folder: where the networks are kept; one that is there is trained no more.
    """

    frames: int
    families: tuple[str, ...]
    seed: int
    folder: Path
    device: str = "auto"
    sizes: tuple[tuple[int, int], ...] = SIZES

    @property
    def frames_seen(self) -> int:
        """Frames that pass through networks in training."""
        return len(self.sizes) * _EPOCHS * self._steps * _BATCH

    @property
    def _conditions_name(self) -> str:
        """Other frames, other networks."""
        families = hashlib.sha256(",".join(self.families).encode()).hexdigest()[:8]
        return f"{self.frames}-frames-seed-{self.seed}-families-{families}"

    @property
    def _steps(self) -> int:
        return max(_LEAST_STEPS, self.frames // _BATCH)

    @property
    def conditions(self) -> str:
        """In words."""
        families = ", ".join(name.replace("_", " ") for name in self.families)
        return (
            f"Each network was trained on the same {self.frames:,} simulated frames (seed "
            f"{_TRAINING_SEED + self.seed}) for {_EPOCHS} epochs of {self._steps} batches of "
            f"{_BATCH}, with flips and quarter turns alone, and judged on these and on "
            f"{self.frames // 2:,} others (seed {_VALIDATION_SEED + self.seed}), which chose "
            f"nothing. Families: {families}."
        )

    def points(self, progress: Progress) -> Iterator[DepthPoint]:
        """Train and judge one network after another; an interrupted training resumes.

        Raises SpiViewerError for a folder that holds another training.
        """
        training = _simulated(self.families, self.frames, _TRAINING_SEED + self.seed)
        validation = _simulated(self.families, self.frames // 2, _VALIDATION_SEED + self.seed)
        for n, m in self.sizes:
            folder = self.folder / self._conditions_name / f"resnet-{n}-{m}"
            if not (folder / CARD_NAME).is_file() or (folder / STATE_NAME).is_file():
                self._train(ResNetConfig(n=n, m=m), folder, training, progress)
            model = Classifier.load(folder, self.device)
            known, unknown = (_accuracy(model, frames) for frames in (training, validation))
            yield DepthPoint(n, m, known, unknown)

    def _train(
        self,
        network: ResNetConfig,
        folder: Path,
        training: Sequence[TrainingBatch],
        progress: Progress,
    ) -> None:
        """Train as far as the training frames go: none but these choose the weights to keep."""
        config = TrainingConfig(
            name=folder.name,
            network=network,
            epochs=_EPOCHS,
            steps_per_epoch=self._steps,
            warm_up_steps=self._steps,
            label_smoothing=0.0,
            average_decay=1 - min(1.0, 4 / self._steps),  # over the last part of a pass
            seed=self.seed,
        )
        done = 0

        def advance(line: TrainingProgress) -> None:
            nonlocal done
            progress.advance((line.step - done) * _BATCH)
            done = line.step

        train(
            config,
            _Passes(training, self.seed),
            training,
            folder,
            progress=advance,
            device=self.device,
            description={"data": "simulated", "families": list(self.families)},
            augmentation=turned,
        )


def turned(
    counts: Tensor,
    valid: Tensor,
    _frame_class: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Flips and quarter turns of counts and valid (B, H, W), one draw a batch."""
    turns, flip = torch.randint(4, (2,), generator=generator).tolist()

    def turn(image: Tensor) -> Tensor:
        image = torch.rot90(image, turns, (1, 2))
        return image.flip(2) if flip % 2 else image

    return turn(counts), turn(valid)


def _simulated(families: Sequence[str], frames: int, seed: int) -> list[TrainingBatch]:
    batches = []
    left = frames
    for batch in stream(families, BATCH_FRAMES, seed):
        part = batch.select(torch.arange(left)) if left < len(batch) else batch
        batches.append(cast(TrainingBatch, part))
        left -= len(part)
        if left <= 0:
            return batches
    return batches


class _Passes:
    """All frames of a fixed set, in a new order each time that it is gone through."""

    def __init__(self, frames: Sequence[TrainingBatch], seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._counts = torch.cat([batch.counts for batch in frames])
        self._valid = torch.cat([batch.valid for batch in frames])
        self._class = torch.cat([batch.frame_class for batch in frames])
        self._photons = torch.cat([batch.photons for batch in frames])
        self._family = [name for batch in frames for name in batch.family]

    def __iter__(self) -> Iterator[TrainingBatch]:
        for rows in torch.randperm(len(self._class), generator=self._generator).split(_BATCH):
            yield TrainingBatch(
                self._counts[rows],
                self._valid[rows],
                self._class[rows],
                self._photons[rows],
                [self._family[row] for row in rows.tolist()],
            )


def _accuracy(model: Classifier, frames: Sequence[TrainingBatch]) -> Estimate:
    """Frames whose P(single) is on the right side of one half."""
    right = 0
    for batch in frames:
        answer = model.classify(batch.counts.numpy(), batch.valid.numpy())
        good = answer.probabilities[:, FrameClass.SINGLE] >= 0.5
        right += int((good == (batch.frame_class == FrameClass.SINGLE).numpy()).sum())
    return rate(right, sum(len(batch.frame_class) for batch in frames))
