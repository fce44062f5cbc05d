"""Many small files in one call: a round trip for each would take longer than to read it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, takewhile

from spi_viewer.errors import ReadCrashError, ReadTimeoutError
from spi_viewer.sources.crop_choice import CropChoice
from spi_viewer.sources.reader import Reader
from spi_viewer.sources.run_cursor import RunCursor


class LookAhead:
    """Looks at the next files of a feed together and reads on in them.

    Each file's cursor answers its next `describe` and `read` from what it is given here; the feed
    goes from file to file as if it were asking for one after the other. What is not used up by
    `end` is forgotten, for a file may grow.
    """

    def __init__(self, reader: Reader, crops: CropChoice) -> None:
        self._reader = reader
        self._crops = crops
        self._cursors: list[RunCursor] = []

    def ask(
        self, files: Iterable[tuple[RunCursor, float]], max_frames: int, patience_s: float
    ) -> bool:
        """Read on in the first of `files` (cursor, time of the last write to it).

        Nothing happens before the first crop was chosen. False when the call hung or crashed:
        which file did that is not known, so each of them is asked for alone from now on.
        """
        expected = self._crops.expected
        together = list(islice(takewhile(lambda file: file[0].may_join, files), max_frames))
        if expected is None or not together:
            return True
        shape, crop = expected
        positions = [cursor.position(written_at_s) for cursor, written_at_s in together]
        try:
            answers = self._reader.read_on(positions, shape, crop, max_frames, patience_s)
        except (ReadTimeoutError, ReadCrashError):
            for cursor, _ in together:
                cursor.may_join = False
            return False
        for (cursor, _), answer in zip(together, answers, strict=False):  # it may end early
            cursor.ahead = answer
            self._cursors.append(cursor)
        return True

    def end(self) -> None:
        """Forget what was not used."""
        for cursor in self._cursors:
            cursor.ahead = None
        self._cursors.clear()
