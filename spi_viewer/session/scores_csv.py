"""The scores file: one row a frame, the same from the command line and from the window."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spi_viewer.errors import SessionError
from spi_viewer.frames import DecisionRule, FrameFlag, FrameId, Verdict
from spi_viewer.session import judgement
from spi_viewer.session.session import Session

COLUMNS = (
    "file",
    "dataset",
    "frame",
    "verdict",
    "p_good",
    "p_single",
    "p_multi",
    "p_non_sample",
    "p_blank",
    "flags",
)
_VERDICTS = {"good": Verdict.GOOD, "bad": Verdict.BAD, "": Verdict.INVALID}
_TEXTS = {verdict: text for text, verdict in _VERDICTS.items()}
_FLAGS = {flag.name.lower(): flag for flag in FrameFlag if flag.name}
_SESSION_BLOCK_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class ScoredFrame:
    """One row of a scores file; probabilities in the order of FrameClass, None if invalid."""

    id: FrameId
    verdict: Verdict
    probabilities: tuple[float, float, float, float] | None
    flags: FrameFlag


class ScoresWriter:
    """Writes scores aside as they come; leaving the `with` block unharmed puts the file in place.

    An existing file is replaced. SessionError if the disk refuses.
    """

    def __init__(self, path: Path, rule: DecisionRule) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.part-{os.getpid()}")
        self._rule = rule
        try:
            self._file = self._aside.open(
                "w", newline="", encoding="utf-8", errors="surrogateescape"
            )
        except OSError as error:
            raise _refused(path, error) from error
        self._csv = csv.writer(self._file, lineterminator="\n")
        # The writer leaves '\r' in a file name unquoted, which readers take for the line's end.
        self._quoting_csv = csv.writer(self._file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._csv.writerow(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
            if kind is None:
                os.replace(self._aside, self._path)
        except OSError as failure:
            raise _refused(self._path, failure) from failure
        finally:
            self._aside.unlink(missing_ok=True)

    def write(
        self,
        ids: Sequence[FrameId],
        probabilities: NDArray[np.float32],
        flags: NDArray[np.uint32],
    ) -> None:
        """Write n frames: probabilities (n, 4), flags (n,)."""
        probabilities = judgement.without_invalid(probabilities, flags)
        reasons = judgement.reasons(probabilities, flags)
        codes = judgement.judge(reasons, probabilities[:, 0], flags, self._rule)
        verdicts = judgement.verdicts(codes)
        try:
            for id_, verdict, p, flag in zip(ids, verdicts, probabilities, flags, strict=True):
                has_return = "\r" in id_.path or "\r" in id_.dataset
                table = self._quoting_csv if has_return else self._csv
                table.writerow(_row(id_, Verdict(verdict), p, FrameFlag(int(flag))))
        except OSError as error:
            raise _refused(self._path, error) from error


def write_scores(session: Session, path: Path, rows: ArrayLike | None = None) -> int:
    """Write the session's scores, or those of some rows, and return how many."""
    chosen = np.arange(session.row_count) if rows is None else np.asarray(rows, np.int64)
    with ScoresWriter(path, session.rule) as writer:
        for start in range(0, len(chosen), _SESSION_BLOCK_ROWS):
            block = chosen[start : start + _SESSION_BLOCK_ROWS]
            ids = [session.frame_id(row) for row in block.tolist()]
            writer.write(ids, session.probabilities(block), session.flags(block))
    return len(chosen)


def read_scores(path: Path) -> Iterator[ScoredFrame]:
    """Frames of a scores file in order; SessionError names the file and the line."""
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            lines = csv.reader(file)
            _check_header(path, next(lines, []))
            for fields in lines:
                if fields:
                    yield _scored_frame(path, lines.line_num, fields)
    except OSError as error:
        raise _refused(path, error) from error
    except csv.Error as error:
        raise SessionError(f"{path}: line {lines.line_num}: not a table ({error})") from error


def _row(
    id_: FrameId, verdict: Verdict, p: NDArray[np.float32], flags: FrameFlag
) -> list[str | int]:
    texts = [""] * 5 if verdict is Verdict.INVALID else [f"{value:.6g}" for value in (p[0], *p)]
    return [id_.path, id_.dataset, id_.index, _TEXTS[verdict], *texts, flags.names]


def _check_header(path: Path, header: list[str]) -> None:
    if tuple(header) != COLUMNS:
        raise SessionError(
            f"{path}: line 1: not a scores file; its columns should be {','.join(COLUMNS)}"
        )


def _scored_frame(path: Path, line: int, fields: list[str]) -> ScoredFrame:
    try:
        if len(fields) != len(COLUMNS):
            raise ValueError(f"{len(fields)} columns instead of {len(COLUMNS)}")
        file, dataset, frame, verdict, _, *p, flags = fields
        return ScoredFrame(
            FrameId(file, dataset, _frame_number(frame)),
            _verdict(verdict),
            _probabilities(p, verdict),
            _flag_bits(flags),
        )
    except ValueError as error:
        raise SessionError(f"{path}: line {line}: {error}") from error


def _frame_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"frame {text!r} is not a number from 0 on")
    return int(text)


def _verdict(text: str) -> Verdict:
    if text not in _VERDICTS:
        raise ValueError(f"verdict {text!r} is neither good nor bad nor empty")
    return _VERDICTS[text]


def _probabilities(texts: list[str], verdict: str) -> tuple[float, float, float, float] | None:
    if not verdict and not any(texts):
        return None
    values = [float(text) for text in texts]
    if not all(math.isfinite(value) and 0 <= value <= 1 for value in values):
        raise ValueError("a probability is not between 0 and 1")
    single, multi, non_sample, blank = values
    return single, multi, non_sample, blank


def _flag_bits(text: str) -> FrameFlag:
    flags = FrameFlag.NONE
    for name in filter(None, text.split("|")):
        if name not in _FLAGS:
            raise ValueError(f"unknown flag {name!r}")
        flags |= _FLAGS[name]
    return flags


def _refused(path: Path, error: OSError) -> SessionError:
    return SessionError(f"{path}: {error.strerror or error}")
