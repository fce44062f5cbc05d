"""What models said of labelled frames, kept without the frames themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import FrameClass
from spi_viewer.networks.frame_classifier import FrameClassifier
from spi_viewer.networks.measurement import bright_frames
from spi_viewer.networks.training_data import TrainingBatch


@dataclass(frozen=True)
class Answers:
    """One model's answers on N frames, beside the truth.

    Attributes:
        model: its name in the report.
        threshold: its own, on P(single).
        probability: (N, 4) in the order of FrameClass.
        frame_class: (N,) int64 of FrameClass, the truth.
        photons: (N,) scattered by what was hit.
        family: (N,) str; of the kind of non-sample, or 'blank', where no particle was hit.
        group: (N,) frames of one group, such as views of one event, are no independent evidence.
        unfamiliar: (N,) bool, flagged as unlike anything in training.
    """

    model: str
    threshold: float
    probability: NDArray[np.float32]
    frame_class: NDArray[np.int64]
    photons: NDArray[np.float32]
    family: NDArray[np.str_]
    group: NDArray
    unfamiliar: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frame_class)

    @property
    def p_good(self) -> NDArray[np.float64]:
        """P(single), (N,)."""
        return self.probability[:, FrameClass.SINGLE].astype(np.float64)

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """The truth, (N,)."""
        return self.frame_class == FrameClass.SINGLE

    @property
    def called_good(self) -> NDArray[np.bool_]:
        """The verdict at the model's own threshold, (N,)."""
        return self.p_good >= self.threshold

    @property
    def is_bright(self) -> NDArray[np.bool_]:
        """Above 3,000 photons, or blank, (N,)."""
        return bright_frames(self.photons, self.frame_class)

    @property
    def has_both(self) -> bool:
        """True if there are good and bad frames, without which nothing can be told apart."""
        return bool(self.is_good.any() and not self.is_good.all())

    def select(self, rows: NDArray) -> Answers:
        """The answers of some frames: rows (N,) bool, or indices."""
        columns = ("probability", "frame_class", "photons", "family", "group", "unfamiliar")
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})

    def by_group(self) -> Answers:
        """One row a group and class: the mean answer, the photons of the brightest frame."""
        pairs = np.stack([np.unique(self.group, return_inverse=True)[1], self.frame_class])
        _, first, member = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        size = np.bincount(member)
        mean = np.stack([np.bincount(member, column) / size for column in self.probability.T], 1)
        unfamiliar = np.bincount(member, self.unfamiliar) > size / 2
        photons = np.zeros(len(first), self.photons.dtype)
        np.maximum.at(photons, member, self.photons)
        return replace(
            self.select(first),
            probability=mean.astype(np.float32),
            photons=photons,
            unfamiliar=unfamiliar,
        )


def judged(
    models: Mapping[str, FrameClassifier],
    batches: Iterable[TrainingBatch],
    groups: Iterable[Sequence] | None = None,
) -> Iterator[list[Answers]]:
    """Every model's answers, in the order of `models`, batch after batch.

    Args:
        models: by their names in the report.
        batches: labelled frames.
        groups: for each batch the group of each frame; None: each frame is one of its own.
    """
    start = 0
    chosen = iter(groups) if groups is not None else None
    for batch in batches:
        frames = len(batch.frame_class)
        group = np.asarray(next(chosen)) if chosen else np.arange(start, start + frames)
        start += frames
        yield [_judge(name, model, batch, group) for name, model in models.items()]


def gathered(parts: Iterable[list[Answers]]) -> list[Answers]:
    """The batches of `judged` put together, an entry a model."""
    return [joined(list(of_model)) for of_model in zip(*parts, strict=True)]


def joined(parts: Sequence[Answers]) -> Answers:
    """Answers of one model on several sets of frames; groups of equal name become one."""
    columns = ("probability", "frame_class", "photons", "family", "group", "unfamiliar")
    together: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in columns
    }
    return replace(parts[0], **together)


def _judge(name: str, model: FrameClassifier, batch: TrainingBatch, group: NDArray) -> Answers:
    answer = model.classify(batch.counts.cpu().numpy(), batch.valid.cpu().numpy())
    return Answers(
        model=name,
        threshold=model.rule.threshold,
        probability=answer.probabilities,
        frame_class=batch.frame_class.cpu().numpy(),
        photons=batch.photons.cpu().numpy(),
        family=np.asarray(batch.family, str),
        group=group,
        unfamiliar=answer.out_of_distribution,
    )
