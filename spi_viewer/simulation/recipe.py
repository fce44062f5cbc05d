"""What a set of frames is made of: everything that its frames follow from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from spi_viewer.frames import FrameClass
from spi_viewer.simulation.block import block_size
from spi_viewer.simulation.dataset import DEFAULT_WEIGHTS, simulate_frames
from spi_viewer.simulation.detector import DETECTORS, find_detector
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.simulated_frames import SimulatedFrames

ALL_REAL = "all"  # of the detectors


@dataclass(frozen=True)
class Recipe:
    """A set of `count` frames; equal recipes give equal frames on the same kind of device.

    Attributes:
        families: names in FAMILIES; each frame's particle is of one of them.
        count: number of frames.
        seed: any whole number.
        detectors: names in DETECTORS to draw from, repeats weigh more; 'all' for the real ones.
        weights: proportions of the classes.
        side_px: side of the frames; the detector is binned to it.
        device: torch device.
    """

    families: Sequence[str] = tuple(FAMILIES)
    count: int = 1000
    seed: int = 0
    detectors: Sequence[str] = ("pnccd-far",)
    weights: Mapping[FrameClass, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    side_px: int = 256
    device: str | torch.device = "cpu"

    def detector_names(self) -> tuple[str, ...]:
        """The detectors drawn from, 'all' spelt out.

        Raises:
            SpiViewerError: a name that is not known.
        """
        real = [preset.name for preset in DETECTORS.values() if preset.nuisances]
        names: list[str] = []
        for name in self.detectors:
            names += real if name == ALL_REAL else [find_detector(name).name]
        return tuple(names)

    def pieces(self) -> Iterator[SimulatedFrames]:
        """All frames in order, some at a time, so that a set of any size fits in memory.

        Raises:
            SpiViewerError: an unknown name or impossible numbers, before the first piece.
        """
        presets = [find_detector(name) for name in self.detector_names()]
        step = block_size(self.side_px)
        for first in range(0, max(1, self.count), step):
            yield simulate_frames(
                self.families,
                min(step, self.count - first),
                self.seed,
                presets,
                weights=self.weights,
                device=self.device,
                side_px=self.side_px,
                first=first,
            )

    def title(self) -> str:
        """All of it in a line of some words."""
        families = _listed(self.families, "families")
        detectors = _listed(self.detector_names(), "detectors")
        size = f"{self.side_px} × {self.side_px} px"
        return f"Simulated frames: {families}; {detectors}; {size}; seed {self.seed}"

    def as_attributes(self) -> dict[str, Any]:
        """All of it by name, as the attributes of a file."""
        total = sum(self.weights.values())
        return {
            "seed": self.seed,
            "families": list(self.families),
            "detectors": list(self.detector_names()),
            "class_weights": {key.label: value / total for key, value in self.weights.items()},
            "good_fraction": self.weights.get(FrameClass.SINGLE, 0.0) / total,
            "side_px": self.side_px,
            "frame_count": self.count,
        }


def _listed(names: Sequence[str], plural: str) -> str:
    """The names if they are few, else their number."""
    different = tuple(dict.fromkeys(names))
    return ", ".join(different) if len(different) <= 3 else f"{len(different)} {plural}"
