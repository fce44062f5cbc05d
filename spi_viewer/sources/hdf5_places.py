"""Where, relative to its frames, a file keeps what belongs to them."""

from __future__ import annotations

import re
from dataclasses import dataclass

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

    def expand(self, pattern: str) -> list[str]:
        """Every path that a pattern stands for, the nearest first."""
        run = _RUN.match(self.dataset)
        filled = pattern.replace("{entry}", self.entry).replace("{beside}", self.beside)
        filled = filled.replace("{frames}", self.dataset)
        filled = filled.replace("{run}", f"/{run.group(1)}" if run else "/run_1")
        if "{detector}" not in filled:
            return [filled]
        return [filled.replace("{detector}", group) for group in self.detectors]
