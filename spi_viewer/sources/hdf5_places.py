"""Where, relative to its frames, a file keeps what belongs to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_ENTRY = re.compile(r"/(entry(?:_\d+)?)/")
_RUN = re.compile(r"/(run_\d+)/")
_NUMBERED = re.compile(r"/(?:data|detector|image)_(\d+)(?:/|$)")


@dataclass(frozen=True)
class Places:
    """Fills '{entry}', '{run}', '{beside}', '{frames}' and '{detector}' in for one run."""

    dataset: str

    @property
    def beside(self) -> str:
        """The group in which the frames stand."""
        return self.dataset.rsplit("/", 1)[0]

    @property
    def entry(self) -> str:
        """'/entry_1', '/entry' or the like."""
        found = _ENTRY.match(self.dataset)
        return f"/{found.group(1)}" if found else "/entry_1"

    @property
    def detectors(self) -> tuple[str, ...]:
        """Groups that may describe the detector, the nearest first."""
        found = _NUMBERED.search(self.dataset)
        number = found.group(1) if found else "1"
        groups = (
            self.beside,
            f"{self.entry}/instrument_1/detector_{number}",
            f"{self.entry}/detector_{number}",
            f"{self.entry}/data_{number}",
            f"{self.entry}/image_{number}",
            f"{self.entry}/instrument/detector",
        )
        return tuple(dict.fromkeys(group for group in groups if group))

    def expand(self, pattern: str) -> tuple[str, ...]:
        """Every path that a pattern stands for, the nearest first."""
        return _expanded(self, pattern)


@lru_cache(maxsize=1024)  # with one file a frame, the same for file after file
def _expanded(places: Places, pattern: str) -> tuple[str, ...]:
    run = _RUN.match(places.dataset)
    filled = pattern.replace("{entry}", places.entry).replace("{beside}", places.beside)
    filled = filled.replace("{frames}", places.dataset)
    filled = filled.replace("{run}", f"/{run.group(1)}" if run else "/run_1")
    if "{detector}" not in filled:
        return (filled,)
    return tuple(filled.replace("{detector}", group) for group in places.detectors)
