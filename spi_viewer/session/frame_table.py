"""All frames of a session in memory, about 80 bytes a row; no locks and no disk in here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spi_viewer.frames import (
    Crop,
    DecisionRule,
    DetectorGeometry,
    FrameBatch,
    FrameClass,
    FrameId,
    OperatorLabel,
)
from spi_viewer.session import judgement
from spi_viewer.session.columns import Columns
from spi_viewer.session.database import restored, storable
from spi_viewer.session.interning import Interner, Names

_LAYOUT: dict[str, tuple[Any, tuple[int, ...]]] = {
    "run": (np.int32, ()),
    "file": (np.int32, ()),
    "dataset": (np.int32, ()),
    "frame": (np.int64, ()),
    "name_end": (np.int64, ()),
    "probabilities": (np.float32, (len(FrameClass),)),
    "flags": (np.uint32, ()),
    "photons": (np.float64, ()),
    "written_at_s": (np.float64, ()),
    "context": (np.int32, ()),
    "reason": (np.int8, ()),
    "code": (np.int8, ()),
    "label": (np.int8, ()),
}


@dataclass(frozen=True, slots=True)
class Context:
    """What the frames of a batch share: how they were cut and what judged them."""

    crop: Crop
    geometry: DetectorGeometry
    model_name: str
    model_hash: str


class FrameTable:
    """Columns, shared texts and contexts; a row is a frame in order of arrival."""

    def __init__(self) -> None:
        self.columns = Columns(_LAYOUT)
        self.texts: Interner[str] = Interner()
        self.contexts: Interner[Context] = Interner()
        self._names = Names()

    def __len__(self) -> int:
        return len(self.columns)

    def append(
        self,
        run: int,
        batch: FrameBatch,
        probabilities: NDArray[np.float32],
        flags: NDArray[np.uint32],
        context: Context,
        rule: DecisionRule,
    ) -> NDArray[np.int8]:
        """Add a batch and return the codes it was judged with; see `judgement`."""
        number = self.texts.number
        return self._extend(
            rule,
            run=run,
            file=[number(id_.path) for id_ in batch.ids],
            dataset=[number(id_.dataset) for id_ in batch.ids],
            frame=[id_.index for id_ in batch.ids],
            name_end=self._names.append(id_.name for id_ in batch.ids),
            probabilities=judgement.without_invalid(probabilities, flags),
            flags=np.asarray(flags, np.uint32),
            photons=batch.photons,
            written_at_s=batch.written_at_s,
            context=self.contexts.number(context),
        )

    def judged_again(
        self,
        rows: NDArray[np.int64],
        probabilities: NDArray[np.float32],
        flags: NDArray[np.uint32],
        model: tuple[str, str],
        rule: DecisionRule,
    ) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Another model's answers, model being its name and hash; the codes before and after."""
        columns = self.columns
        before = columns["code"][rows]
        reason = judgement.reasons(probabilities, flags)
        codes = judgement.judge(reason, probabilities[:, 0], flags, rule)
        name, model_hash = model
        contexts = [
            self.contexts.number(
                replace(self.contexts[number], model_name=name, model_hash=model_hash)
            )
            for number in columns["context"][rows].tolist()
        ]
        columns["probabilities"][rows] = probabilities
        columns["flags"][rows] = flags
        columns["reason"][rows] = reason
        columns["code"][rows] = codes
        columns["context"][rows] = contexts
        return before, codes

    def rejudge(self, rule: DecisionRule) -> NDArray[np.int8]:
        """Judge all rows by another rule and return their codes."""
        columns = self.columns
        codes = judgement.judge(
            columns["reason"], columns["probabilities"][:, 0], columns["flags"], rule
        )
        columns.replace("code", codes)
        return codes

    def frame_id(self, row: int) -> FrameId:
        """Where the row's frame stands on disk."""
        columns = self.columns
        start = int(columns["name_end"][row - 1]) if row else 0
        return FrameId(
            self.texts[columns["file"][row]],
            self.texts[columns["dataset"][row]],
            int(columns["frame"][row]),
            self._names.between(start, int(columns["name_end"][row])),
        )

    def frame_places(self, rows: NDArray[np.int64]) -> Iterator[tuple[str, str, int]]:
        """(path, dataset, frame) of each row; rows never change, so this needs no lock."""
        columns, texts = self.columns, self.texts
        files, datasets = columns["file"][rows].tolist(), columns["dataset"][rows].tolist()
        for file, dataset, frame in zip(
            files, datasets, columns["frame"][rows].tolist(), strict=True
        ):
            yield texts[file], texts[dataset], frame

    def context(self, row: int) -> Context:
        """The row's crop, geometry and model."""
        return self.contexts[self.columns["context"][row]]

    def stored_rows(self, rows: NDArray[np.int64]) -> list[tuple[Any, ...]]:
        """Rows as the database wants them."""
        columns = self.columns
        lists = {name: columns[name][rows].tolist() for name in _LAYOUT}
        numbers = rows.tolist()
        names = [storable(self.frame_id(row).name) for row in numbers]
        return [
            (row, run, file, dataset, frame, name, *p, flags, photons, written, context)
            for row, run, file, dataset, frame, name, p, flags, photons, written, context in zip(
                numbers,
                lists["run"],
                lists["file"],
                lists["dataset"],
                lists["frame"],
                names,
                lists["probabilities"],
                lists["flags"],
                lists["photons"],
                lists["written_at_s"],
                lists["context"],
                strict=True,
            )
        ]

    def restore(
        self, block: list[tuple[Any, ...]], run_count: int, rule: DecisionRule
    ) -> NDArray[np.int8]:
        """Add rows as `stored_rows` gave them; ValueError if they cannot be ours."""
        row, run, file, dataset, frame, name, *p, flags, photons, written, context = zip(
            *block, strict=True
        )
        if row != tuple(range(len(self), len(self) + len(block))):
            raise ValueError("row numbers have gaps")
        _check_range(run, run_count)
        _check_range(file, len(self.texts))
        _check_range(dataset, len(self.texts))
        _check_range(context, len(self.contexts))
        return self._extend(
            rule,
            run=run,
            file=file,
            dataset=dataset,
            frame=frame,
            name_end=self._names.append(map(restored, name)),
            probabilities=np.array(p, np.float32).T,  # NULL becomes NaN
            flags=np.array(flags, np.uint32),
            photons=np.array(photons, np.float64),
            written_at_s=np.array(written, np.float64),
            context=context,
        )

    def _extend(self, rule: DecisionRule, **values: Any) -> NDArray[np.int8]:
        probabilities, flags = values["probabilities"], values["flags"]
        reason = judgement.reasons(probabilities, flags)
        codes = judgement.judge(reason, probabilities[:, 0], flags, rule)
        values |= {"reason": reason, "code": codes, "label": np.int8(OperatorLabel.NONE)}
        self.columns.extend(len(codes), values)
        return codes


def _check_range(numbers: tuple[int, ...], count: int) -> None:
    if min(numbers) < 0 or max(numbers) >= count:
        raise ValueError("a number points nowhere")
