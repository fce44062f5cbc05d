"""Everything a session holds in memory; no locks and no disk in here."""

from __future__ import annotations

from dataclasses import dataclass, field

from spi_viewer.frames import DecisionRule
from spi_viewer.session.frame_table import FrameTable
from spi_viewer.session.label_journal import LabelChange
from spi_viewer.session.runs import RunKind, RunState, RunSummary
from spi_viewer.session.tallies import Tallies


@dataclass(slots=True)
class RunRecord:
    """What a run is, without its frames."""

    name: str
    path: str
    kind: RunKind
    state: RunState = RunState.WAITING
    message: str = ""


@dataclass(slots=True)
class SessionState:
    """Frames, runs, labels and rule, and the counts that follow from them.

    Attributes:
        revision: grows with every change of the rest.
    """

    table: FrameTable = field(default_factory=FrameTable)
    tallies: Tallies = field(default_factory=Tallies)
    runs: list[RunRecord] = field(default_factory=list)
    rule: DecisionRule = field(default_factory=DecisionRule)
    model_name: str = ""
    model_hash: str = ""
    revision: int = 0

    def change_labels(self, change: LabelChange) -> None:
        """Have the operator's labels as they are after a change."""
        columns = self.table.columns
        columns["label"][change.rows] = change.new
        self.tallies.change_labels(columns["run"][change.rows], change.old, change.new)
        self.revision += 1

    def run_summaries(self) -> list[RunSummary]:
        """All runs in order of opening."""
        return [
            RunSummary(
                number,
                run.name,
                run.path,
                run.kind,
                run.state,
                run.message,
                self.tallies.counts(number),
            )
            for number, run in enumerate(self.runs)
        ]
