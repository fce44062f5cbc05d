"""What models said of labelled frames, kept without the frames themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.evaluation.frame_sets import EvaluationBatch
from spi_viewer.frames import FrameClass
from spi_viewer.networks.frame_classifier import FrameClassifier
from spi_viewer.networks.intervals import Estimate, share
from spi_viewer.networks.measurement import bright_frames
from spi_viewer.networks.training_data import TrainingBatch

_COLUMNS = ("probability", "frame_class", "photons", "family", "group", "fringes", "unfamiliar")


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
        fringes: (N,) across the frame by the largest particle; 0 without one, or not known.
        unfamiliar: (N,) bool, flagged as unlike anything in training.
    """

    model: str
    threshold: float
    probability: NDArray[np.float32]
    frame_class: NDArray[np.int64]
    photons: NDArray[np.float32]
    family: NDArray[np.str_]
    group: NDArray
    fringes: NDArray[np.float32]
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

    def share(self, selected: NDArray[np.bool_], of: NDArray[np.bool_]) -> Estimate:
        """How many of the frames `of` are `selected`, both (N,), with frames of a group as one."""
        return share(selected, of, self.group)

    @property
    def lost(self) -> Estimate:
        """False negatives: good called bad, of the good."""
        return self.share(~self.called_good, self.is_good)

    @property
    def let_in(self) -> Estimate:
        """False positives: bad called good, of the bad."""
        return self.share(self.called_good, ~self.is_good)

    @property
    def accuracy(self) -> Estimate:
        """Frames whose verdict is right."""
        return self.share(self.called_good == self.is_good, np.ones(len(self), bool))

    def select(self, rows: NDArray) -> Answers:
        """The answers of some frames: rows (N,) bool, or indices."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

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
    models: Mapping[str, FrameClassifier], batches: Iterable[EvaluationBatch]
) -> Iterator[list[Answers]]:
    """Every model's answers, in the order of `models`, batch after batch."""
    start = 0
    for batch in batches:
        frames = len(batch.frames.frame_class)
        own = np.arange(start, start + frames) if batch.group is None else np.asarray(batch.group)
        fringes = np.zeros(frames) if batch.fringes is None else batch.fringes
        start += frames
        yield [_judge(name, model, batch.frames, own, fringes) for name, model in models.items()]


def gathered(parts: Iterable[list[Answers]]) -> list[Answers]:
    """The batches of `judged` put together, an entry a model; groups of equal name are one."""
    return [_joined(list(of_model)) for of_model in zip(*parts, strict=True)]


def _joined(parts: Sequence[Answers]) -> Answers:
    together: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS
    }
    return replace(parts[0], **together)


def _judge(
    name: str, model: FrameClassifier, batch: TrainingBatch, group: NDArray, fringes: NDArray
) -> Answers:
    answer = model.classify(batch.counts.cpu().numpy(), batch.valid.cpu().numpy())
    return Answers(
        model=name,
        threshold=model.rule.threshold,
        probability=answer.probabilities,
        frame_class=batch.frame_class.cpu().numpy(),
        photons=batch.photons.cpu().numpy(),
        family=np.asarray(batch.family, str),
        group=group,
        fringes=fringes.astype(np.float32),
        unfamiliar=answer.out_of_distribution,
    )
