"""Frames of any number from a seed: scenes, scattering, background and detector put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spi_viewer.errors import SpiViewerError
from spi_viewer.frames import FrameClass
from spi_viewer.simulation import background, classes, hits, non_sample
from spi_viewer.simulation.detector import DETECTORS, DetectorPreset, detect, draw_shadows
from spi_viewer.simulation.draws import Draw, mix_seeds
from spi_viewer.simulation.particles import FAMILIES
from spi_viewer.simulation.scattering import EV_NM, Geometry, coarse_grid, join_geometries

DEFAULT_WEIGHTS: dict[FrameClass, float] = {
    FrameClass.SINGLE: 0.50,
    FrameClass.MULTI: 0.25,
    FrameClass.NON_SAMPLE: 0.15,
    FrameClass.BLANK: 0.10,
}
# Fringe periods across the frame that the largest particle makes: 4 to 21 px each at 128 px.
_FRINGES = (6.0, 32.0)
_SMOOTH_DETAIL = 12.0  # periods across the frame that gas, halo and slow fields may hold
_BLOCK_PIXELS = 2**20  # frames are made in blocks of this size: small arrays stay in the cache


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

    def select(self, index: Tensor) -> SimulatedFrames:
        """Frames `index` (int64) of these."""
        rows = index.tolist()
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


def class_weights(good_fraction: float) -> dict[FrameClass, float]:
    """The default proportions of the bad classes beside a given part of single particles."""
    bad = 1.0 - DEFAULT_WEIGHTS[FrameClass.SINGLE]
    weights = {
        key: value * (1.0 - good_fraction) / bad
        for key, value in DEFAULT_WEIGHTS.items()
        if key != FrameClass.SINGLE
    }
    return weights | {FrameClass.SINGLE: good_fraction}


def simulate_frames(
    families: Sequence[str],
    count: int,
    seed: int,
    detector: DetectorPreset | Sequence[DetectorPreset] | None = None,
    good_fraction: float = 0.5,
    weights: Mapping[FrameClass, float] | None = None,
    device: str | torch.device = "cpu",
    side_px: int = 256,
) -> SimulatedFrames:
    """`count` frames; the same arguments give the same frames, and a longer set begins with them.

    Args:
        families: names in FAMILIES; each frame's particle is of one of them.
        count: number of frames.
        seed: any whole number.
        detector: one preset, several to draw from, or None for all real ones.
        good_fraction: part of single particles; the bad classes keep their proportions.
        weights: proportions of the classes instead of good_fraction.
        device: torch device.
        side_px: side of the frames; the detector is binned to it.

    Raises:
        SpiViewerError: unknown family, nothing to draw from, or impossible numbers.
    """
    chosen = dict(weights) if weights is not None else class_weights(good_fraction)
    size = block_size(side_px)
    parts = [
        simulate_block(families, seed, block, chosen, detector, device, side_px)
        for block in range(-(-count // size))
    ]
    if not parts:
        raise SpiViewerError("count must be at least 1")
    frames = concatenate(parts)
    return frames if len(frames) == count else frames.select(torch.arange(count, device=device))


def stream(
    families: Sequence[str],
    batch_size: int,
    seed: int,
    side_px: int = 128,
    device: str | torch.device = "cpu",
    detectors: Sequence[DetectorPreset] | None = None,
    weights: Mapping[FrameClass, float] | None = None,
    first_block: int = 0,
) -> Iterator[SimulatedFrames]:
    """Endless fresh batches for training; no frame ever comes twice.

    first_block resumes a stream, or gives each of several workers a stretch of its own.
    """
    chosen = dict(weights) if weights is not None else DEFAULT_WEIGHTS
    block = first_block
    waiting: list[SimulatedFrames] = []
    while True:
        while sum(map(len, waiting)) < batch_size:
            waiting.append(
                simulate_block(families, seed, block, chosen, detectors, device, side_px)
            )
            block += 1
        joined = concatenate(waiting)
        index = torch.arange(len(joined), device=device)
        yield joined.select(index[:batch_size])
        waiting = [joined.select(index[batch_size:])] if len(joined) > batch_size else []


def block_size(side_px: int) -> int:
    """Frames that are made together."""
    return max(8, _BLOCK_PIXELS // side_px**2)


def simulate_block(
    families: Sequence[str],
    seed: int,
    block: int,
    weights: Mapping[FrameClass, float],
    detectors: DetectorPreset | Sequence[DetectorPreset] | None = None,
    device: str | torch.device = "cpu",
    side_px: int = 128,
) -> SimulatedFrames:
    """Block number `block` of a stream: block_size(side_px) frames from one generator."""
    _check(families, weights, side_px)
    draw = Draw(mix_seeds(seed, block), device)
    count = block_size(side_px)
    frame_class = classes.draw_classes(dict(weights), block * count, count, seed).to(draw.device)
    presets = _draw_presets(detectors, count, draw)
    geometry = _draw_geometry(presets, side_px, draw)
    fringes = draw.log_uniform(*_FRINGES, count)
    diameter = fringes / geometry.field_per_nm
    photons = classes.draw_photons(count, draw)
    particles = classes.draw_particles(frame_class, diameter, photons, geometry, draw)
    family = draw.integers(0, len(families) - 1, count)
    names = [families[index] for index in family.tolist()]
    shadows = draw_shadows(presets, geometry.center_px, side_px / fringes, side_px, draw)
    smooth = coarse_grid(_SMOOTH_DETAIL, side_px, draw.device)
    sigma = draw.uniform(0.0, 0.4, count)[:, None, None]
    sigma = sigma * torch.tensor([p.nuisances for p in presets], device=draw.device)[:, None, None]
    slow = torch.exp(sigma * background.slow_field(count, smooth, side_px, draw))
    response = smooth.at_pixels(slow).clamp_min(0.0)
    intensity, fluence_factor = hits.particle_intensities(
        particles, names, fringes, geometry, response * shadows.transmission, draw
    )
    other = (frame_class == FrameClass.NON_SAMPLE).nonzero()[:, 0]
    if len(other):
        image, kinds = non_sample.draw_non_sample(smooth, geometry.center_px[other], side_px, draw)
        seen = (image * (response * shadows.transmission)[other]).sum((1, 2), keepdim=True)
        intensity[other] = image / seen.clamp_min(1e-12)
        for row, kind in zip(other.tolist(), kinds, strict=True):
            names[row] = kind
    blank = (frame_class == FrameClass.BLANK).nonzero()[:, 0]
    for row in blank.tolist():
        names[row] = "blank"
    sample_photons = photons.clone()
    sample_photons[blank] = 0.0
    scattered = intensity * response * sample_photons[:, None, None]
    noise_photons = _draw_background_photons(photons, presets, draw)
    light = background.draw_background(smooth, geometry.center_px, side_px, draw)
    scattered += light * noise_photons[:, None, None]
    counts = detect(scattered, shadows, presets, draw)
    counts = torch.where(shadows.valid, counts, torch.zeros_like(counts))
    hit = particles.count > 0
    return SimulatedFrames(
        counts=counts,
        valid=shadows.valid,
        frame_class=frame_class,
        photons=sample_photons,
        family=names,
        diameter_nm=torch.where(hit, diameter, torch.zeros_like(diameter)),
        particle_count=particles.count,
        fluence_per_um2=fluence_factor * sample_photons * hit,
        detector=[preset.name for preset in presets],
        geometry=geometry,
    )


def _check(families: Sequence[str], weights: Mapping[FrameClass, float], side_px: int) -> None:
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        raise SpiViewerError(
            f"unknown particle family {', '.join(unknown) or '(none given)'}; "
            f"choose from: {', '.join(FAMILIES)}"
        )
    if min(weights.values(), default=0.0) < 0.0 or sum(weights.values()) <= 0.0:
        raise SpiViewerError("class weights must not be negative and must not all be zero")
    if side_px < 32:
        raise SpiViewerError("frames must be at least 32 pixels wide")


def _draw_presets(
    detectors: DetectorPreset | Sequence[DetectorPreset] | None, count: int, draw: Draw
) -> list[DetectorPreset]:
    if detectors is None:
        detectors = [preset for preset in DETECTORS.values() if preset.nuisances]
    if isinstance(detectors, DetectorPreset):
        detectors = [detectors]
    if not detectors:
        raise SpiViewerError("no detector to draw from")
    return [detectors[i] for i in draw.integers(0, len(detectors) - 1, count).tolist()]


def _draw_geometry(presets: list[DetectorPreset], side: int, draw: Draw) -> Geometry:
    """Energy, distance and centre of each frame; the frame shows half to all of the detector."""
    count = len(presets)
    real = torch.tensor([preset.nuisances for preset in presets], device=draw.device)

    def pick(pairs: list[tuple[float, float]]) -> Tensor:
        bounds = torch.tensor(pairs, device=draw.device)
        return bounds[:, 0] * (bounds[:, 1] / bounds[:, 0]) ** draw.uniform(0.0, 1.0, count)

    energy = pick([preset.photon_energy_ev for preset in presets])
    distance = pick([preset.distance_m for preset in presets])
    whole = torch.tensor([p.pixel_size_m * p.side_px for p in presets], device=draw.device)
    part = torch.where(real, draw.uniform(0.5, 1.0, count), torch.ones(count, device=draw.device))
    jitter = draw.normal(0.0, 0.012 * side, count, 2) * real[:, None]
    return Geometry(
        wavelength_nm=EV_NM / energy,
        distance_m=distance,
        pixel_size_m=whole * part / side,
        center_px=(side - 1) / 2.0 + jitter,
        side_px=side,
    )


def _draw_background_photons(photons: Tensor, presets: list[DetectorPreset], draw: Draw) -> Tensor:
    """Background photons of each frame (B,), log-normal about a fifth of the sample's.

    Blank frames follow the photons that a hit would have had, so that brightness of the background
    does not tell the class; one blank or hit in eight has a strong one.
    """
    ratio = draw.log_normal(0.2, 1.0, len(photons)).clamp_max(4.0)
    perfect = torch.tensor([not preset.nuisances for preset in presets], device=draw.device)
    return torch.where(perfect, torch.zeros_like(ratio), ratio) * photons
