"""A whole evaluation: frames judged, parts made, and each written before the next begins."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from spi_viewer.errors import EvaluationError
from spi_viewer.evaluation.activation import activation_part, choose_examples
from spi_viewer.evaluation.answers import Answers, gathered, judged
from spi_viewer.evaluation.conditions import answers_table, models_part
from spi_viewer.evaluation.deciles import fringes_part, photons_part
from spi_viewer.evaluation.depth import DepthStudy
from spi_viewer.evaluation.drawing import Palette
from spi_viewer.evaluation.families import families_part
from spi_viewer.evaluation.few_labels import few_labels_part
from spi_viewer.evaluation.frame_sets import FrameSet
from spi_viewer.evaluation.labelled_run import LabelledRun
from spi_viewer.evaluation.learning import depth_part, depths_of, histories_part
from spi_viewer.evaluation.measured import measured_part
from spi_viewer.evaluation.models import EvaluatedModel
from spi_viewer.evaluation.poster import poster_part
from spi_viewer.evaluation.progress import Progress, ShowProgress
from spi_viewer.evaluation.reliability import calibration_part
from spi_viewer.evaluation.report import Part, Report
from spi_viewer.evaluation.simulated import accuracy_part
from spi_viewer.evaluation.speed import Speed, measure_speed, speed_frames, speed_part
from spi_viewer.evaluation.trade_off import curves_part

_EXAMPLE_BATCHES = 20  # in which frames to be explained are looked for
_STOPPED = "It was stopped while {} ({:,} of {:,} frames); the same command begins it again."


@dataclass(frozen=True)
class Plan:
    """What is to be evaluated on what.

    Attributes:
        models: by the order of their rows and colours.
        simulated: the main set.
        measured: labelled runs.
        depths: networks to train for Figure 6; None draws it from the models' cards.
        device: auto, cpu or cuda, where networks are adapted.
    """

    models: Sequence[EvaluatedModel]
    simulated: FrameSet
    measured: Sequence[LabelledRun] = ()
    depths: DepthStudy | None = None
    device: str = "auto"


def evaluate(plan: Plan, report: Report, show: ShowProgress = lambda *_: None) -> None:
    """Make the report; interrupted, it says so and holds what was done until then.

    Raises EvaluationError if the report cannot be written, and whatever the frames raise.
    """
    progress = Progress(show)
    sets = [plan.simulated, *plan.measured]
    progress.total = sum(frames.frames for frames in sets) + speed_frames(len(plan.models))
    progress.total += plan.depths.frames_seen if plan.depths else 0
    try:
        _Evaluation(plan, report, progress).run()
    except (KeyboardInterrupt, SystemExit):
        report.stop(_STOPPED.format(progress.text, progress.done, progress.total))
        raise
    progress.end()
    report.finish()


class _Evaluation:
    """One run through a plan."""

    def __init__(self, plan: Plan, report: Report, progress: Progress) -> None:
        self._plan, self._report, self._progress = plan, report, progress
        self._models = plan.models
        self._palette = Palette([model.name for model in plan.models])

    def run(self) -> None:
        """All parts, in the order of the report; the poster's tables need the others' answers."""
        self._report.add(models_part(self._models))
        speeds = self._speeds()
        simulated = self._judge(self._plan.simulated)
        if not simulated[0].has_both:
            raise EvaluationError(
                f"the {len(simulated[0])} simulated frames are all good or all bad; ask for more "
                "with --frames"
            )
        for part in self._simulated_parts(simulated):
            self._report.add(part)
        measured = self._measured()
        self._report.add(self._activations())
        self._report.add(speed_part(speeds))
        self._learning()
        self._report.add(poster_part(self._models, simulated, measured, speeds), at=1)

    def _simulated_parts(self, answers: list[Answers]) -> Iterator[Part]:
        """Each made when the one before is written."""
        palette = self._palette
        self._progress.begin("intervals and figures", 0)
        accuracy = accuracy_part(answers)
        accuracy.attached = [answers_table(self._plan.simulated, answers)]
        yield accuracy
        yield families_part(self._models, answers, palette)
        yield photons_part(answers, palette)
        yield fringes_part(answers, palette)
        yield curves_part(answers, palette)
        yield calibration_part(self._models, answers, palette)

    def _judge(self, frames: FrameSet) -> list[Answers]:
        self._progress.begin(f"judging {frames.name}", frames.frames)
        classifiers = {model.name: model.classifier for model in self._models}
        parts = []
        for answers in judged(classifiers, frames.batches()):
            parts.append(answers)
            self._progress.advance(len(answers[0]))
        if not parts:
            raise EvaluationError(f"{frames.name}: there is no frame with a label to judge on")
        return gathered(parts)

    def _measured(self) -> Mapping[str, list[Answers]]:
        found = {}
        for frames in self._plan.measured:
            answers = found[frames.name] = self._judge(frames)
            part = measured_part(frames.name, frames.conditions, answers, self._palette)
            part.attached = [answers_table(frames, answers)]
            self._report.add(part)
            self._progress.begin(f"learning from few labels of {frames.name}", 0)
            few = few_labels_part(frames, self._models, self._plan.device)
            if few is not None:
                self._report.add(few)
        return found

    def _speeds(self) -> list[Speed]:
        self._progress.begin("timing", speed_frames(len(self._models)))
        frames = next(self._plan.simulated.batches()).frames
        classifiers = {model.name: model.classifier for model in self._models}
        return measure_speed(classifiers, frames, self._progress)

    def _activations(self) -> Part:
        first = itertools.islice(self._plan.simulated.batches(), _EXAMPLE_BATCHES)
        examples = choose_examples(batch.frames for batch in first)
        return activation_part({m.name: m.classifier for m in self._models}, examples)

    def _learning(self) -> None:
        histories = histories_part(self._models, self._palette)
        if histories is not None:
            self._report.add(histories)
        depths, of_cards = self._plan.depths, depths_of(self._models)
        if depths is not None:
            self._progress.begin("training for Figure 6", depths.frames_seen)
            self._report.add(depth_part(list(depths.points(self._progress)), depths.conditions))
        elif len({(point.n, point.m) for point in of_cards}) > 1:
            text = (
                "From the models' cards: each was trained in its own way and validated on frames "
                "of its own, so a difference need not come from the size. No accuracy on training "
                "frames is known where no frame is ever shown twice."
            )
            self._report.add(depth_part(of_cards, text))
        else:
            self._report.missing.append(
                "Figure 6 needs ResNets of several sizes: name their folders with --model, or "
                "train small ones with --figure-6 FRAMES."
            )
