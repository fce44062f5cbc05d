"""Errors that speak to the person: what is wrong, with which file, and the way out."""

from __future__ import annotations

from pathlib import Path


class SpiViewerError(Exception):
    """Base of every error whose text is meant for the user as it stands."""


class RunFileError(SpiViewerError):
    """A run file cannot be used. The text names the file and the cause.

    Attributes:
        path: the refused file.
        reason: the cause and, where there is one, the way out; one sentence without the path.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = str(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Cross process borders with both arguments."""
        return type(self), (self.path, self.reason)


class NotReadyError(RunFileError):
    """A file is half-written or momentarily locked; trying again later may succeed."""


class AmbiguousDatasetError(RunFileError):
    """Several datasets could hold the frames and the caller must choose.

    Attributes:
        candidates: dataset paths inside the file, the likeliest first.
    """

    def __init__(self, path: str | Path, candidates: tuple[str, ...]) -> None:
        names = ", ".join(candidates)
        super().__init__(path, f"several datasets could hold frames; choose one of: {names}")
        self.candidates = candidates

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...]]]:  # type: ignore[override]
        """Cross process borders with both arguments."""
        return type(self), (self.path, self.candidates)


class ReadTimeoutError(RunFileError):
    """A read did not come back within its time limit and its process was ended."""


class ReadCrashError(RunFileError):
    """The reading process died in the middle of a read; the next read starts a fresh one."""


class ModelError(SpiViewerError):
    """A model folder cannot be used; the text names the folder and the cause."""


class LabelError(SpiViewerError):
    """Labels of frames cannot be used; the text names their file and the cause."""


class ExportError(SpiViewerError):
    """An export could not be written or did not verify; nothing stands under the final name."""


class ExportCancelledError(ExportError):
    """The user cancelled the export; nothing stands under the final name."""


class EvaluationError(SpiViewerError):
    """An evaluation cannot be done or its report not be written; the text says why."""


class SessionError(SpiViewerError):
    """A session file cannot be opened or written."""
