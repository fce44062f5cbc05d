"""What the simulator hands over: labelled frames with everything that is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from spi_viewer.simulation.scattering import Geometry, join_geometries


@dataclass
class SimulatedFrames:
    """B labelled frames, S x S pixels.

    Attributes:
        counts: (B, S, S) float32, photons as the detector reports them.
        valid: (B, S, S) bool, the mask as a facility would give it (shadows may be missing in it).
        frame_class: (B,) int64 of FrameClass.
        photons: (B,) float32, expected scattered photons of what was hit, on the visible detector.
        family: B names; of the kind of non-sample, or 'blank', where no particle was hit.
        diameter_nm: (B,) of the largest particle, 0 where there is none.
        particle_count: (B,) int64.
        fluence_per_um2: (B,) photons per square micrometre on the first particle, 0 without one.
        detector: B names of presets.
        geometry: beam and detector of each frame.
    """

    counts: Tensor
    valid: Tensor
    frame_class: Tensor
    photons: Tensor
    family: list[str]
    diameter_nm: Tensor
    particle_count: Tensor
    fluence_per_um2: Tensor
    detector: list[str]
    geometry: Geometry

    def __len__(self) -> int:
        return len(self.family)

    @property
    def fringes(self) -> Tensor:
        """(B,) periods across the frame that the largest particle makes, 0 without one."""
        return self.diameter_nm * self.geometry.field_per_nm

    def select(self, index: Tensor | slice) -> SimulatedFrames:
        """Frames `index` (int64) of these; those of a slice share its memory."""
        rows = range(len(self))[index] if isinstance(index, slice) else index.tolist()
        return SimulatedFrames(
            counts=self.counts[index],
            valid=self.valid[index],
            frame_class=self.frame_class[index],
            photons=self.photons[index],
            family=[self.family[row] for row in rows],
            diameter_nm=self.diameter_nm[index],
            particle_count=self.particle_count[index],
            fluence_per_um2=self.fluence_per_um2[index],
            detector=[self.detector[row] for row in rows],
            geometry=self.geometry.select(index),
        )

    def replace(self, index: Tensor, others: SimulatedFrames) -> None:
        """Put `others` in the places `index` (int64)."""
        for entry in fields(self):
            mine, theirs = getattr(self, entry.name), getattr(others, entry.name)
            if isinstance(mine, Tensor):
                mine[index] = theirs
            elif isinstance(mine, list):
                for row, value in zip(index.tolist(), theirs, strict=True):
                    mine[row] = value
        source = torch.arange(len(self), device=index.device)
        source[index] = len(self) + torch.arange(len(index), device=index.device)
        self.geometry = join_geometries([self.geometry, others.geometry]).select(source)


def concatenate(parts: Sequence[SimulatedFrames]) -> SimulatedFrames:
    """All frames of the parts in order; sides must agree."""
    return SimulatedFrames(
        counts=torch.cat([part.counts for part in parts]),
        valid=torch.cat([part.valid for part in parts]),
        frame_class=torch.cat([part.frame_class for part in parts]),
        photons=torch.cat([part.photons for part in parts]),
        family=[name for part in parts for name in part.family],
        diameter_nm=torch.cat([part.diameter_nm for part in parts]),
        particle_count=torch.cat([part.particle_count for part in parts]),
        fluence_per_um2=torch.cat([part.fluence_per_um2 for part in parts]),
        detector=[name for part in parts for name in part.detector],
        geometry=join_geometries([part.geometry for part in parts]),
    )
